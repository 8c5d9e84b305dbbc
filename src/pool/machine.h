/* Whose pool it is, as this process finds out: the decision is plan_machine_match. Private to
   src/pool. */
#ifndef POOL_MACHINE_H
#define POOL_MACHINE_H

#include "plan/plan.h"
#include "pool/pool.h"

/* What this process knows of its host, each part once it was needed. */
struct here {
	struct machine machine;
	bool read;
	struct scan scan; /* taken for its UUIDs alone */
	bool scanned;
	bool wants_scan;          /* a decision cannot be made without */
	enum machine_match match; /* as last found */
	char *notice;             /* see pool_take_notice */
};

void here_clear(struct here *h);

/* Whether the pool is this host's. `scan` is one that was taken anyway, or NULL. */
enum machine_match pool_host_match(struct pool *p, const struct pool_state *state,
				   const struct scan *scan);

/* The same where nothing is locked: scans if that is needed. */
enum machine_match pool_host_match_surely(struct pool *p, const struct pool_state *state);

/* Whether there is a scan, or none is needed; otherwise the next pool_host_prepare takes one. */
bool pool_host_is_sure(struct pool *p, const struct pool_state *state, const struct scan *scan);

/* Takes the scan that a decision on that state has missed. Nothing may be locked. */
void pool_host_prepare(struct pool *p, const struct pool_state *state);

/* Adds to a plan what is to be recorded of this host; with `take` whatever is recorded so far. */
void pool_record_host(struct pool *p, const struct pool_state *state, enum machine_match match,
		      bool take, struct plan *plan);

/* Whose pool it is, where it is another host's, as a clause: "the GPU pool in ... is that of
   another host, node1". The caller frees it. */
char *pool_describe_other(const struct pool *p, const struct pool_state *state);

/* Refuses with -EREMOTE, and says how this host gets a pool. */
int pool_refuse_other(struct pool *p, const struct pool_state *state, struct err *e);

#endif
