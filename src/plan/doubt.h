/*
 * Silence has to be found twice. A holder that cannot be seen is judged by its heartbeats, which
 * are times of the wall clock: when that is set, or the host was suspended, all of them look old at
 * once. So the first look that finds one silent only records a doubt, and it counts as ended when a
 * later look, a heartbeat and some seconds after, finds that none has come. Both looks are of one
 * host and boot, whose CLOCK_MONOTONIC measures the time between them: it stands still while the
 * host is suspended, so that after that everybody has the time of a heartbeat to speak. So there is
 * one doubt at a time, and others leave it alone, until its host has had time enough to look again.
 * (Hosts whose clocks differ by many minutes may replace each other's: that takes longer, never
 * shorter.)
 */
#ifndef PLAN_DOUBT_H
#define PLAN_DOUBT_H

#include "plan/facts.h"

/* What a heartbeat may be late: the store is slow, or did not answer at first. */
#define DOUBT_SLACK_NS (15 * NS_PER_SECOND)

/* Whether a heartbeat is missing: limit_ns old, or as far in the future (the clock was set back, or
   the clocks of two hosts differ). */
bool plan_is_silent(int64_t heartbeat_ns, int64_t limit_ns, int64_t now_ns);

/* Whether somebody doubts since that heartbeat: then this look has nothing to record. */
bool plan_is_doubted(const struct doubt *d, int64_t heartbeat_ns, const struct plan_facts *facts);

/* Whether this look is the second one, if heartbeats come every interval_ns. */
bool plan_is_confirmed(const struct doubt *d, int64_t heartbeat_ns, int64_t interval_ns,
		       const struct plan_facts *facts);

/* How long until a look from here is the second one, or the first one in place of somebody else's.
   Only where plan_is_doubted. */
int64_t plan_doubt_left_ns(const struct doubt *d, int64_t interval_ns,
			   const struct plan_facts *facts);

/* A doubt that begins with this look. */
struct doubt plan_doubt(int64_t heartbeat_ns, const struct plan_facts *facts);

#endif
