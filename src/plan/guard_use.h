/* The part of a pass that is about processes on GPUs that their accounts have not reserved. See
   guard.h. */
#ifndef PLAN_GUARD_USE_H
#define PLAN_GUARD_USE_H

#include "plan/guard_steps.h"

/* What one account has on one GPU that it has not reserved. */
struct guard_use {
	int gpu;
	struct quantity uid;
	const char *account;              /* NULL: unknown */
	const struct process **processes; /* those that count */
	size_t count;
	const char *doubt; /* why nothing is known to be wrong: nobody is stopped; or NULL */
};

struct guard_uses {
	struct guard_use *of;
	size_t count;
};

void guard_uses_clear(struct guard_uses *u);

/* What there is on that GPU, which guard_sees. A GPU in use without any process that is seen has
   one use, of nobody. */
void guard_find_uses(const struct guarding *g, size_t gpu, struct guard_uses *ret_uses);

/* Why a process must not be stopped whatever the rules say, "it is root's"; NULL: it may be.
   `doubt` is that of its use. */
const char *guard_why_spared(const struct guarding *g, const struct process *process,
			     const char *doubt);

/* Processes that are to be stopped, each once. */
struct guard_stop {
	const struct process *process;
	int *gpus;
	size_t gpus_count;
	int64_t warned_ns; /* the earliest warning that it has had its time after */
	char *why;         /* "it has used the GPU without a reservation for 12m, ..." */
};

struct guard_stops {
	struct guard_stop *of;
	size_t count;
	bool is_complete; /* every GPU of the pool was seen */
};

void guard_stops_clear(struct guard_stops *s);

/* Lists a process of an account that was warned then; takes the text over. */
void guard_add_stop(struct guard_stops *s, const struct process *process, int gpu,
		    int64_t warned_ns, char *why);

/* Whoever uses GPUs without a reservation: tells, warns, and lists whom to stop. */
void guard_unreserved(struct guarding *g, struct guard_stops *stops);

/* Signals for those that are listed, one after the other. */
void guard_stop(struct guarding *g, const struct guard_stops *stops);

/* The key of the mark of a process that is stopped. The caller frees it. */
char *guard_stop_key(const struct process_ref *process);

/* "{"processes": [...]}" of the processes of a use. The caller frees it. */
char *guard_processes_json(const struct process *const *processes, size_t count);

#endif
