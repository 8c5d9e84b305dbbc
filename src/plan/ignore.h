/* Processes that do not count as use, because an administrator has said so. */
#ifndef PLAN_IGNORE_H
#define PLAN_IGNORE_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Marks the processes of a GPU that are ignored, for plan_gpu_use. is_alive tells which of the list
 * are. Of each, no more memory is forgiven than it had when it was ignored: what it has taken since
 * counts as any other use does.
 */
void plan_forgive(struct gpu *gpu, const struct ignored_process *list, const bool *is_alive,
		  size_t count);

/* Has the pool ignore a process. The caller has made sure that the actor may. What has ended
   (is_alive, per entry of the state) is removed from the list. */
int plan_ignore(const struct pool_state *state, const bool *is_alive,
		const struct ignored_process *process, struct plan *p, struct err *e);

/* Has it count again. -ENOENT: no process with that pid is ignored. */
int plan_count_again(const struct pool_state *state, const bool *is_alive, pid_t pid,
		     struct plan *p, struct err *e);

#endif
