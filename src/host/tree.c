/*
 * The processes that belong to a run reservation: host/tree.h. The supervisor calls it, repeatedly,
 * on hosts with thousands of processes: one read per process, and a second one only where that
 * leaves a doubt.
 */
#include "host/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/cgroup.h"
#include "host/proc.h"

#define NO_PARENT ((size_t)-1)

/* One process of this host at the moment of a refresh. */
struct row {
	pid_t pid, ppid, session;
	uint64_t start_ticks;
	size_t parent;  /* its row, or NO_PARENT */
	bool gone;      /* a zombie */
	bool secret;    /* its environment may not be read */
	bool blank;     /* it has none: cleared, or in the middle of exec */
	bool claimed;   /* it carries the marker of another reservation */
	bool contained; /* it runs in the container of the tree */
	bool member;
};

struct table {
	struct row *rows; /* ascending by pid */
	size_t count;
};

static void table_clear(struct table *p)
{
	free(p->rows);
}

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct row *table_find(const struct table *p, pid_t pid)
{
	const struct row key = {.pid = pid};

	return p->count ? bsearch(&key, p->rows, p->count, sizeof(key), row_compare) : NULL;
}

/* Reads every process of the host but the caller. Those that end meanwhile are left out. */
static int table_read(struct table *p, struct err *e)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t pids_count;
	int r;

	r = host_process_list(&pids, &pids_count, e);
	if (r < 0)
		return r;
	p->rows = mem_alloc(pids_count, sizeof(*p->rows));
	for (size_t i = 0; i < pids_count; i++) {
		struct process_info info;

		if (pids[i] == getpid() || host_process_stat(pids[i], &info) < 0)
			continue;
		p->rows[p->count++] = (struct row){
			.pid = info.pid,
			.ppid = info.ppid,
			.session = info.session,
			.start_ticks = info.start_ticks,
			.gone = host_state_is_gone(info.state),
		};
	}
	qsort(p->rows, p->count, sizeof(*p->rows), row_compare);
	for (size_t i = 0; i < p->count; i++) {
		const struct row *parent = table_find(p, p->rows[i].ppid);

		p->rows[i].parent = parent ? (size_t)(parent - p->rows) : NO_PARENT;
	}
	return 0;
}

uint64_t host_ticks_now(void)
{
	int64_t rate = sysconf(_SC_CLK_TCK);

	return (uint64_t)(host_boot_ns() / (NS_PER_SECOND / rate));
}

void host_tree_init(struct host_tree *t, const char *id, const struct process_ref *command)
{
	struct process_info info;

	*t = (struct host_tree){.id = mem_strdup(id),
				.command = *command,
				.oldest_ticks = command->start_ticks,
				.since_ticks = host_ticks_now(),
				.until_ticks = UINT64_MAX,
				.uid = getuid(),
				.session = HOST_SESSION_UNKNOWN};
	t->members = mem_alloc(1, sizeof(*t->members));
	t->members[0] = *command;
	t->members_count = 1;
	if (host_process_read(command->pid, &info, NULL) == 0 &&
	    info.start_ticks == command->start_ticks) {
		t->session = info.session;
		t->uid = info.uid;
	}
}

void host_tree_add(struct host_tree *t, const struct process_ref *root)
{
	t->members = mem_resize(t->members, t->members_count + 1, sizeof(*t->members));
	t->members[t->members_count++] = *root;
	if (root->start_ticks < t->oldest_ticks)
		t->oldest_ticks = root->start_ticks;
}

void host_tree_clear(struct host_tree *t)
{
	free(t->id);
	free(t->cgroup);
	free(t->members);
	free(t->kin);
	free(t->container);
	*t = (struct host_tree){0};
}

bool host_tree_has(const struct host_tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->members_count; i++)
		if (t->members[i].pid == pid)
			return true;
	return false;
}

/* A process that is older than those which the tree begins with cannot have come from them. */
static bool is_candidate(const struct host_tree *t, const struct row *row)
{
	return !row->member && !row->gone && row->start_ticks >= t->oldest_ticks;
}

/* Adds the descendants of members. Pids wrap around, so a child can stand before its parent: one
   pass is not enough. */
static void spread(const struct host_tree *t, struct table *p)
{
	bool grown;

	do {
		grown = false;
		for (size_t i = 0; i < p->count; i++) {
			struct row *row = &p->rows[i];

			if (is_candidate(t, row) && row->parent != NO_PARENT &&
			    p->rows[row->parent].member)
				row->member = grown = true;
		}
	} while (grown);
}

/* Whether the process is of the command's account. */
static bool is_of_account(const struct host_tree *t, const struct row *row)
{
	struct process_info info;

	return host_process_read(row->pid, &info, NULL) == 0 &&
	       info.start_ticks == row->start_ticks && info.uid == t->uid;
}

/*
 * Adds those that carry the marker. A row is secret where nobody may look. Root may look
 * everywhere, and anybody can copy a marker, to keep root's reservation: it counts for the
 * command's account.
 */
static void add_marked(const struct host_tree *t, struct table *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct row *row = &p->rows[i];
		AUTO_FREE char *block = NULL;
		const char *value;
		size_t length;
		int r;

		if (!is_candidate(t, row))
			continue;
		r = host_proc_read_all(row->pid, "environ", HOST_ENVIRON_MAX, &block, &length);
		row->secret = r == -EACCES || r == -EPERM;
		row->blank = r == 0 && length == 0;
		if (r == 0) {
			value = host_environ_find(block, length, HOST_TREE_MARKER);
			row->member = value && t->id && *t->id && strcmp(value, t->id) == 0 &&
				      (geteuid() != 0 || is_of_account(t, row));
			row->claimed = value && !row->member;
		}
	}
}

