/* Who had which GPU when; see timeline.h. */
#include "pool/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "pool/private.h"

void timeline_init(struct timeline *t, int64_t from_ns, int64_t to_ns, size_t gpus_count)
{
	*t = (struct timeline){.from_ns = from_ns, .to_ns = to_ns, .gpus_count = gpus_count};
}

static void interval_clear(struct timeline_interval *interval)
{
	free(interval->user);
	free(interval->account);
	*interval = (struct timeline_interval){0};
}

void timeline_clear(struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++)
		interval_clear(&t->intervals[i]);
	free(t->intervals);
	*t = (struct timeline){0};
}

/* The place of a new interval: behind the others, or that of the oldest where there are too many.
 */
static struct timeline_interval *add_interval(struct timeline *t)
{
	struct timeline_interval *place;

	if (t->count == TIMELINE_INTERVALS_MAX) {
		place = &t->intervals[t->oldest];
		t->oldest = (t->oldest + 1) % t->count;
		t->truncated = true;
		interval_clear(place);
		return place;
	}
	if (t->count == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		t->intervals = mem_resize(t->intervals, t->capacity, sizeof(*t->intervals));
	}
	place = &t->intervals[t->count++];
	*place = (struct timeline_interval){0};
	return place;
}

/* Adds what of a record lies in the period; NULL where that is nothing. */
static struct timeline_interval *add_cut(struct timeline *t, const struct usage_record *record)
{
	int64_t start_ns = record->start_ns > t->from_ns ? record->start_ns : t->from_ns;
	int64_t end_ns = record->end_ns < t->to_ns ? record->end_ns : t->to_ns;
	struct timeline_interval *interval;

	if (end_ns <= start_ns || record->gpu < 0 || (size_t)record->gpu >= t->gpus_count)
		return NULL;
	interval = add_interval(t);
	interval->gpu = record->gpu;
	interval->start_ns = start_ns;
	interval->end_ns = end_ns;
	interval->type = record->type;
	interval->user = mem_strdup(record->user);
	interval->account = mem_strdup(record->account);
	return interval;
}

void timeline_add(struct timeline *t, const struct usage_record *record)
{
	add_cut(t, record);
}

void timeline_add_running(struct timeline *t, const struct reservation *r, int64_t end_ns)
{
	struct usage_record record = {
		.user = r->user,
		.account = r->account,
		.type = r->type,
		.start_ns = r->start_ns,
		.end_ns = end_ns,
	};

	for (size_t i = 0; i < r->gpus_count; i++) {
		struct timeline_interval *interval;

		record.gpu = r->gpus[i];
		interval = add_cut(t, &record);
		/* What was over before the end is finished, if nobody has recorded it yet. */
		if (interval)
			interval->running = end_ns >= t->to_ns;
	}
}

const struct timeline_interval *timeline_at(const struct timeline *t, size_t i)
{
	return &t->intervals[(t->oldest + i) % t->count];
}

/* ---- from the pool ---- */

/* A reservation on those of its GPUs that the state shows as its own. */
static void add_reservation(const struct pool_state *state, const struct reservation *r,
			    int64_t end_ns, struct timeline *t)
{
	struct reservation one = *r;

	one.gpus_count = 1;
	for (size_t i = 0; i < r->gpus_count; i++) {
		one.gpus = &r->gpus[i];
		if ((size_t)r->gpus[i] < state->slots_count &&
		    state->slots[r->gpus[i]].reservation == r)
			timeline_add_running(t, &one, end_ns);
	}
}

static void add_state(struct pool *p, const struct pool_state *state, struct timeline *t)
{
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		int64_t end_ns = t->to_ns;
		enum end_reason reason;

		/* Nobody uses what is only collected for a request that waits. */
		if (plan_is_collected(state, r))
			continue;
		plan_has_ended(r, observe_life(&p->observer, r), t->to_ns, &reason, &end_ns);
		add_reservation(state, r, end_ns, t);
	}
}

/* True for the record of a reservation that the state showed as running: it ended since. */
static bool is_running(const struct pool_state *state, const struct usage_record *record)
{
	const struct reservation *r;

	if (record->gpu < 0 || (size_t)record->gpu >= state->slots_count)
		return false;
	r = state->slots[record->gpu].reservation;
	return r && r->start_ns == record->start_ns && !strcmp(r->id, record->reservation_id);
}

static int add_history(struct pool *p, const struct pool_state *state, struct timeline *t,
		       struct err *e)
{
	const struct usage_record *record = NULL;
	int r = store_history_begin_brief(p->store, t->from_ns, t->to_ns, e);

	if (r < 0)
		return r;
	while ((r = store_history_next(p->store, &record, e)) > 0) {
		if (!is_running(state, record))
			timeline_add(t, record);
	}
	store_history_end(p->store);
	return r;
}

int pool_timeline_of(struct pool *p, const struct pool_state *state, int64_t from_ns, int64_t to_ns,
		     struct timeline *ret_timeline, struct err *e)
{
	AUTO(timeline_clear) struct timeline t = {0};
	int r;

	timeline_init(&t, from_ns, to_ns, state->slots_count);
	/* The state was read before the history: what ended in between is in both, and told apart.
	 */
	r = add_history(p, state, &t, e);
	if (r < 0)
		return r;
	add_state(p, state, &t);
	*ret_timeline = t;
	t = (struct timeline){0};
	return 0;
}

int pool_timeline(struct pool *p, int64_t from_ns, int64_t to_ns, struct timeline *ret_timeline,
		  struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = store_load(p->store, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	return r < 0 ? r : pool_timeline_of(p, &state, from_ns, to_ns, ret_timeline, e);
}

/* ---- JSON ---- */

static void set_time(json_t *object, const char *name, int64_t time_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	json_object_set_new(object, name, json_string(clock_rfc3339(time_ns, text)));
}

static json_t *interval_json(const struct timeline_interval *interval)
{
	AUTO_FREE char *user = text_utf8(interval->user);
	json_t *object = json_object();

	set_time(object, "start", interval->start_ns);
	if (interval->running)
		json_object_set_new(object, "end", json_null());
	else
		set_time(object, "end", interval->end_ns);
	json_object_set_new(object, "user", json_string(user ? user : "unknown"));
	json_object_set_new(object, "type", json_string(reservation_type_name(interval->type)));
	json_object_set_new(object, "state",
			    json_string(interval->running ? "running" : "finished"));
	return object;
}

json_t *timeline_json(const struct timeline *t)
{
	json_t *document = json_object(), *gpus = json_array();

	for (size_t i = 0; i < t->gpus_count; i++) {
		json_t *gpu = json_object();

		json_object_set_new(gpu, "gpu", json_integer((json_int_t)i));
		json_object_set_new(gpu, "intervals", json_array());
		json_array_append_new(gpus, gpu);
	}
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_interval *interval = timeline_at(t, i);
		json_t *gpu = json_array_get(gpus, (size_t)interval->gpu);

		json_array_append_new(json_object_get(gpu, "intervals"), interval_json(interval));
	}
	set_time(document, "from", t->from_ns);
	set_time(document, "to", t->to_ns);
	json_object_set_new(document, "truncated", json_boolean(t->truncated));
	json_object_set_new(document, "gpus", gpus);
	return document;
}
