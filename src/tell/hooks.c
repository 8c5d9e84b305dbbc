/* The programs of /etc/canhazgpu/hooks.d; see hooks.h. */
#include "tell/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/privilege.h"
#include "tell/log.h"
#include "tell/program.h"

/* For the locks: root alone can open what lies there. */
#define LOCK_DIRECTORY "/run/canhazgpu"
#define LOCK_TICK_NS (50 * NS_PER_MS)
/* For all events of a pass together, less than TELL_LIFE_S. */
#define HOOK_TOTAL_NS (200 * NS_PER_SECOND)
/* The group that is the pool's, whatever its name. */
#define POOL_DIRECTORY "/var/lib/canhazgpu"

struct hook {
	char *name, *path; /* of the file itself, without links */
	char *problem;     /* why it is not run; NULL: it is */
};

struct hooks {
	struct hook *items;
	size_t count;
	char *problem; /* why none is run; NULL: they are */
};

static void hooks_clear(struct hooks *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->items[i].name);
		free(h->items[i].path);
		free(h->items[i].problem);
	}
	free(h->items);
	free(h->problem);
	*h = (struct hooks){0};
}

bool tell_hook_name_counts(const char *name)
{
	return *name && !name[strspn(name, PARSE_ALPHANUMERIC "_-")];
}

/* Why nobody but root can be sure of what lies there; NULL: root can. The caller frees it. */
static char *check_owner(const char *what, const struct stat *st)
{
	if (st->st_uid != 0)
		return mem_printf("%s does not belong to root", what);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return mem_printf("%s can be written by others than root", what);
	return NULL;
}

/* Why that file is not run; NULL: it is. */
static char *check_file(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return mem_strdup(strerror(errno));
	if (!S_ISREG(st.st_mode))
		return mem_strdup("it is no file");
	if (!(st.st_mode & S_IXOTH) && !(st.st_mode & S_IXGRP))
		return mem_strdup("it is not executable (chmod 755)");
	if (!privilege_path_is_root_controlled(path))
		return mem_strdup("others than root can change a directory above it");
	return check_owner("it", &st);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct hook *)a)->name, ((const struct hook *)b)->name);
}

static void add_hook(struct hooks *h, const char *name)
{
	AUTO_FREE char *link = mem_printf(TELL_HOOKS_DIRECTORY "/%s", name);
	struct hook hook = {.name = mem_strdup(name), .path = realpath(link, NULL)};

	if (!tell_hook_name_counts(name))
		hook.problem = mem_strdup("its name has other characters than letters, digits, "
					  "'_' and '-'");
	else
		hook.problem = hook.path ? check_file(hook.path) : mem_strdup(strerror(errno));
	h->items = mem_resize(h->items, h->count + 1, sizeof(*h->items));
	h->items[h->count++] = hook;
}

static void list_directory(DIR *directory, struct hooks *h)
{
	const struct dirent *entry;

	while ((entry = readdir(directory))) {
		if (*entry->d_name != '.')
			add_hook(h, entry->d_name);
	}
}

/* Lists what is there, in the order of the names. */
static void hooks_list(struct hooks *h)
{
	DIR *directory = opendir(TELL_HOOKS_DIRECTORY);
	struct stat st;

	*h = (struct hooks){0};
	if (!directory)
		return;
	if (fstat(dirfd(directory), &st) == 0)
		h->problem = check_owner(TELL_HOOKS_DIRECTORY, &st);
	if (!h->problem && !privilege_path_is_root_controlled(TELL_HOOKS_DIRECTORY))
		h->problem = mem_strdup("others than root can change a directory above it");
	list_directory(directory, h);
	closedir(directory);
	if (h->count)
		qsort(h->items, h->count, sizeof(*h->items), compare);
}

/* The account that hooks run as: with no group but its own, which must not be the pool's. */
static int hook_account(const char *name, struct tell_account *ret_account, struct err *e)
{
	AUTO(tell_account_clear) struct tell_account account = {0};
	struct stat pool;

	if (tell_account_by_name(name, &account, e) < 0)
		return err_append(e, ", which hooks run as (tell.hook-user)");
	if (account.uid != 0 && stat(POOL_DIRECTORY, &pool) == 0 && pool.st_gid == account.gid)
		return err_set(e, EPERM,
			       "hooks do not run as '%s', whose group is that of the "
			       "pool; set tell.hook-user",
			       name);
	account.alone = true;
	*ret_account = account;
	account = (struct tell_account){0};
	return 0;
}

