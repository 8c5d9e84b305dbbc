/* What the files of events share: the events that are being made from one plan. See events.h. */
#ifndef PLAN_EVENTS_MAKING_H
#define PLAN_EVENTS_MAKING_H

#include "plan/changes.h"
#include "plan/facts.h"

struct events_making {
	const struct pool_state *state;
	const struct plan_facts *facts;
	const char *author;
	struct plan *plan;
	size_t changes_count;   /* without the events that are added */
	struct event *decision; /* the first one that was decided on this state */
};

/* Adds an event with that reason, which it takes over. */
struct event *making_add(struct events_making *m, enum event_kind kind, char *reason);

/* Whom it concerns; `actor`: who did it, or NULL. */
void making_set_subject(struct event *v, const char *account, const char *user, struct quantity uid,
			const char *actor);

/* GPUs that stay as they are until the plan is committed. */
void making_set_gpus(struct event *v, const int *gpus, size_t count);

/* Whether the plan itself has an event of that kind about that reservation or entry. */
bool making_says(const struct events_making *m, enum event_kind kind, const char *reservation_id,
		 const char *queue_id);

/* "GPU 3", "GPUs 0-2"; whose it is, by name and account. Owned by the plan. */
char *making_gpus(struct plan *p, const int *gpus, size_t count);
char *making_label(struct plan *p, const char *user, const char *account);

/* NULL is the same as NULL. */
bool making_is_same_text(const char *a, const char *b);

#endif
