/* Ending reservations before their time. */
#ifndef PLAN_RELEASE_H
#define PLAN_RELEASE_H

#include "base/err.h"
#include "plan/changes.h"
#include "plan/facts.h"
#include "plan/request.h"

/*
 * Cleans up, then ends reservations of the actor: without ids all manual ones; with ids whatever it
 * holds there (administrators: whatever anybody holds there). -EPERM for a GPU of somebody else,
 * -ENOENT for one that is not reserved; then nothing is released.
 */
int plan_release(const struct pool_state *state, const struct plan_facts *facts,
		 const struct plan_actor *actor, const int *ids, size_t ids_count, struct plan *p,
		 struct err *e);

/*
 * Cleans up, then ends the reservation of that id, of either type. -ENOENT where there is none (it
 * may have expired, or a run has claimed it), -EPERM where it is somebody else's and the actor is
 * no administrator.
 */
int plan_release_id(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_actor *actor, const char *id, struct plan *p, struct err *e);

/* Whose reservations `release --user` and `release --all` end. */
struct plan_account {
	bool everybody;
	struct quantity uid; /* unknown where this host has no account of that name */
	const char *name;    /* of the account; a display name is none */
};

/*
 * Cleans up, then ends all reservations of an account, of both types, but not what is collected for
 * waiting requests. With `cancelled`, one per queue entry, it cancels the account's requests, too,
 * and tells which these are. -ENOENT where this host has no such account and the pool has nothing
 * of it, -EPERM unless it is the account of the actor or the actor is an administrator.
 */
int plan_release_account(const struct pool_state *state, const struct plan_facts *facts,
			 const struct plan_actor *actor, const struct plan_account *account,
			 bool *cancelled, struct plan *p, struct err *e);

#endif