/* A hook of two passes at once gets the events in order, one after the other. Waits for at most
   that long; -ETIMEDOUT: it is still busy. */
static int lock_hook(const char *name, int64_t limit_ns)
{
	AUTO_FREE char *path = mem_printf(LOCK_DIRECTORY "/hook-%s.lock", name);
	const struct timespec pause = {.tv_nsec = LOCK_TICK_NS};
	int64_t deadline_ns = clock_monotonic_ns() + limit_ns;
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if ((mkdir(LOCK_DIRECTORY, 0755) < 0 && errno != EEXIST) || lstat(LOCK_DIRECTORY, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return mem_steal_fd(&fd);
}

/* One hook with all events, in a process of its own. */
static void run_hook(const struct hook *hook, const struct tell_account *account, int64_t limit_ns,
		     char *const *events, size_t count)
{
	AUTO_CLOSE int lock = lock_hook(hook->name, limit_ns);
	AUTO_FREE char *label = mem_printf("hook %s", hook->name);
	char *const arguments[] = {hook->name, NULL};
	struct tell_program program = {.label = label,
				       .path = hook->path,
				       .arguments = arguments,
				       .account = account,
				       .limit_ns = limit_ns};
	int64_t end_ns;

	if (lock == -ETIMEDOUT)
		tell_log("%s is busy with earlier events: it does not get %zu", label, count);
	else if (lock < 0)
		tell_log("%s does not get %zu events: cannot lock " LOCK_DIRECTORY ": %s", label,
			 count, strerror(-lock));
	if (lock < 0)
		return;
	tell_program_adopt();
	end_ns = clock_monotonic_ns() + HOOK_TOTAL_NS;
	for (size_t i = 0; i < count; i++) {
		program.input = events[i];
		if (tell_program_run(&program) != -ETIMEDOUT && clock_monotonic_ns() < end_ns)
			continue;
		if (i + 1 < count)
			tell_log("%s does not get %zu more events", label, count - i - 1);
		return;
	}
}

void tell_hooks_run(const struct tell_options *options, char *const *events, size_t count)
{
	AUTO(hooks_clear) struct hooks hooks = {0};
	AUTO(tell_account_clear) struct tell_account account = {0};
	struct err e = {0};

	hooks_list(&hooks);
	if (!hooks.count || !count)
		return;
	if (hooks.problem || hook_account(options->hook_user, &account, &e) < 0) {
		tell_log("no hook is run: %s", hooks.problem ? hooks.problem : e.text);
		return;
	}
	for (size_t i = 0; i < hooks.count; i++) {
		const struct hook *hook = &hooks.items[i];

		if (hook->problem) {
			tell_log("hook %s is not run: %s", hook->name, hook->problem);
		} else if (tell_fork() == 0) {
			run_hook(hook, &account, options->hook_limit_ns, events, count);
			_exit(EXIT_SUCCESS);
		}
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
}

void tell_hooks_examine(const struct tell_options *options, struct findings *f)
{
	AUTO(hooks_clear) struct hooks hooks = {0};
	AUTO(tell_account_clear) struct tell_account account = {0};
	struct err e = {0};
	size_t good = 0;

	hooks_list(&hooks);
	for (size_t i = 0; i < hooks.count; i++)
		good += !hooks.items[i].problem;
	findings_add(f, "hooks", FINDING_OK, NULL, "%zu in " TELL_HOOKS_DIRECTORY, good);
	if (hooks.problem)
		findings_extend(f, FINDING_WARNING, NULL, "none is run: %s", hooks.problem);
	for (size_t i = 0; i < hooks.count; i++) {
		if (hooks.items[i].problem)
			findings_extend(f, FINDING_WARNING, NULL, "%s is not run: %s",
					hooks.items[i].name, hooks.items[i].problem);
	}
	if (good && getuid() == 0 && hook_account(options->hook_user, &account, &e) < 0)
		findings_extend(f, FINDING_WARNING, NULL, "none is run: %s", e.text);
}
