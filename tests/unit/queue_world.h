/*
 * A pool of idle GPUs with a queue, in memory, and one request that is decided on it by plan_wait:
 * for test_plan_queue.c and test_plan_offer.c.
 */
#ifndef TESTS_UNIT_QUEUE_WORLD_H
#define TESTS_UNIT_QUEUE_WORLD_H

#include "model_store.h"

#include "plan/plan.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define MONOTONIC (1000 * NS_PER_SECOND)
#define SECOND NS_PER_SECOND
#define ME "eeeeeeee-0000-4000-8000-000000000000"
#define PART "aaaaaaaa-0000-4000-8000-000000000000"
#define GRANT "99999999-0000-4000-8000-000000000000"
#define GPUS_MAX 8

struct world {
	struct model_store store;
	struct pool_state seen; /* what the last decision was made on */
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[GPUS_MAX], waiting[GPUS_MAX];
	struct plan_facts facts;
	struct plan_request request;
	struct plan_wait wait;
	struct plan plan;
	struct err e;
	int ids[GPUS_MAX];
};

void world_init(struct world *w, size_t gpus);
void world_clear(struct world *w);

/* Adds a waiting request of account "u<place>", 10 s after the one before it: "2" for any two GPUs,
   "#0,3" for these. */
struct queue_entry *world_queue(struct world *w, const char *wish);

/* Somebody has found it silent, an hour ago. */
void world_doubt(struct queue_entry *q);

/* Adds a reservation of one GPU; for a waiting request where queue_id is not NULL. */
struct reservation *world_hold(struct world *w, int gpu, const char *queue_id);

const char *world_entry_id(const struct world *w, size_t place);

/* What the request of the world asks for. */
void world_wish(struct world *w, const char *text);

/* Loads the state that a decision is made on. */
const struct pool_state *world_load(struct world *w);

int world_decide(struct world *w);

/* Decides, commits, and says what the request has got: "granted 0,1", "collects 2", "waits". */
const char *world_outcome(struct world *w);

/* Commits the plan that the world has; fails the test where that does not apply. */
void world_commit(struct world *w);

/* The only change of that kind in the plan; NULL: there is none. */
const struct change *world_only(const struct world *w, enum change_kind kind);

#endif
