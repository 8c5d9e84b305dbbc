/*
 * A store in memory, for tests of the plan: what src/store/store.h promises, without files or
 * servers. It compares versions itself, and applies by change_apply, of which the contract tests
 * say that it does what the stores do. Used by test_plan_queue.c and test_plan_trace.c. What
 * contradicts the promises (a GPU granted twice, an end of what is not there) fails the test.
 */
#ifndef TESTS_UNIT_MODEL_STORE_H
#define TESTS_UNIT_MODEL_STORE_H

#include "test.h"

#include "base/change.h"

/* One GPU of a reservation that has ended, as the history has it. */
struct model_record {
	char id[ID_SIZE];
	int gpu;
	enum end_reason reason;
};

struct model_store {
	struct pool_state state; /* the marks `seen` are numbers */
	uint64_t version;
	struct model_record *records;
	size_t records_count;
	struct err failure; /* why a commit was refused with -EINVAL */
};

void model_init(struct model_store *m, size_t gpus);
void model_clear(struct model_store *m);

/* A copy of the state, to decide on. The caller clears it. */
void model_load(const struct model_store *m, struct pool_state *ret_state);

/*
 * Applies all changes, or none: -EAGAIN where what they touch is not as in `seen` any more.
 * -EINVAL, with the reason in m->failure, where they contradict what they were decided on.
 */
int model_commit(struct model_store *m, const struct pool_state *seen, const struct change *changes,
		 size_t count);

#endif
