/* Processes that do not count as use; see ignore.h. */
#include "plan/ignore.h"

#include <errno.h>

#include "base/mem.h"
#include "plan/actor.h"

/* Forgives as much as is left of what the process had then. */
static void forgive(struct process *p, const struct ignored_process *ignored, int64_t *left_mb)
{
	mem_replace(&p->ignored_by, ignored->ignored_by ? ignored->ignored_by : "unknown");
	p->ignored_ns = ignored->ignored_ns;
	p->forgiven_mb = p->memory_mb.known ? p->memory_mb.value : 0;
	if (p->forgiven_mb > *left_mb)
		p->forgiven_mb = *left_mb;
	*left_mb -= p->forgiven_mb;
}

void plan_forgive(struct gpu *gpu, const struct ignored_process *list, const bool *is_alive,
		  size_t count)
{
	for (size_t k = 0; k < count; k++) {
		int64_t left_mb = list[k].memory_mb; /* a driver may list a process twice */

		for (size_t i = 0; is_alive[k] && i < gpu->processes_count; i++) {
			struct process *p = &gpu->processes[i];

			if (p->pid > 0 && p->pid == list[k].holder.command.pid)
				forgive(p, &list[k], &left_mb);
		}
	}
}

static void add_change(struct plan *p, const struct ignored_process *process, bool drop)
{
	plan_add(p, CHANGE_IGNORE)->ignore =
		(struct change_ignore){.process = process, .drop = drop};
}

/* Of a process that has ended nobody wants to know. */
static void forget_ended(const struct pool_state *state, const bool *is_alive, struct plan *p)
{
	for (size_t i = 0; i < state->ignored_count; i++) {
		if (!is_alive[i])
			add_change(p, &state->ignored[i], true);
	}
}

int plan_ignore(const struct pool_state *state, const bool *is_alive,
		const struct ignored_process *process, struct plan *p, struct err *e)
{
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	forget_ended(state, is_alive, p);
	add_change(p, process, false);
	return 0;
}

int plan_count_again(const struct pool_state *state, const bool *is_alive, pid_t pid,
		     struct plan *p, struct err *e)
{
	size_t found = 0;
	int r = plan_require(state, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < state->ignored_count; i++) {
		if (!is_alive[i] || state->ignored[i].holder.command.pid != pid)
			continue;
		add_change(p, &state->ignored[i], true);
		found++;
	}
	if (!found)
		return err_set(e, ENOENT,
			       "process %d is not ignored: 'canhazgpu doctor' lists those that are",
			       (int)pid);
	forget_ended(state, is_alive, p);
	return 0;
}
