/* Names of accounts and groups. Part of host/process.h. */
#include "host/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "host/child.h"
#include "host/identity.h"

/*
 * The files of this host come first: they answer at once, and hold the accounts that matter when
 * nothing else works. Everything else (LDAP, SSSD, NIS) is asked in a child, which may hang: all
 * that a process waits for such answers within a minute is BUDGET_NS.
 */
#define BUDGET_NS (2 * NS_PER_SECOND)
#define BUDGET_PERIOD_NS (60 * NS_PER_SECOND)

enum subject { ACCOUNT_NAME, ACCOUNT_ID, GROUP_NAME, GROUP_ID };

struct question {
	enum subject subject;
	uint32_t id;
	const char *name;
};

/* The line of a file that answers the question: *ret_answer, which the caller frees, is a name or a
   number. NULL: none. */
static char *ask_files(const struct question *q)
{
	bool account = q->subject == ACCOUNT_NAME || q->subject == ACCOUNT_ID;
	bool by_id = q->subject == ACCOUNT_NAME || q->subject == GROUP_NAME;
	AUTO_FCLOSE FILE *file = fopen(account ? "/etc/passwd" : "/etc/group", "re");

	while (file) {
		const struct passwd *user = account ? fgetpwent(file) : NULL;
		const struct group *group = account ? NULL : fgetgrent(file);
		const char *name = user ? user->pw_name : group ? group->gr_name : NULL;
		uint32_t id = user ? user->pw_uid : group ? group->gr_gid : 0;

		if (!name)
			break;
		/* Lines with a sign in front point to other services. */
		if (*name && !strchr("+-", *name) && (by_id ? id == q->id : !strcmp(name, q->name)))
			return by_id ? mem_strdup(name) : mem_printf("%u", id);
	}
	return NULL;
}

/* In the child: whatever the system is configured to ask. */
static void ask_services(const void *question, int out)
{
	const struct question *q = question;
	const struct passwd *user = NULL;
	const struct group *group = NULL;
	char number[16] = "";
	const char *answer = number;

	if (q->subject == ACCOUNT_NAME)
		user = getpwuid(q->id);
	else if (q->subject == ACCOUNT_ID)
		user = getpwnam(q->name);
	else if (q->subject == GROUP_NAME)
		group = getgrgid(q->id);
	else
		group = getgrnam(q->name);
	if (q->subject == ACCOUNT_NAME)
		answer = user ? user->pw_name : "";
	else if (q->subject == GROUP_NAME)
		answer = group ? group->gr_name : "";
	else if (user || group)
		snprintf(number, sizeof(number), "%u", user ? user->pw_uid : group->gr_gid);
	host_child_write(out, answer, strlen(answer));
}

/* What this process may still wait. */
static int64_t budget_left(int64_t **ret_spent_ns)
{
	static int64_t since_ns, spent_ns;
	int64_t now_ns = clock_monotonic_ns();

	if (now_ns - since_ns > BUDGET_PERIOD_NS) {
		since_ns = now_ns;
		spent_ns = 0;
	}
	*ret_spent_ns = &spent_ns;
	return BUDGET_NS - spent_ns;
}

/* What the child answers in time; NULL: nothing. The caller frees it. */
static char *ask_child(host_child_work *work, const void *question)
{
	static struct host_child_stuck stuck;
	AUTO(str_clear) struct str answer = {0};
	struct host_child_end end;
	int64_t *spent_ns, left_ns, begin_ns;
	int r;

	left_ns = budget_left(&spent_ns);
	if (left_ns <= 0)
		return NULL;
	begin_ns = clock_monotonic_ns();
	r = host_child_ask(work, question, begin_ns + left_ns, &stuck, &answer, &end);
	*spent_ns += clock_monotonic_ns() - begin_ns;
	return r == 0 && answer.length ? str_steal(&answer) : NULL;
}

/* The answer, which the caller frees; NULL where there is none, or none in time. */
static char *ask(const struct question *q)
{
	char *found = ask_files(q);

	return found ? found : ask_child(ask_services, q);
}

char *host_account_name(uid_t uid)
{
	char *name = ask(&(struct question){.subject = ACCOUNT_NAME, .id = uid});

	return name ? name : mem_printf("uid %u", (unsigned)uid);
}

int host_account_find(const char *name, uid_t *ret_uid)
{
	AUTO_FREE char *answer = ask(&(struct question){.subject = ACCOUNT_ID, .name = name});
	int64_t number;

	if (parse_int(answer ? answer : name, 0, UINT32_MAX - 1, &number, NULL) < 0)
		return -ENOENT;
	*ret_uid = (uid_t)number;
	return 0;
}

char *host_group_name(gid_t gid)
{
	return ask(&(struct question){.subject = GROUP_NAME, .id = gid});
}

bool host_group_exists(const char *name)
{
	AUTO_FREE char *answer = ask(&(struct question){.subject = GROUP_ID, .name = name});

	return answer != NULL;
}

