/* Whose the processes on the GPUs are: observe_processes of observe.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/identity.h"
#include "host/proc.h"
#include "host/process.h"
#include "pool/observe.h"

/* Account names looked up so far; few accounts use the GPUs of a host at a time. */
struct names {
	uid_t uid[64];
	char *name[64];
	size_t count;
};

static char *names_find(struct names *n, uid_t uid)
{
	for (size_t i = 0; i < n->count; i++) {
		if (n->uid[i] == uid)
			return mem_strdup(n->name[i]);
	}
	if (n->count == ARRAY_SIZE(n->uid))
		return host_account_name(uid);
	n->uid[n->count] = uid;
	n->name[n->count] = host_account_name(uid);
	return mem_strdup(n->name[n->count++]);
}

/* A command that runs as another account (set-uid) still belongs to its holder: the ancestors tell.
 */
static bool observe_descends(pid_t pid, const struct process_ref *ancestor)
{
	struct process_info info;

	for (int depth = 0; depth < 64 && pid > 1; depth++) {
		if (host_process_read(pid, &info, NULL) < 0)
			return false;
		if (info.pid == ancestor->pid && info.start_ticks == ancestor->start_ticks)
			return true;
		pid = info.ppid;
	}
	return false;
}

/*
 * Whether the holder is a container (supervise/container.c) and the process runs in it, too, as by
 * `docker exec`: it descends from the engine. A supervisor in the same container means that people
 * share that one as a host.
 */
static bool observe_is_in_same_container(pid_t pid, const struct holder *h)
{
	AUTO_FREE char *container = NULL, *holders = NULL, *supervisors = NULL;

	if (!h->command.pid || host_process_life(&h->command) != HOST_ALIVE)
		return false;
	holders = host_process_container(h->command.pid);
	container = holders ? host_process_container(pid) : NULL;
	if (!container || strcmp(container, holders) != 0)
		return false;
	supervisors = host_process_container(h->supervisor.pid);
	return !supervisors || strcmp(supervisors, holders) != 0;
}

/* Unknown is not foreign: pids of another namespace, and hidden processes, prove nothing. */
static bool observe_is_foreign(const struct observation *o, const struct process *process,
			       const struct reservation *r)
{
	const struct process_ref ref = {.pid = process->pid};

	if (o->foreign_pids || (!process->uid.known && host_process_life(&ref) == HOST_HIDDEN))
		return false;
	if (account_is_same(process->uid, process->account, r->uid, r->account))
		return false;
	if (r->holder.command.pid && observe_descends(process->pid, &r->holder.command))
		return false;
	return !observe_is_in_same_container(process->pid, &r->holder);
}

void observe_processes(struct observation *o, const struct pool_state *state)
{
	struct names names = {.count = 0};

	for (size_t i = 0; i < o->count; i++) {
		const struct reservation *r = state->slots[i].reservation;
		struct gpu *gpu = o->gpus[i];

		for (size_t k = 0; gpu && k < gpu->processes_count; k++) {
			struct process *process = &gpu->processes[k];
			struct process_info info;

			/* The account of a pid that is not in /proc stays unknown. */
			if (process->pid > 0 && !o->foreign_pids &&
			    host_process_read(process->pid, &info, NULL) == 0) {
				uid_t uid = host_uid_outside(info.uid);

				process->uid = quantity_of((int64_t)uid);
				process->account = names_find(&names, uid);
				process->start_ticks = info.start_ticks;
				process->started_ns = host_start_time_ns(info.start_ticks);
				/* Some drivers report the whole path of the program. */
				if (!process->name || strchr(process->name, '/'))
					mem_replace(&process->name, info.name);
			}
			process->foreign = r && observe_is_foreign(o, process, r);
			/* For finding the owner of a process that should not be there. */
			if (process->uid.known && (!r || process->foreign))
				process->container = host_process_container(process->pid);
		}
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.name[i]);
}