/* Adds what is in the run's control group. */
static void add_grouped(const struct host_tree *t, struct table *p)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;

	if (t->cgroup)
		host_cgroup_list(t->cgroup, &pids, &count);
	for (size_t i = 0; i < count; i++) {
		struct row *row = table_find(p, pids[i]);

		if (row && !row->gone)
			row->member = true;
	}
}

/* Adds those in the container, and finds its first process: the oldest of those that were started
   from outside. */
static void add_contained(struct host_tree *t, struct table *p)
{
	t->first = (struct process_ref){0};
	for (size_t i = 0; t->container && i < p->count; i++) {
		struct row *row = &p->rows[i];

		row->contained = !row->gone && row->start_ticks >= t->oldest_ticks &&
				 host_process_is_in_container(row->pid, t->container);
		row->member |= row->contained;
	}
	for (size_t i = 0; t->container && i < p->count; i++) {
		const struct row *row = &p->rows[i];

		if (row->contained && (!t->first.pid || row->start_ticks < t->first.start_ticks) &&
		    (row->parent == NO_PARENT || !p->rows[row->parent].contained))
			t->first = (struct process_ref){.pid = row->pid,
							.start_ticks = row->start_ticks};
	}
}

/* Whether the process began while the command ran. */
static bool is_of_time(const struct host_tree *t, const struct row *row)
{
	return is_candidate(t, row) && row->start_ticks >= t->since_ticks &&
	       row->start_ticks <= t->until_ticks;
}

/* Whether the process may have come from the command without a trace. */
static bool is_kin(const struct host_tree *t, const struct row *row)
{
	if (!is_of_time(t, row) || row->claimed || row->session != t->session)
		return false;
	return row->secret || is_of_account(t, row);
}

static void keep_kin(struct host_tree *t, const struct table *p)
{
	free(t->kin);
	t->kin = mem_alloc(p->count, sizeof(*t->kin));
	t->kin_count = 0;
	t->unsure = false;
	for (size_t i = 0; i < p->count; i++) {
		t->unsure |= p->rows[i].blank && is_of_time(t, &p->rows[i]);
		if (is_kin(t, &p->rows[i]))
			t->kin[t->kin_count++] = (struct process_ref){
				.pid = p->rows[i].pid, .start_ticks = p->rows[i].start_ticks};
	}
	t->kin = mem_resize(t->kin, t->kin_count, sizeof(*t->kin));
}

/*
 * Marks the rows of the members of last time that still live. One that is not in the table has
 * ended, or /proc hides it since it changed its account: it goes to the list of the hidden.
 */
static void add_survivors(struct host_tree *t, struct table *p, struct process_ref *hidden,
			  size_t *hidden_count)
{
	for (size_t i = 0; i < t->members_count; i++) {
		const struct process_ref *m = &t->members[i];
		struct row *row = table_find(p, m->pid);

		if (row && row->start_ticks == m->start_ticks && !row->gone) {
			row->member = true;
			if (m->pid == t->command.pid && m->start_ticks == t->command.start_ticks)
				t->session = row->session;
		} else if (!row && m->pid != getpid() && host_process_life(m) != HOST_GONE) {
			hidden[(*hidden_count)++] = *m;
		}
	}
}

int host_tree_refresh(struct host_tree *t, struct err *e)
{
	AUTO(table_clear) struct table p = {0};
	struct process_ref *members;
	size_t count = 0;
	int r;

	r = table_read(&p, e);
	if (r < 0)
		return r;
	members = mem_alloc(t->members_count + p.count, sizeof(*members));
	add_survivors(t, &p, members, &count);
	add_grouped(t, &p);
	spread(t, &p);
	add_marked(t, &p);
	add_contained(t, &p);
	spread(t, &p);
	keep_kin(t, &p);
	for (size_t i = 0; i < p.count; i++)
		if (p.rows[i].member)
			members[count++] = (struct process_ref){
				.pid = p.rows[i].pid, .start_ticks = p.rows[i].start_ticks};
	free(t->members);
	t->members = mem_resize(members, count, sizeof(*members));
	t->members_count = count;
	return 0;
}

/* Which signal a member gets. */
typedef int choose_signal(const struct process_ref *member, int signal);

static int as_it_is(const struct process_ref *member, int signal)
{
	(void)member;
	return signal;
}

static int not_ignored(const struct process_ref *member, int signal)
{
	return host_process_ignores(member->pid, signal) ? SIGTERM : signal;
}

/* Goes on after a failure, so that one process does not save all others; reports the first one. */
static int signal_all(const struct host_tree *t, int signal, choose_signal *choose,
		      size_t *ret_refused, struct err *e)
{
	size_t refused = 0;
	int result = 0;

	for (size_t i = 0; i < t->members_count; i++) {
		const struct process_ref *member = &t->members[i];
		struct err failure = {0};
		int r = host_process_signal(member, choose(member, signal), &failure);

		if (r == -EPERM) {
			refused++;
		} else if (r < 0 && r != -ESRCH && result == 0) {
			result = r;
			if (e)
				*e = failure;
		}
	}
	if (result == 0)
		*ret_refused = refused;
	return result;
}

int host_tree_signal(const struct host_tree *t, int signal, size_t *ret_refused, struct err *e)
{
	return signal_all(t, signal, as_it_is, ret_refused, e);
}

int host_tree_stop(const struct host_tree *t, int signal, size_t *ret_refused, struct err *e)
{
	int r = signal_all(t, signal, not_ignored, ret_refused, e);

	if (r < 0)
		return r;
	return signal_all(t, SIGCONT, as_it_is, ret_refused, e);
}