bool host_in_group(const char *name)
{
	AUTO_FREE char *answer = ask(&(struct question){.subject = GROUP_ID, .name = name});
	AUTO_FREE gid_t *groups = NULL;
	int64_t gid;
	int count;

	if (!answer || parse_int(answer, 0, UINT32_MAX - 1, &gid, NULL) < 0)
		return false;
	if ((gid_t)gid == host_gid_outside(getgid()))
		return true;
	count = getgroups(0, NULL);
	groups = mem_alloc(count > 0 ? (size_t)count : 1, sizeof(*groups));
	count = getgroups(count, groups);
	for (int i = 0; i < count; i++) {
		if (host_gid_outside(groups[i]) == (gid_t)gid)
			return true;
	}
	return false;
}

/* ---- the groups of an account ---- */

struct membership_question {
	uid_t uid;
	const char *const *names;
	size_t count;
	char *answers; /* of the files */
};

/* What is answered for each group. */
#define ANSWER_YES 'y'
#define ANSWER_NO 'n'
#define ANSWER_UNKNOWN '?'

/* Whether the group lists the account, or is its own. */
static bool lists(const struct group *group, const char *account, gid_t gid)
{
	if (group->gr_gid == gid)
		return true;
	for (char **member = group->gr_mem; member && *member; member++) {
		if (!strcmp(*member, account))
			return true;
	}
	return false;
}

/* What the files of this host say for certain: other services can add members to their groups, but
   take none away. */
static void ask_group_file(struct membership_question *q)
{
	AUTO_FCLOSE FILE *users = fopen("/etc/passwd", "re");
	AUTO_FCLOSE FILE *groups = fopen("/etc/group", "re");
	const struct passwd *user = NULL;
	const struct group *group;

	memset(q->answers, ANSWER_UNKNOWN, q->count);
	while (users && (user = fgetpwent(users)) &&
	       (user->pw_uid != q->uid || strchr("+-", *user->pw_name)))
		;
	while (user && groups && (group = fgetgrent(groups))) {
		for (size_t i = 0; i < q->count; i++) {
			if (!strcmp(group->gr_name, q->names[i]) &&
			    lists(group, user->pw_name, user->pw_gid))
				q->answers[i] = ANSWER_YES;
		}
	}
}

/* All groups of an account; NULL: these cannot be told. The caller frees them. */
static gid_t *list_groups(const struct passwd *user, int *ret_count)
{
	AUTO_FREE gid_t *groups = NULL;
	int count = 64, room;

	do {
		room = count;
		groups = mem_resize(groups, (size_t)room, sizeof(*groups));
		if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) >= 0) {
			*ret_count = count;
			return mem_steal(&groups);
		}
	} while (count > room);
	return NULL;
}

static char answer_group(const char *name, const char *account, gid_t own, const gid_t *groups,
			 int count)
{
	char buffer[65536];
	struct group storage, *group = NULL;

	/* An error is not the same as no such group. */
	if (getgrnam_r(name, &storage, buffer, sizeof(buffer), &group) != 0)
		return ANSWER_UNKNOWN;
	if (!group)
		return ANSWER_NO;
	if (lists(group, account, own))
		return ANSWER_YES;
	for (int i = 0; i < count; i++) {
		if (groups[i] == group->gr_gid)
			return ANSWER_YES;
	}
	return ANSWER_NO;
}

/* In the child. An account that is not known has groups that are not known. */
static void ask_group_services(const void *question, int out)
{
	const struct membership_question *q = question;
	const struct passwd *user = getpwuid(q->uid);
	AUTO_FREE char *account = user ? mem_strdup(user->pw_name) : NULL;
	gid_t own = user ? user->pw_gid : 0;
	AUTO_FREE gid_t *groups = NULL;
	int count = 0;

	if (user)
		groups = list_groups(user, &count);
	for (size_t i = 0; i < q->count; i++) {
		char answer = groups ? answer_group(q->names[i], account, own, groups, count)
				     : ANSWER_UNKNOWN;

		host_child_write(out, &answer, 1);
	}
}

void host_account_groups(uid_t uid, const char *const *names, size_t count,
			 enum host_member *ret_members)
{
	AUTO_FREE char *answers = mem_alloc(count + 1, 1);
	struct membership_question q = {
		.uid = uid, .names = names, .count = count, .answers = answers};
	AUTO_FREE char *services = NULL;

	ask_group_file(&q);
	if (memchr(answers, ANSWER_UNKNOWN, count))
		services = ask_child(ask_group_services, &q);
	for (size_t i = 0; i < count; i++) {
		char answer = answers[i];

		if (answer == ANSWER_UNKNOWN && services && strlen(services) == count)
			answer = services[i];
		ret_members[i] = answer == ANSWER_YES  ? HOST_MEMBER
				 : answer == ANSWER_NO ? HOST_NO_MEMBER
						       : HOST_MEMBER_UNKNOWN;
	}
}
