/* What the numbers of the pool mean, compared with what the driver shows now: for `admin`, for
   `admin --refresh`, and for whoever wants to know whether the pool differs. */
#ifndef PLAN_UNITS_H
#define PLAN_UNITS_H

#include "plan/changes.h"
#include "plan/facts.h"

/* How a number differs from what is recorded. */
enum unit_change {
	UNIT_SAME,
	UNIT_RECORDED, /* its UUID was not recorded, or the instance or its place has changed */
	UNIT_ADDED,    /* a new number, for what no number means yet */
	UNIT_GONE,     /* it is gone for certain: nobody gets it until it is back */
	UNIT_BACK,     /* it was gone, and is there again */
	UNIT_DOUBTFUL, /* it is not seen, but the driver cannot show all that there is */
};

/* What every number would mean, slots_count of the state first, then those that would be added. */
struct units {
	struct slot *slots; /* as struct change_units takes them */
	enum unit_change *changes;
	size_t count;
	size_t counts[UNIT_DOUBTFUL + 1]; /* of each kind of change */
	size_t related;                   /* of the added ones: made from GPUs of the pool */
	/* Found, but not added: without a UUID of their own, perhaps cut into instances, too many,
	 * or a number may mean one of them. */
	size_t left_out;
};

void units_clear(struct units *u);

/*
 * Compares a state with a scan. A number keeps its meaning: by UUID, so that GPUs that the driver
 * counts otherwise, or that come back, are found again. Only what is certain is changed: a GPU that
 * the driver may only fail to show is not gone, and one without a UUID of its own gets no number.
 * A number without a UUID means what the driver calls by it now. The caller clears *ret_units.
 */
void plan_compare_units(const struct pool_state *state, const struct scan *scan, int64_t now_ns,
			struct units *ret_units);

/*
 * Records the UUIDs of numbers that have none yet, in one change, as long as they are certain: the
 * scan shows all that there is, and nothing says that the numbers have moved. Borrows from both.
 * The pools of programs that know no UUIDs become such that do.
 */
void plan_record_units(const struct pool_state *state, const struct scan *scan, struct plan *p);

/* Whether users should be told: a GPU of the pool has gone or is back, or has other instances. */
bool plan_units_differ(const struct units *u);

/* Makes the recorded meanings those of `u`, which is borrowed by the plan; no changes where they
   are. Waiting requests for GPUs of a kind look for them again. */
void plan_refresh(const struct pool_state *state, const struct units *u, struct plan *p);

/* What to record of a unit of a scan; borrows its texts. */
struct slot plan_unit_of(const struct scan *scan, const struct gpu *gpu);

/* "1g.10gb of GPU 3"; NULL for a whole GPU. The caller frees it. */
char *plan_unit_text(const struct slot *slot);

#endif
