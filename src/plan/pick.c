/* Choosing among GPUs by their links; see pick.h. */
#include "plan/pick.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/place.h"

/* So many steps, which take some milliseconds, until the best set found so far has to do: enough to
   begin with each of 64 GPUs. */
#define WORK_MAX (INT64_C(1) << 19)

/* A wish counts more than any link. */
#define WISH_WEIGHT (4 * LINK_MAX)

/* A GPU that is collected already, that others wait for, or that is in use. */
enum { COST_OWN = -1, COST_LENT = 1024, COST_BUSY = 1024 * 1024 };

struct pick {
	const struct topology *t;
	const struct plan_request *request;
	const struct candidate *all;
	size_t count;
	const bool *offered;
	bool demands;
	int64_t *totals; /* per candidate: how close it is to all that are offered */
};

/* Some candidates, and how good they are together. */
struct set {
	bool *chosen; /* per candidate */
	size_t size;
	/* Per candidate: how close it is to the set: the least, and in sum; whether it may join. */
	int *least;
	int64_t *sums;
	bool *joins;
	/* Of the whole set. */
	int64_t cost, sum, newest_ns, to_others;
	int worst;
};

static void set_init(struct set *s, size_t count)
{
	*s = (struct set){
		.chosen = mem_alloc(count, sizeof(*s->chosen)),
		.least = mem_alloc(count, sizeof(*s->least)),
		.sums = mem_alloc(count, sizeof(*s->sums)),
		.joins = mem_alloc(count, sizeof(*s->joins)),
		.worst = INT32_MAX,
		.newest_ns = TIME_NONE,
	};
	for (size_t i = 0; i < count; i++)
		s->least[i] = INT32_MAX;
}

static void set_clear(struct set *s)
{
	free(s->chosen);
	free(s->least);
	free(s->sums);
	free(s->joins);
}

/* How close two GPUs are, by their link and then by their NUMA node. */
static int closeness(const struct pick *p, size_t a, size_t b)
{
	size_t i = (size_t)p->all[a].id, k = (size_t)p->all[b].id;
	int link = topology_link(p->t, i, k), together = topology_same_numa(p->t, i, k);
	int value = 2 * link + together;

	if (p->request->linked == PLACE_PREFERRED && link >= LINK_FABRIC)
		value += WISH_WEIGHT;
	if (p->request->same_numa == PLACE_PREFERRED && together)
		value += WISH_WEIGHT;
	return value;
}

static int64_t cost_of(const struct candidate *c)
{
	return (c->own ? COST_OWN : 0) + (c->backfill + (c->lent != NULL)) * COST_LENT +
	       (int64_t)(!c->idle + c->unknown) * COST_BUSY;
}

