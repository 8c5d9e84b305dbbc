/* The processes of `adopt`; see adoptees.h. Called by adopt.c. */
#include "cmd/adoptees.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "host/identity.h"
#include "host/process.h"
#include "host/tree.h"

/* The caller's own processes, or for root anybody's, but all of one account. */
static int check_owner(struct adoptees *a, const struct process_info *info, struct err *e)
{
	AUTO_FREE char *owner = NULL;

	if (host_own_uid() != 0 && info->uid != getuid()) {
		owner = host_account_name(host_uid_outside(info->uid));
		return err_set(e, EPERM, "process %d belongs to %s, not to you", (int)info->pid,
			       owner);
	}
	if (a->count && host_uid_outside(info->uid) != a->uid) {
		owner = host_account_name(host_uid_outside(info->uid));
		return err_set(e, EINVAL,
			       "process %d belongs to %s, process %d to %s: adopt the processes "
			       "of each account separately",
			       (int)a->processes[0].pid, a->account, (int)info->pid, owner);
	}
	if (!a->count) {
		a->uid = host_uid_outside(info->uid);
		a->account = host_account_name(host_uid_outside(info->uid));
	}
	return 0;
}

int adoptees_add(struct adoptees *a, const char *word, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct process_ref process;
	struct process_info info;
	int64_t pid;
	int r;

	if (parse_int(word, 1, INT32_MAX, &pid, NULL) < 0)
		return err_usage(e, "'%.60s' is not a process id", word);
	for (size_t i = 0; i < a->count; i++) {
		if (a->processes[i].pid == (pid_t)pid)
			return err_usage(e, "process %d is given twice", (int)pid);
	}
	if (host_process_read((pid_t)pid, &info, NULL) < 0)
		return err_set(e, ESRCH, "there is no process %d that you can see", (int)pid);
	process = (struct process_ref){.pid = info.pid, .start_ticks = info.start_ticks};
	/* Threads and zombies have numbers, too, but neither can be waited for. */
	r = host_pidfd_open(&process, &fd, e);
	if (r == 0)
		r = check_owner(a, &info, e);
	if (r < 0)
		return r;
	a->processes = mem_resize(a->processes, a->count + 1, sizeof(*a->processes));
	a->processes[a->count++] = process;
	return 0;
}

void adoptees_clear(struct adoptees *a)
{
	free(a->processes);
	free(a->account);
	*a = (struct adoptees){0};
}
