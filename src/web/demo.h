/*
 * What `web --demo` shows: GPUs on which simulated people work, eight or more. Everything follows
 * from the time alone, so that status, report and timeline agree. Called by source.c.
 */
#ifndef WEB_DEMO_H
#define WEB_DEMO_H

#include "pool/report.h"
#include "pool/snapshot.h"
#include "stats/timeline.h"

/* One set of GPUs: each state is in the first one, the others are like it, with other jobs. */
#define DEMO_GPUS 8

/* The caller clears what these fill. */
void demo_snapshot(int64_t now_ns, int gpus, struct snapshot *ret_snapshot);
void demo_report(const struct period *period, enum usage_by by, int gpus,
		 struct report *ret_report);
void demo_timeline(int64_t from_ns, int64_t to_ns, int gpus, struct timeline *ret_timeline);

/* ---- the schedule: demo_jobs.c ---- */

/* GPUs that are always reserved together. */
struct demo_lane {
	int gpus[4];
	int gpus_count;
	enum reservation_type type;
	int cycle_s; /* one job begins in each cycle */
	int busy;    /* percent of the cycle that it lasts at most, in the first set */
	int quiet_s; /* no job has been there for so long, in the first set */
};

struct demo_job {
	char id[ID_SIZE];
	const char *user, *note, *model_provider, *model;
	int64_t start_ns, end_ns;
};

extern const struct demo_lane demo_lanes[];
extern const size_t demo_lanes_count;

/* One of the people. */
const char *demo_user(uint64_t number);

/* Whether the GPU is of the model that everybody waits for: of those none is free. */
bool demo_gpu_is_wanted(int gpu);

/* How many GPUs of a lane of that set are among the first `gpus`. */
int demo_lane_gpus(const struct demo_lane *lane, int set, int gpus);

/* Job number `number` of a lane of a set: the same at each call. */
void demo_job(const struct demo_lane *lane, int set, int64_t number, struct demo_job *ret_job);

/* The job that runs on a lane of a set at a time; else the one before. */
bool demo_job_at(const struct demo_lane *lane, int set, int64_t now_ns, struct demo_job *ret_job);

/* A number that looks random, from two others. */
uint64_t demo_random(uint64_t a, uint64_t b);

#endif
