/*
 * The providers, and the calls that every one is used through. src/pool calls gpu_scan; a provider
 * implements gpu_backend.h.
 */
#include "gpu/gpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu_backend.h"
#include "gpu/share.h"

/* In the order in which gpu_detect tries them. */
static const struct gpu_backend *const backends[] = {&gpu_nvidia, &gpu_amd, &gpu_fake};

static const struct gpu_backend *find_backend(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(backends); i++) {
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	}
	return NULL;
}

const char *gpu_providers(void)
{
	static struct str names;

	if (!names.length) {
		for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
			str_addf(&names, "%s%s", i ? "|" : "", backends[i]->name);
	}
	return str_text(&names);
}

bool gpu_is_simulated(const char *provider)
{
	const struct gpu_backend *backend = find_backend(provider);

	return backend && backend->simulated;
}

const char *gpu_slow_fix(const char *provider)
{
	const struct gpu_backend *backend = find_backend(provider);

	return backend ? backend->slow_fix : NULL;
}

const struct gpu_variable *gpu_variables(const char *provider)
{
	const struct gpu_backend *backend = find_backend(provider);

	return backend ? backend->variables : gpu_cuda_variables;
}

const struct engine_vendor *gpu_vendor(const char *provider)
{
	const struct gpu_backend *backend = find_backend(provider);

	return backend ? backend->vendor : &gpu_nvidia_vendor;
}

static int fail_unknown(const char *name, struct err *e)
{
	AUTO(str_clear) struct str names = {0};

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		str_addf(&names, "%s%s", i ? ", " : "", backends[i]->name);
	return err_usage(e, "there is no GPU provider '%.40s' (there are: %s)", name ? name : "",
			 str_text(&names));
}

bool gpu_is_trusted(const struct gpu_backend *backend, const struct scan *s)
{
	return s->source && backend->trusted_source && !strcmp(s->source, backend->trusted_source);
}

bool gpu_bus_rank(const char *bus_id, int64_t *ret_rank)
{
	unsigned domain, bus, device, function;
	int end = 0;

	if (!bus_id || strlen(bus_id) > 16 ||
	    sscanf(bus_id, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 ||
	    bus_id[end])
		return false;
	if (ret_rank)
		*ret_rank = ((int64_t)domain << 20) | (bus << 12) | (device << 4) | function;
	return true;
}

int gpu_scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e)
{
	const struct gpu_backend *backend = find_backend(options->provider);
	struct gpu_options with_limit = *options;
	int64_t begun_ns = clock_now_ns();
	struct scan s = {0};
	int r;

	if (!backend)
		return fail_unknown(options->provider, e);
	if (with_limit.timeout_ms <= 0)
		with_limit.timeout_ms = GPU_SCAN_TIMEOUT_MS;
	/* Nobody else wants to wait for it, or has asked for it. */
	if (with_limit.topology)
		with_limit.share_directory = NULL;
	if (backend->isolated)
		r = gpu_share_scan(backend, &with_limit, &s, e);
	else
		r = backend->scan(&with_limit, &s, e);
	if (!r && s.gpus_count > POOL_GPUS_MAX)
		r = err_set(e, E2BIG, "the %s driver names %zu GPUs, more than %d", backend->name,
			    s.gpus_count, POOL_GPUS_MAX);
	if (r) {
		scan_clear(&s);
		return r;
	}
	if (!s.begun_ns)
		s.begun_ns = begun_ns;
	mem_replace(&s.provider, backend->name);
	s.simulated = backend->simulated;
	s.trusted = gpu_is_trusted(backend, &s);
	gpu_find_units(&s, backend->simulated);
	gpu_name_all(&s, backend, with_limit.naming);
	*ret_scan = s;
	return 0;
}

int gpu_detect(const struct gpu_options *options, const char **ret_provider, struct scan *ret_scan,
	       struct err *e)
{
	AUTO(str_clear) struct str reasons = {0};
	int64_t begin_ns = clock_monotonic_ns();
	int timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : GPU_SCAN_TIMEOUT_MS;

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		struct gpu_options one = *options;
		int64_t left_ms = timeout_ms - (clock_monotonic_ns() - begin_ns) / NS_PER_MS;
		struct err why = {0};

		if (!backends[i]->detectable)
			continue;
		one.provider = backends[i]->name;
		one.timeout_ms = left_ms > 1 ? (int)left_ms : 1;
		if (!gpu_scan(&one, ret_scan, &why)) {
			*ret_provider = backends[i]->name;
			return 0;
		}
		str_addf(&reasons, "%s%s: %s", reasons.length ? "; " : "", one.provider, why.text);
	}
	return err_set(e, ENODEV, "No GPUs found on this host (%s)", str_text(&reasons));
}
