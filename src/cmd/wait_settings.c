/* Settings that change while a request waits; see wait_settings.h. */
#include "cmd/wait_settings.h"

#include <stdlib.h>

#include "base/lazy/lazy.h"
#include "base/mem.h"
#include "cmd/context.h"
#include "cmd/request.h"

static char *describe_limit(int64_t limit_ns)
{
	char time[CLOCK_DURATION_SIZE];

	return mem_printf("Waiting for at most %s (policy.max-wait)",
			  clock_duration(limit_ns, time));
}

int wait_settings_begin(struct wait_settings *w, char **ret_line, struct err *e)
{
	bool shortened = false;
	int r;

	w->limit_ns = w->asked_ns;
	r = pool_limit_wait(w->pool, &w->request->actor, &w->limit_ns, &shortened, e);
	if (r < 0)
		return r;
	/* The orders need it at the grant: an upgrade of the system may take it away meanwhile. */
	if (w->supervised)
		r = lazy_load(LAZY_JANSSON, e);
	if (r < 0)
		return r;
	*ret_line = shortened ? describe_limit(w->limit_ns) : NULL;
	w->reload = reload_new(w->in->settings);
	return 0;
}

/* A request that waits already is not refused for a limit that is shorter than its own. */
static void limit_again(struct wait_settings *w, char **line)
{
	int64_t before_ns = w->limit_ns, longest_ns = 0;
	bool shortened;

	pool_limit_wait(w->pool, &w->request->actor, &longest_ns, &shortened, NULL);
	shortened = longest_ns && (!w->asked_ns || longest_ns < w->asked_ns);
	w->limit_ns = shortened ? longest_ns : w->asked_ns;
	if (shortened && w->limit_ns != before_ns && !*line)
		*line = describe_limit(w->limit_ns);
}

/* All or nothing. */
static int take(struct wait_settings *w, const struct settings *fresh, struct err *e)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	struct invocation in = *w->in;
	int r;

	in.settings = fresh;
	if (w->supervised) {
		r = supervised_change(&in, w->supervised, e);
		w->request->duration_ns = w->supervised->orders.timeout_ns;
	} else {
		r = pool_config_from(&in, &config, e);
		if (r == 0)
			pool_reconfigure(w->pool, &config);
	}
	if (r == 0)
		w->request->actor.administrator = actor_is_administrator(&in);
	return r;
}

bool wait_settings_check(struct wait_settings *w, struct pool_wait *wait, char **ret_line)
{
	const struct settings *fresh = NULL;
	struct err e = {0};
	int r = reload_read(w->reload, clock_monotonic_ns(), &fresh, &e);

	*ret_line = NULL;
	if (r == 0)
		return false;
	if (r > 0)
		r = take(w, fresh, &e);
	*ret_line = reload_settle(w->reload, r, &e);
	if (r < 0)
		return false;
	request_limit_duration(w->in, w->pool, w->request);
	limit_again(w, ret_line);
	pool_wait_change(wait, w->request, w->limit_ns);
	return true;
}

void wait_settings_end(struct wait_settings *w)
{
	w->reload = reload_free(w->reload);
}
