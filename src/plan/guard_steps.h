/* What the files of guard share: one pass, its steps and marks. See guard.h. */
#ifndef PLAN_GUARD_STEPS_H
#define PLAN_GUARD_STEPS_H

#include "plan/guard.h"

/* One pass. */
struct guarding {
	const struct pool_state *state;
	const struct plan_facts *facts;
	const struct guard_facts *guard;
	const struct guard_rules *rules;
	struct plan *p;
	struct guard_steps *steps;
};

/* Adds a step, with that text, which it takes over (valid until the next one). */
struct guard_step *guard_add(struct guarding *g, enum guard_deed deed, char *text);

void guard_step_gpus(struct guard_step *step, const int *gpus, size_t count);
void guard_step_reservation(struct guard_step *step, const struct reservation *r);
void guard_step_account(struct guard_step *step, struct quantity uid, const char *account);

/* Adds the event of that kind that a step is. */
void guard_add_event(const struct guard_facts *guard, int64_t now_ns, const struct guard_step *step,
		     enum event_kind kind, struct plan *p);

/* Adds the events of all steps that are one, but those of signals, which are still to be sent: for
   these a check that their GPUs stay as they are. */
void guard_add_events(struct guarding *g);

/* The mark of that key as it was loaded, whatever the plan does to it; NULL: there was none. */
const struct mark *guard_mark(const struct guarding *g, const char *key);

/* The change of a mark, for the caller to alter. */
struct mark *guard_put(struct guarding *g, const char *key);
void guard_drop(struct guarding *g, const char *key);
void guard_set_text(struct guarding *g, struct mark *mark, const char *text);

/* Whether whoever was warned, as a mark says, was told of that. */
enum guard_word {
	GUARD_WORD_TOLD,
	GUARD_WORD_COMING, /* not yet: somebody is about to */
	GUARD_WORD_LOST,   /* not in time: the warning is void */
};

enum guard_word guard_word(const struct guarding *g, const struct mark *mark, struct quantity uid);

/* The i-th loaded mark whose key begins with that word and a space: what follows, or NULL. */
const char *guard_mark_rest(const struct guarding *g, size_t i, const char *word);

/* The reservation on that GPU, unless the plan ends it. */
const struct reservation *guard_holder(const struct guarding *g, size_t gpu);

/* When the GPU was given back last. */
int64_t guard_released_ns(const struct guarding *g, size_t gpu);

/* Whether this scan shows which processes are on that GPU, as it is reserved now. */
bool guard_sees(const struct guarding *g, size_t gpu);

/* Whether the rules do not count for an account. */
bool guard_is_spared(const struct guarding *g, struct quantity uid);

/* Whether they do not count for a program. */
bool guard_command_is_spared(const struct guarding *g, const char *name);

/* "GPU 3", "GPUs 0-3". The caller frees it. */
char *guard_gpus(const int *gpus, size_t count);

/* "process 4711 (python)". The caller frees it. */
char *guard_process_text(const struct process *process);

#endif
