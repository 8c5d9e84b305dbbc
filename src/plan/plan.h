/*
 * Every policy of the pool, pure: (state, facts, request) -> changes. No I/O, no clock, no globals,
 * so that a table of cases can test it. src/pool gathers the facts and commits the changes.
 *
 * This is the public face for the rooms above. Inside, a file includes what it uses, and only what
 * stands above it here; no decision uses another:
 *
 *     facts, request     what is known, and what is asked for
 *     rebase             times that were taken before the clock was set, clocks of now
 *     match              which GPU of the driver a GPU of the pool is
 *     doubt              holders that cannot be seen, and are silent
 *     ended              reservations that have ended, or seem to
 *     changes            the plan itself
 *     activity           what reservations do with their GPUs
 *     units              what the numbers of the pool mean
 *     actor              who may do what
 *     withheld           GPUs out of service
 *     kind               GPUs of a model, or with so much memory
 *     place              GPUs that are together
 *     queue, awaits      who is first for which GPU; what a request waits for
 *     before, events     what the changes of a plan mean for people (events_making, events_admin:
 *                        private)
 *     settle             GPUs that another program may still be freeing
 *     cleanup            what has ended
 *     limits             what the host's administrator allows
 *     candidates         which GPUs are free, and why others are not (private)
 *     offer              GPUs that are free for an entry which does not take them (private)
 *     pick               which of them it gets (private)
 *     schedule           when waiting requests will start
 *     forecast           when anything ends or starts, as it is shown
 *     backfill           GPUs that others wait for, but cannot use yet (private)
 *     waiting            the entry of a request in the queue (private)
 *     guard, guard_steps, guard_use, guard_idle, guard_expiry, guard_unreserved
 *                        what is done about idle and unreserved GPUs; guard_pass joins them
 *     the decisions      reserve, wait, adopt, extend, release, restore, init, cancel, drain,
 *                        ignore, nested, within, reuse, claim, machine, destination
 *
 * A commit compares only the slots and entries that it changes: a decision that rests on others
 * adds a CHANGE_CHECK (plan_guard_quota), or a decision made at the same time escapes it.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "plan/activity.h"
#include "plan/actor.h"
#include "plan/adopt.h"
#include "plan/before.h"
#include "plan/cancel.h"
#include "plan/changes.h"
#include "plan/claim.h"
#include "plan/cleanup.h"
#include "plan/destination.h"
#include "plan/doubt.h"
#include "plan/drain.h"
#include "plan/ended.h"
#include "plan/events.h"
#include "plan/extend.h"
#include "plan/facts.h"
#include "plan/forecast.h"
#include "plan/guard.h"
#include "plan/ignore.h"
#include "plan/init.h"
#include "plan/kind.h"
#include "plan/limits.h"
#include "plan/machine.h"
#include "plan/match.h"
#include "plan/nested.h"
#include "plan/place.h"
#include "plan/queue.h"
#include "plan/rebase.h"
#include "plan/release.h"
#include "plan/request.h"
#include "plan/reserve.h"
#include "plan/restore.h"
#include "plan/reuse.h"
#include "plan/schedule.h"
#include "plan/settle.h"
#include "plan/units.h"
#include "plan/wait.h"
#include "plan/withheld.h"
#include "plan/within.h"

#endif
