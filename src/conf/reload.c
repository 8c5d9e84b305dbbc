/* Reading the settings again; see reload.h. Called by commands that wait. */
#include "conf/reload.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/setting.h"
#include "conf/sources.h"

/* Who writes a file in several steps is given so much time between two of them ... */
#define STEADY_NS (50 * NS_PER_MS)
/* ... and so often: then the file is read as it is. */
#define STEADY_LOOKS 10

struct reload {
	const struct settings *current; /* in effect: `own`, or borrowed from the start */
	struct settings *own, *fresh;
	int64_t current_since_ns; /* wall clock */
	struct sources tried;     /* as they were before they were read last */
	struct sources told;      /* of the last mistake that the user was told of */
	struct reload_state state;
};

struct reload *reload_new(const struct settings *s)
{
	struct reload *r = mem_alloc(1, sizeof(*r));

	r->current = s;
	r->current_since_ns = clock_now_ns();
	return r;
}

struct reload *reload_free(struct reload *r)
{
	if (r) {
		settings_free(r->own);
		settings_free(r->fresh);
	}
	free(r);
	return NULL;
}

void reload_freep(struct reload **r)
{
	*r = reload_free(*r);
}

bool reload_believes(struct reload_state *s, bool lost, int64_t now_ns)
{
	if (!lost) {
		s->lost_ns = 0;
		return true;
	}
	if (!s->lost_ns)
		s->lost_ns = now_ns;
	return now_ns - s->lost_ns >= RELOAD_LOST_LIMIT_NS;
}

enum reload_news reload_conclude(struct reload_state *s, bool good, bool is_new)
{
	bool was_broken = s->broken;

	s->broken = !good;
	if (good)
		return was_broken ? RELOAD_MENDED : RELOAD_NOTHING;
	return is_new || !was_broken ? RELOAD_BROKEN : RELOAD_NOTHING;
}

/* The same declarations and flags, before any file is read. */
static struct settings *start_again(const struct settings *s)
{
	struct settings *again = settings_new();

	again->items = mem_alloc(s->count + 1, sizeof(*again->items));
	again->room = s->count + 1;
	again->host_only = s->host_only;
	for (size_t i = 0; i < s->count; i++) {
		const struct setting *from = &s->items[i];
		struct setting *to = &again->items[again->count];

		/* Files set it, and perhaps not any more. */
		if (setting_is_group(from))
			continue;
		again->count++;
		*to = (struct setting){
			.hash = from->hash, .key = mem_strdup(from->key), .spec = from->spec};
		if (from->origin != ORIGIN_FLAG)
			continue;
		to->origin = ORIGIN_FLAG;
		to->value = mem_strdup(from->value);
		to->where = mem_strdup(from->where);
	}
	return again;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Whether two have the same values from the same places. */
static bool same_settings(const struct settings *a, const struct settings *b)
{
	for (size_t i = 0; a->count == b->count && i < a->count; i++) {
		if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
		    !same_text(a->items[i].value, b->items[i].value) ||
		    !same_text(a->items[i].where, b->items[i].where))
			return false;
	}
	return a->count == b->count;
}

/* Looks until nothing is being written. */
static void look_steadily(const struct reload *r, struct sources *now)
{
	const struct timespec pause = {.tv_nsec = STEADY_NS};

	for (int i = 0; i < STEADY_LOOKS; i++) {
		struct sources before = *now;

		nanosleep(&pause, NULL);
		sources_look(r->current, now);
		if (sources_are_same(&before, now))
			return;
	}
}

/* Whether there is something to read; *now is what is seen of it. */
static bool is_due(const struct reload *r, struct sources *now)
{
	sources_look(r->current, now);
	if (!sources_are_same(now, &r->tried)) {
		/* The first time is no change: the start has just read them. */
		if (r->tried.count)
			look_steadily(r, now);
		return true;
	}
	return r->tried.is_recent || r->state.lost_ns;
}

int reload_read(struct reload *r, int64_t now_ns, const struct settings **ret_fresh, struct err *e)
{
	struct err host_error = {0};
	struct sources now;
	int result;

	*ret_fresh = NULL;
	if (!is_due(r, &now))
		return 0;
	r->tried = now;
	settings_free(r->fresh);
	r->fresh = start_again(r->current);
	result = settings_load(r->fresh, &host_error, e);
	/* Beside a file that is named, a mistake in the host's is no error of settings_load. */
	if (result == 0 && host_error.code) {
		*e = host_error;
		result = -host_error.code;
	}
	if (result < 0)
		return result;
	if (!reload_believes(&r->state, sources_are_lost(r->current), now_ns) ||
	    (!r->state.broken && same_settings(r->fresh, r->current)))
		return 0;
	*ret_fresh = r->fresh;
	return 1;
}

/* "12:04"; of another day "2025-07-07 12:04". */
static const char *moment(int64_t time_ns, char minute[CLOCK_MINUTE_SIZE])
{
	char then[CLOCK_DATE_SIZE], today[CLOCK_DATE_SIZE];

	clock_local_minute(time_ns, minute);
	return strcmp(clock_local_date(time_ns, then), clock_local_date(clock_now_ns(), today))
		       ? minute
		       : strrchr(minute, ' ') + 1;
}

char *reload_settle(struct reload *r, int result, const struct err *e)
{
	bool is_new = !sources_are_same(&r->tried, &r->told);
	char minute[CLOCK_MINUTE_SIZE];

	if (result == 0) {
		settings_free(r->own);
		r->current = r->own = mem_steal(&r->fresh);
		r->current_since_ns = clock_now_ns();
	}
	switch (reload_conclude(&r->state, result == 0, is_new)) {
	case RELOAD_BROKEN:
		r->told = r->tried;
		return mem_printf("Warning: %s; going on with the settings of %s", e->text,
				  moment(r->current_since_ns, minute));
	case RELOAD_MENDED:
		return mem_strdup("The configuration is valid again, and in effect");
	case RELOAD_NOTHING:
		break;
	}
	return NULL;
}
