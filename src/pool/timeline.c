/* Who had which GPU when; see timeline.h. */
#include "pool/timeline.h"

#include "base/mem.h"
#include "pool/past.h"
#include "pool/private.h"

static void add_record(const struct usage_record *record, void *timeline)
{
	timeline_add(timeline, record);
}

/* A reservation on those of its GPUs that the state shows as its own. */
static void add_reservation(const struct pool_state *state, const struct reservation *r,
			    int64_t end_ns, void *timeline)
{
	struct timeline *t = timeline;
	struct reservation one = *r;

	one.gpus_count = 1;
	for (size_t i = 0; i < r->gpus_count; i++) {
		one.gpus = &r->gpus[i];
		if ((size_t)r->gpus[i] < state->slots_count &&
		    state->slots[r->gpus[i]].reservation == r)
			timeline_add_running(t, &one, end_ns);
	}
}

int pool_timeline_of(struct pool *p, const struct pool_state *state, int64_t from_ns, int64_t to_ns,
		     struct timeline *ret_timeline, struct err *e)
{
	AUTO(timeline_clear) struct timeline t = {0};
	int r;

	timeline_init(&t, from_ns, to_ns, state->slots_count);
	r = past_read(p, state, from_ns, to_ns, add_record, &t, e);
	if (r < 0)
		return r;
	past_read_running(p, state, to_ns, add_reservation, &t);
	*ret_timeline = t;
	t = (struct timeline){0};
	return 0;
}

int pool_timeline(struct pool *p, int64_t from_ns, int64_t to_ns, struct timeline *ret_timeline,
		  struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	int r = pool_load(p, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	return r < 0 ? r : pool_timeline_of(p, &state, from_ns, to_ns, ret_timeline, e);
}
