/*
 * GPUs that are not there, for development, demonstrations and tests: as many as asked for, all
 * idle or as a small JSON file describes them (fake_state.h). Behind gpu_backend.h.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gpu/fake_state.h"
#include "gpu/gpu_backend.h"
#include "gpu/patience.h"

/* Behaves like a driver that takes its time, and gives up where the scan's time limit is. */
static int wait_like_a_driver(const struct gpu_options *options, int64_t delay_ms, struct err *e)
{
	bool too_long = delay_ms > options->timeout_ms;
	int64_t ms = too_long ? options->timeout_ms : delay_ms, left_ns;
	struct patience patience;
	int r = 0;

	patience_begin(&patience, &gpu_fake, options);
	while (r == 0 &&
	       (left_ns = patience.begin_ns + ms * NS_PER_MS - clock_monotonic_ns()) > 0) {
		patience_lasts(&patience); /* for what it tells */
		r = patience_pause(&patience, left_ns < NS_PER_SECOND ? left_ns : NS_PER_SECOND);
	}
	patience_end(&patience);
	if (r < 0)
		return err_set(e, EINTR, "interrupted");
	if (too_long)
		return err_set(e, ETIMEDOUT, "the fake driver did not answer within %d ms",
			       options->timeout_ms);
	return 0;
}

/* The file is read as a whole first: a mistake in it is told at once. */
static int read_state(const struct gpu_options *options, struct scan *s, struct err *e)
{
	AUTO(fake_state_clear) struct fake_state state = {0};
	int r = fake_state_read(options->fake_state_path, options->fake_count, s, &state, e);

	if (!r)
		r = wait_like_a_driver(options, state.delay_ms, e);
	if (!r && state.failure && *state.failure)
		r = err_set(e, EIO, "%s", state.failure);
	return r;
}

static int scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e)
{
	struct scan s = {0};
	int r = 0;

	if (options->fake_count < 0 || options->fake_count > POOL_GPUS_MAX)
		return err_usage(e, "there can be 0 to %d fake GPUs", POOL_GPUS_MAX);
	for (int i = 0; i < options->fake_count; i++)
		fake_add_gpu(&s);
	if (options->fake_state_path && *options->fake_state_path)
		r = read_state(options, &s, e);
	if (r) {
		scan_clear(&s);
		return r;
	}
	mem_replace(&s.source, "file");
	*ret_scan = s;
	return 0;
}

const struct gpu_backend gpu_fake = {
	.name = "fake",
	.vendor_name = "fake",
	.isolated = false,
	.detectable = false,
	.simulated = true,
	.counts_by_bus = true,
	.variables = gpu_cuda_variables,
	.vendor = &gpu_nvidia_vendor,
	.scan = scan,
};
