/*
 * What the contract tests of the stores share: a fresh pool per test on each kind of store, and
 * short ways to load, build reservations and commit. A failure ends the test with the store's own
 * message.
 */
#ifndef TESTS_CONTRACT_STORE_FIXTURE_H
#define TESTS_CONTRACT_STORE_FIXTURE_H

#include "../unit/test.h"

#include "store/store.h"

/* 2026-11-20 08:00:00 UTC: a whole second, since some stores keep no more of some members. */
#define T0 (INT64_C(1795161600) * NS_PER_SECOND)

/* One kind of store. Add a row to store_kinds to run every contract test on it. */
struct store_kind {
	const char *name;
	char *(*url_in)(const char *dir); /* the URL of a pool that does not exist; to be freed */
};

struct fixture {
	const struct store_kind *kind;
	char dir[64]; /* removed with all that is in it */
	char *url;
	struct store *a, *b; /* two handles of one pool */
	struct pool_state state;
};

/* Runs every test once per kind of store. The result is the exit status of the test program. */
int fixture_run(const char *group, const struct CMUnitTest *tests, size_t count);

/* The same on one kind of store alone: for what only that one does. */
int fixture_run_on(const char *store, const char *group, const struct CMUnitTest *tests,
		   size_t count);

/* One more handle of the fixture's pool. */
struct store *fixture_open(const struct fixture *f);

/* Loads into *state, whatever it held. */
void fixture_load(struct store *s, enum store_intent intent, struct pool_state *state);

/* Loads and forgets; the result is the errno that the store gave, positive. */
int fixture_load_code(struct store *s, enum store_intent intent, struct err *e);

/* Fails unless the message holds that text. */
void fixture_says(const struct err *e, const char *part);

/* The path of a file in the fixture's directory; the caller frees it. */
char *fixture_path(const struct fixture *f, const char *name);

/* Makes a pool of that many GPUs with handle a, and loads it into f->state. */
void fixture_init(struct fixture *f, size_t gpus_count);

/* Commits with what f->state holds and must succeed; loads the new state into it (STORE_READ),
   which must be the one that change_apply makes of the old one. */
void fixture_commit(struct fixture *f, const struct change *changes, size_t count);

/* A run reservation of `account` on those GPUs, with every member set; the caller frees it. */
struct reservation *fixture_reservation(const char *account, const int *gpus, size_t count);

/* Grants one, and loads the new state into f->state; returns the loaded reservation. */
const struct reservation *fixture_grant(struct fixture *f, const char *account, const int *gpus,
					size_t count);

/* A change that ends `r` on all its GPUs at that time. */
struct change fixture_end(const struct reservation *r, int64_t time_ns);

void fixture_same_reservation(const struct reservation *a, const struct reservation *b);
void fixture_same_state(const struct pool_state *a, const struct pool_state *b);

#define GPUS(...) (const int[]){__VA_ARGS__}, ARRAY_SIZE(((const int[]){__VA_ARGS__}))

#endif