static void set_add(struct set *s, const struct pick *p, size_t i)
{
	const struct candidate *c = &p->all[i];

	s->chosen[i] = true;
	s->size++;
	s->cost += cost_of(c);
	s->sum += s->sums[i];
	s->to_others += p->totals[i] - 2 * s->sums[i];
	s->worst = s->least[i] < s->worst ? s->least[i] : s->worst;
	s->newest_ns = c->mine_ns > s->newest_ns ? c->mine_ns : s->newest_ns;
	for (size_t k = 0; k < p->count; k++) {
		int close;

		if (s->chosen[k] || !p->offered[k])
			continue;
		close = closeness(p, i, k);
		s->sums[k] += close;
		s->least[k] = close < s->least[k] ? close : s->least[k];
		s->joins[k] |= plan_may_join(p->t, p->request, (size_t)c->id, (size_t)p->all[k].id);
	}
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Whether candidate a fits a set better than b does. */
static bool fits_better(const struct pick *p, const struct set *s, size_t a, size_t b)
{
	int r = compare(cost_of(&p->all[a]), cost_of(&p->all[b]));

	if (!r)
		r = compare(s->least[b], s->least[a]);
	if (!r)
		r = compare(s->sums[b], s->sums[a]);
	if (!r)
		r = compare(p->totals[a], p->totals[b]);
	return r < 0;
}

/* Adds the candidates of `tier` that fit best; returns how many steps it took. */
static int64_t set_grow(struct set *s, const struct pick *p, const bool *tier, size_t wanted)
{
	int64_t work = 0;

	while (s->size < wanted) {
		size_t best = p->count;

		for (size_t i = 0; i < p->count; i++) {
			if (s->chosen[i] || !tier[i] || (p->demands && s->size && !s->joins[i]))
				continue;
			if (best == p->count || fits_better(p, s, i, best))
				best = i;
		}
		work += 2 * (int64_t)p->count;
		if (best == p->count)
			break;
		set_add(s, p, best);
	}
	return work;
}

static bool is_better(const struct set *a, const struct set *b)
{
	int r = compare((int64_t)b->size, (int64_t)a->size);

	if (!r)
		r = compare(a->cost, b->cost);
	if (!r)
		r = compare(b->worst, a->worst);
	if (!r)
		r = compare(b->sum, a->sum);
	if (!r)
		r = compare(b->newest_ns, a->newest_ns);
	if (!r)
		r = compare(a->to_others, b->to_others);
	return r < 0;
}

/*
 * The best of the sets that grow from each candidate of the tier; where there is no time for all of
 * them, from some that are spread over it. (So many steps apart, then those between.)
 */
static void find_best(struct set *best, const struct pick *p, const bool *tier, size_t wanted)
{
	AUTO_FREE bool *tried = mem_alloc(p->count, sizeof(*tried));
	size_t apart = 2 * p->count * wanted * p->count / WORK_MAX + 1;
	int64_t work = 0;

	for (size_t n = 0, i = 0; n < p->count && (work < WORK_MAX || best->size < wanted); n++) {
		AUTO(set_clear) struct set s = {0};
		size_t start = i;

		i = i + apart < p->count ? i + apart : i % apart + 1;
		if (!tier[start] || tried[start])
			continue;
		set_init(&s, p->count);
		set_add(&s, p, start);
		work += set_grow(&s, p, tier, wanted);
		/* Where it stops short it has all of its group. */
		for (size_t k = 0; k < p->count && s.size < wanted; k++)
			tried[k] |= s.chosen[k];
		if (is_better(&s, best)) {
			struct set worse = *best;

			*best = s;
			s = worse;
		}
	}
}

/* Whether both are equally good, but for their links and for when others have used them. */
static bool is_one_tier(const struct pick *p, size_t a, size_t b)
{
	const struct candidate *x = &p->all[a], *y = &p->all[b];

	if (p->demands)
		return true;
	if (cost_of(x) != cost_of(y))
		return false;
	return p->request->linked == PLACE_PREFERRED || p->request->same_numa == PLACE_PREFERRED ||
	       x->mine_ns == y->mine_ns;
}

/* The next tier: of what is offered and not chosen, the best, and all that are as good. */
static size_t next_tier(const struct pick *p, const struct set *s, bool *tier)
{
	size_t first = p->count, size = 0;

	memset(tier, 0, p->count * sizeof(*tier));
	for (size_t i = 0; i < p->count; i++) {
		if (!p->offered[i] || s->chosen[i])
			continue;
		first = first < p->count ? first : i;
		tier[i] = is_one_tier(p, first, i);
		size += tier[i];
	}
	return size;
}

static void pick_linked(const struct pick *p, struct set *s, size_t wanted)
{
	AUTO_FREE bool *tier = mem_alloc(p->count, sizeof(*tier));

	while (s->size < wanted && next_tier(p, s, tier)) {
		size_t before = s->size;

		if (s->size)
			set_grow(s, p, tier, wanted);
		else
			find_best(s, p, tier, wanted);
		if (s->size == before || p->demands)
			return;
	}
}

static void add_totals(struct pick *p)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; k < i; k++) {
			int close = p->offered[i] && p->offered[k] ? closeness(p, i, k) : 0;

			p->totals[i] += close;
			p->totals[k] += close;
		}
	}
}

/* Without a topology: in their order. */
static size_t pick_in_order(size_t count, const bool *offered, bool *chosen, size_t size,
			    size_t wanted)
{
	for (size_t i = 0; i < count && size < wanted; i++) {
		if (!offered[i] || chosen[i])
			continue;
		chosen[i] = true;
		size++;
	}
	return size;
}

size_t plan_pick(const struct topology *t, const struct plan_request *request,
		 const struct candidate *all, size_t count, const bool *offered, bool *chosen,
		 size_t wanted)
{
	AUTO_FREE int64_t *totals = mem_alloc(count, sizeof(*totals));
	struct pick p = {
		.t = t,
		.request = request,
		.all = all,
		.count = count,
		.offered = offered,
		.demands = plan_demands_place(request),
		.totals = totals,
	};
	AUTO(set_clear) struct set s = {0};
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += chosen[i];
	if (!t->count)
		return p.demands ? 0 : pick_in_order(count, offered, chosen, size, wanted);
	add_totals(&p);
	set_init(&s, count);
	for (size_t i = 0; i < count; i++) {
		if (chosen[i])
			set_add(&s, &p, i);
	}
	pick_linked(&p, &s, wanted);
	memcpy(chosen, s.chosen, count * sizeof(*chosen));
	return s.size;
}
