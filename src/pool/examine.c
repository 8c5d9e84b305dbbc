/* The checks of the pool, its store and its driver; see examine.h. */
#include "pool/examine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "pool/examine_private.h"
#include "pool/private.h"

/* Most commands scan the GPUs: users notice a scan that is slower. */
#define SLOW_SCAN_NS NS_PER_SECOND

/* The newest end in the history; TIME_NONE: there is none. */
static int64_t newest_end(struct pool *p, int64_t now_ns)
{
	const struct usage_record *record;
	int64_t newest_ns = TIME_NONE;

	/* Ends in the past do not matter here, and there may be many. */
	if (store_history_begin(p->store, now_ns, INT64_MAX, NULL) < 0)
		return TIME_NONE;
	while (store_history_next(p->store, &record, NULL) > 0)
		newest_ns = record->end_ns > newest_ns ? record->end_ns : newest_ns;
	store_history_end(p->store);
	return newest_ns;
}

static void examine_watch(struct pool *p, struct findings *f)
{
	if (store_watch(p->store) >= 0)
		findings_add(f, "wake-up", FINDING_OK, NULL,
			     "changes to the pool are noticed at once");
	else
		findings_add(f, "wake-up", FINDING_WARNING,
			     "see the checks inotify and store-write",
			     "changes to the pool are not noticed at once: waiting requests poll "
			     "every few seconds instead");
}

static void examine_pool(const struct pool_state *state, struct findings *f)
{
	size_t reserved = 0;

	for (size_t i = 0; i < state->slots_count; i++)
		reserved += state->slots[i].reservation != NULL;
	findings_add(f, "pool", FINDING_OK, NULL,
		     "%zu GPU%s of the provider %s, %zu of them reserved, %zu request%s waiting",
		     state->slots_count, str_plural(state->slots_count), state->provider, reserved,
		     state->queue_count, str_plural(state->queue_count));
}

/* The source that answered, and how fast it did. */
static void examine_driver(const struct scan *scan, int64_t took_ns, struct findings *f)
{
	const char *source = scan->source ? scan->source : "unknown";

	findings_add(f, "driver", FINDING_OK, NULL, "%s by %s, driver %s, %zu GPU%s, %.1f ms",
		     scan->provider, source,
		     scan->driver_version ? scan->driver_version : "unknown", scan->gpus_count,
		     str_plural(scan->gpus_count), (double)took_ns / NS_PER_MS);
	if (gpu_is_simulated(scan->provider))
		findings_extend(f, FINDING_NOTE, "'canhazgpu admin --force' switches to real ones",
				"these are not real GPUs");
	if (!strcmp(source, "nvidia-smi"))
		findings_extend(f, FINDING_WARNING,
				"install the driver's library libnvidia-ml.so.1 (NVML), or the one "
				"that fits the driver",
				"the driver's library cannot be used");
	if (took_ns > SLOW_SCAN_NS)
		findings_extend(f, FINDING_WARNING, gpu_slow_fix(scan->provider),
				"most commands wait that long");
}

/* Where there is no pool yet: what `admin` would find. */
static void examine_hardware(const struct pool_config *config, struct findings *f)
{
	const struct gpu_options options = pool_gpu_options(config, NULL, 0);
	AUTO(scan_clear) struct scan scan = {0};
	int64_t begin_ns = clock_monotonic_ns();
	const char *provider;
	struct err e = {0};

	if (gpu_detect(&options, &provider, &scan, &e) < 0)
		findings_add(
			f, "driver", FINDING_WARNING,
			"install the driver; 'canhazgpu admin --provider fake --gpus 8' works without "
			"it",
			"%s", e.text);
	else
		examine_driver(&scan, clock_monotonic_ns() - begin_ns, f);
}

/* The GPUs of a pool that is there. */
static void examine_scan(struct pool *p, const struct pool_state *state, struct findings *f)
{
	AUTO(observation_clear) struct observation observation = {0};
	const struct scan_wish measured = {.fresh = true};
	int64_t begin_ns = clock_monotonic_ns();

	observe_gpus(&p->config, &p->observer, state, &measured, &observation);
	if (observation.problem)
		findings_add(f, "driver", FINDING_FAILED, NULL, "%s", observation.problem);
	else
		examine_driver(&observation.scan, clock_monotonic_ns() - begin_ns, f);
	examine_gpus(state, &observation, f);
	examine_links(state, f);
	if (observation.foreign_pids)
		findings_add(f, "gpu-processes", FINDING_WARNING,
			     "run canhazgpu outside the container",
			     "this is a separate pid namespace (a container): the driver's pids "
			     "refer to other processes");
	else
		findings_add(f, "gpu-processes", FINDING_OK, NULL,
			     "the driver's pids match those of this host");
}

static void examine_state(struct pool *p, struct pool_state *state,
			  const struct passes_expected *passes, struct findings *f)
{
	int64_t now_ns = clock_now_ns();
	enum machine_match match = pool_host_match_surely(p, state);
	AUTO_FREE char *other = match == MACHINE_OTHER ? pool_describe_other(p, state) : NULL;

	examine_pool(state, f);
	examine_host(&state->host, match, other, f);
	examine_watch(p, f);
	if (other) {
		examine_hardware(&p->config, f);
		return;
	}
	examine_scan(p, state, f);
	examine_ignored(&p->observer, state, f);
	examine_reservations(&p->observer, state, f);
	examine_queue(&p->observer, state, f);
	examine_passes(state, passes, now_ns, f);
	examine_times(state, newest_end(p, now_ns), now_ns, f);
}

/* Whether a check has said that already. */
static bool is_told(const struct findings *f, const char *text)
{
	for (size_t i = 0; i < f->count; i++) {
		if (!strcmp(f->items[i].detail, text))
			return true;
	}
	return false;
}

void pool_examine(const struct pool_config *config, const struct passes_expected *passes,
		  struct findings *f)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(pool_state_clear) struct pool_state state = {0};
	struct err e = {0};
	int r = 0;

	if (config->store_url)
		r = pool_open(config, &pool, &e);
	if (r < 0)
		findings_add(f, "store", FINDING_FAILED, NULL, "%s", e.text);
	if (!pool) {
		examine_hardware(config, f);
		return;
	}
	store_examine(pool->store, f);
	r = pool_load(pool, STORE_READ, &state, &e);
	if (r < 0)
		findings_add(f, "pool", FINDING_FAILED,
			     is_told(f, e.text) ? "see the check store" : NULL,
			     "it cannot be read%s%s", is_told(f, e.text) ? "" : ": ",
			     is_told(f, e.text) ? "" : e.text);
	else if (!state.initialized)
		findings_add(f, "pool", FINDING_NOTE, "'canhazgpu admin' creates it",
			     "there is none yet");
	if (r == 0 && state.initialized)
		examine_state(pool, &state, passes, f);
	else
		examine_hardware(config, f);
}
