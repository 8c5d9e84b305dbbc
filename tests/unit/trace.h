/*
 * A simulated host for test_plan_trace.c: programs that wait, ask, hold, stop and die at random,
 * GPUs that others use, and a clock. trace_events.c makes things happen, trace_steps.c is what each
 * program does then, and trace_check.c knows the rules of the queue in its own words and looks
 * whether each decision kept them.
 */
#ifndef TESTS_UNIT_TRACE_H
#define TESTS_UNIT_TRACE_H

#include "model_store.h"

#include "plan/plan.h"

#define TRACE_GPUS_MAX 8
#define TRACE_AGENTS_MAX 48
#define TRACE_START_NS (INT64_C(1800000000) * NS_PER_SECOND)

/* One program: its pid is its place in the array plus one. */
struct agent {
	char entry_id[ID_SIZE], id[ID_SIZE];
	int ids[TRACE_GPUS_MAX];
	struct plan_request request;
	bool waits; /* stands in line; otherwise it asks once */
	bool other; /* the other program's, of which nothing can be seen but its heartbeat */
	enum { AGENT_WAITING, AGENT_HOLDING, AGENT_DONE } phase;
	bool stopped;          /* SIGSTOP */
	bool frozen;           /* as good as stopped, but nobody can see that */
	bool picky;            /* takes no GPU with a little memory in use */
	bool looked;           /* has had its turn since anything changed but the pool */
	bool dead;             /* its process is gone */
	bool supervisor_ended; /* and so is its supervisor */
	int64_t enqueued_ns, give_up_ns, heartbeat_due_ns;
};

struct trace {
	uint64_t random;
	struct model_store store;
	int64_t now_ns;
	enum gpu_use use[TRACE_GPUS_MAX];
	bool little[TRACE_GPUS_MAX]; /* a little of its memory is in use: idle, but for the picky */
	struct agent agents[TRACE_AGENTS_MAX];
	size_t agents_count;
	uint64_t ids;        /* made so far */
	size_t granted_gpus; /* of reservations, not of what was collected */
	size_t overtaken, offered, declined, passed_over;
	char failure[256]; /* which rule was broken; "" none */
};

void trace_init(struct trace *t, uint64_t seed);
void trace_clear(struct trace *t);

/* Below n; true once in so many times; a new id. */
size_t trace_random(struct trace *t, size_t n);
bool trace_chance(struct trace *t, size_t one_in);
void trace_id(struct trace *t, char id[ID_SIZE]);

/* Something happens. `nested`: more may happen between a decision and its commit. */
void trace_event(struct trace *t, bool nested);

/* Something has changed that the programs have to look at again. */
void trace_nobody_has_looked(struct trace *t);

/* One step of each program that waits and can, until none changes anything any more. */
void trace_settle(struct trace *t);

/* Nobody comes any more, who was stopped goes on, and what is held ends: until all is over. */
void trace_finish(struct trace *t);

/* ---- trace_steps.c ---- */

/* Commits: 0, or -EAGAIN. A contradiction is a failure of the trace. */
int trace_commit(struct trace *t, const struct pool_state *seen, const struct change *changes,
		 size_t count);

/* One step of a program that waits; whether it changed anything. */
bool trace_step(struct trace *t, struct agent *a, bool nested);

/* The same for one of the other program. Only the first in the line gets anything there. */
void trace_other_step(struct trace *t, struct agent *a);

/* A request that does not wait. */
void trace_ask(struct trace *t, struct agent *a);

/* Takes it out of the line, as a signal does. */
void trace_leave(struct trace *t, struct agent *a);

/* What any `status` does. */
void trace_clean_up(struct trace *t);

/* Ends a reservation, as a supervisor or `release` does. */
void trace_release(struct trace *t, const char *id);

/* Takes note of what was granted and is not there any more. */
void trace_note_ends(struct trace *t);

/* ---- trace_check.c ---- */

/* What the agent (NULL: anybody) can know at this moment of those in a state. */
struct trace_facts {
	struct plan_facts facts;
	enum holder_life life[64], waiting[TRACE_AGENTS_MAX];
	enum gpu_use use[TRACE_GPUS_MAX];
};
void trace_facts(const struct trace *t, const struct pool_state *state, const struct agent *a,
		 struct trace_facts *ret);

/* How it sees a GPU. */
enum gpu_use trace_use(const struct trace *t, const struct agent *a, int gpu);

/* The time that no setting of the clock changes. */
int64_t trace_monotonic_ns(const struct trace *t);

/* The first failure counts. */
void trace_fail(struct trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A decision for the agent (NULL: a mere cleanup), on that state. */
void trace_check_plan(struct trace *t, const struct pool_state *seen, const struct plan *p,
		      const struct agent *a);

/* A refusal of a request that does not wait. */
void trace_check_refusal(struct trace *t, const struct pool_state *seen, const struct agent *a);

/* A refusal because too few GPUs are in service. */
void trace_check_service(struct trace *t, const struct pool_state *seen, const struct agent *a);

/* When no step changes anything any more. */
void trace_check_settled(struct trace *t);

/* At the very end. */
void trace_check_end(struct trace *t);

#endif
