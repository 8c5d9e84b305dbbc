/* GPUs that are linked: which ones a request gets, and what a demand waits for. */
#include "plan_world.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/topology.h"

#define GPUS_MAX POOL_GPUS_MAX
#define ENTRY "22222222-2222-2222-2222-222222222222"

struct world {
	struct pool_state state;
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[GPUS_MAX];
	enum holder_life waiting[8];
	int64_t last_use_ns[GPUS_MAX];
	struct gpu gpu;
	struct gpu *gpus[GPUS_MAX];
	struct plan_facts facts;
};

/* The link of two GPUs of a machine. */
typedef int machine(size_t a, size_t b);

/* Eight GPUs on NVSwitch. */
static int dgx(size_t a, size_t b)
{
	(void)a;
	(void)b;
	return LINK_NVLINK + 18;
}

/* Two processors with PCIe cards on each. */
static int pcie(size_t a, size_t b)
{
	return a / 4 == b / 4 ? LINK_NODE : LINK_SYSTEM;
}

/* Two islands of four with bridges between all of each. */
static int islands(size_t a, size_t b)
{
	return a / 4 == b / 4 ? LINK_NVLINK + 4 : LINK_SYSTEM;
}

/* Pairs with a bridge: 0-4, 1-5, 2-6, 3-7. */
static int pairs(size_t a, size_t b)
{
	return a % 4 == b % 4 ? LINK_NVLINK + 4 : pcie(a, b);
}

/* DGX-1: a cube whose corners are linked along its edges and the diagonals of two sides. */
static int cube(size_t a, size_t b)
{
	return a / 4 == b / 4 || a % 4 == b % 4 ? LINK_NVLINK + 1 : LINK_SYSTEM;
}

/* In chains: each is linked to the next alone. */
static int chain(size_t a, size_t b)
{
	return a + 1 == b || b + 1 == a ? LINK_NVLINK + 1 : LINK_HOST;
}

static void world_link(struct world *w, machine *link)
{
	AUTO(topology_clear) struct topology t;

	topology_init(&t, w->state.slots_count);
	for (size_t i = 0; i < t.count; i++) {
		t.gpus[i].uuid = mem_strdup(w->state.slots[i].uuid);
		t.gpus[i].numa = (int)(i / 4);
		for (size_t k = 0; k < i; k++)
			topology_set_link(&t, i, k, link(i, k));
	}
	w->state.topology = topology_text(&t);
}

/* link NULL: nothing is recorded. */
static void world_init(struct world *w, size_t gpus, machine *link)
{
	*w = (struct world){.gpu = {.memory_total_mb = quantity_of(1024)}};
	w->state.initialized = true;
	pool_state_make_slots(&w->state, gpus);
	for (size_t i = 0; i < gpus; i++) {
		w->state.slots[i].uuid = mem_printf("GPU-%zu", i);
		w->gpus[i] = &w->gpu;
	}
	w->facts = (struct plan_facts){
		.now_ns = NOW,
		.use = w->use,
		.gpus = w->gpus,
		.life = w->life,
		.waiting = w->waiting,
		.last_use_ns = w->last_use_ns,
	};
	if (link)
		world_link(w, link);
}

static void world_clear(struct world *w)
{
	pool_state_clear(&w->state);
}

/* Somebody holds these: "0,3". */
static void hold(struct world *w, const char *ids)
{
	for (const char *p = ids; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		world_hold(&w->state, 2, RESERVATION_MANUAL, atoi(p), 1);
}

static struct plan_request request_for(int count, enum place_wish linked, enum place_wish numa)
{
	return (struct plan_request){
		.actor = {.uid = 1, .account = "me"},
		.type = RESERVATION_MANUAL,
		.count = count,
		.linked = linked,
		.same_numa = numa,
		.duration_ns = HOUR,
		.id = "11111111-1111-1111-1111-111111111111",
	};
}

/* "0,2", or the error. The caller frees it. */
static char *granted(struct world *w, const struct plan_request *request)
{
	AUTO(plan_clear) struct plan p = {0};
	struct err e = {0};

	if (plan_reserve(&w->state, &w->facts, request, &p, &e) < 0)
		return mem_strdup(e.text);
	return str_join_ids(p.granted->gpus, p.granted->gpus_count, ",");
}

/* ---- what a request gets ---- */

#define ANY PLACE_ANY, PLACE_ANY
#define LINKED PLACE_REQUIRED, PLACE_ANY
#define NODE PLACE_ANY, PLACE_REQUIRED

static const struct {
	const char *name;
	machine *link;
	size_t gpus;
	const char *held;     /* by others */
	const char *released; /* the requester used them last; the first most recently */
	int count;
	enum place_wish linked, same_numa;
	const char *granted;
} cases[] = {
	{"nothing recorded: in order", NULL, 8, "0", "", 3, ANY, "1,2,3"},
	{"nothing recorded: last used first", NULL, 8, "", "7,5", 3, ANY, "0,5,7"},
	{"all alike: in order", dgx, 8, "1", "", 3, ANY, "0,2,3"},
	{"links alike: by node", dgx, 8, "", "6", 2, ANY, "4,6"},
	{"two on one processor", pcie, 8, "0,1,2", "", 2, ANY, "4,5"},
	{"two of an island that is left so", pcie, 8, "0,1", "", 2, ANY, "2,3"},
	{"one where the others are taken", pcie, 8, "4,5,6", "", 1, ANY, "7"},
	{"one where fewer are left", islands, 8, "4", "", 1, ANY, "5"},
	{"two where only two are left", islands, 8, "0,4,5", "", 2, ANY, "6,7"},
	{"four on one island", islands, 8, "1", "", 4, ANY, "4,5,6,7"},
	{"six: a whole island and two", islands, 8, "1", "", 6, ANY, "0,2,4,5,6,7"},
	{"a bridge before neighbours", pairs, 8, "0", "", 2, ANY, "1,5"},
	{"no link across nodes before two bridges", pairs, 8, "0", "", 4, ANY, "4,5,6,7"},
	{"not the half of a bridge", pairs, 8, "0", "", 1, ANY, "4"},
	{"a side of the cube", cube, 8, "0", "", 4, ANY, "4,5,6,7"},
	{"last used before links", islands, 8, "", "0,7", 2, ANY, "0,7"},
	{"what is not yet decided by use", islands, 8, "0", "7", 2, ANY, "4,7"},
	{"a wish before last used", islands, 8, "", "0,7", 2, PLACE_PREFERRED, PLACE_ANY, "0,1"},
	{"a wish that cannot be met", islands, 8, "0,1,2,4,5,6", "", 2, PLACE_PREFERRED, PLACE_ANY,
	 "3,7"},
	{"a node before a bridge", pairs, 8, "", "", 2, PLACE_ANY, PLACE_PREFERRED, "0,1"},
	{"a demand for one", NULL, 8, "", "", 1, LINKED, "0"},
	{"a demand that knows nothing", NULL, 8, "", "", 2, LINKED,
	 "how the GPUs of this pool are linked is not recorded: 'canhazgpu admin --refresh' does "
	 "it where the driver tells, and --linked=prefer or --same-numa=prefer takes any"},
	{"linked", islands, 8, "0,4,5", "", 3, LINKED, "1,2,3"},
	{"linked, not one by one", islands, 8, "0,1,4,5", "", 3, LINKED,
	 "Not enough linked GPUs available. Requested: 3, Available together: 2"},
	{"linked, never", islands, 8, "", "", 5, LINKED,
	 "Requested 5 linked GPUs, but at most 4 in service are so: 'canhazgpu status --topology' "
	 "shows which"},
	{"linked: last used where links are alike", islands, 8, "", "6", 2, LINKED, "4,6"},
	{"linked through what is free", chain, 8, "2", "", 4, LINKED, "4,5,6,7"},
	{"linked across the cube", cube, 8, "1,2,3,4,6,7", "", 2, LINKED,
	 "Not enough linked GPUs available. Requested: 2, Available together: 1"},
	{"one node", pcie, 8, "0,1,4", "", 3, NODE, "5,6,7"},
	{"one node, never", pcie, 8, "", "", 5, NODE,
	 "Requested 5 same-node GPUs, but at most 4 in service are so: 'canhazgpu status "
	 "--topology' shows which"},
	{"one node and linked", pairs, 8, "", "", 2, PLACE_REQUIRED, PLACE_REQUIRED,
	 "Requested 2 linked same-node GPUs, but at most 1 in service are so: 'canhazgpu status "
	 "--topology' shows which"},
};

static void test_grants(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct plan_request request =
			request_for(cases[i].count, cases[i].linked, cases[i].same_numa);
		AUTO_FREE char *got = NULL;
		int64_t last_ns = NOW - HOUR;

		world_init(&w, cases[i].gpus, cases[i].link);
		hold(&w, cases[i].held);
		for (const char *p = cases[i].released; p && *p;
		     p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
			w.last_use_ns[atoi(p)] = last_ns -= MINUTE;
		got = granted(&w, &request);
		if (strcmp(got, cases[i].granted) != 0)
			fail_msg("%s: %s, expected %s", cases[i].name, got, cases[i].granted);
	}
}

static void test_named(void **state)
{
	static const int apart[] = {3, 4}, together[] = {4, 5};
	struct plan_request request = request_for(2, LINKED);
	AUTO_FREE char *refused = NULL, *taken = NULL;
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 8, islands);
	request.ids_count = 2;
	request.ids = apart;
	refused = granted(&w, &request);
	assert_string_equal(refused, "GPU 3 and GPU 4 are not linked: 'canhazgpu status "
				     "--topology' shows which are");
	request.ids = together;
	taken = granted(&w, &request);
	assert_string_equal(taken, "4,5");
}

/* ---- as many as a pool may have ---- */

static int eights(size_t a, size_t b)
{
	return a / 8 == b / 8 ? LINK_NVLINK + 18 : LINK_SYSTEM;
}

static void test_many(void **state)
{
	struct plan_request one = request_for(1, ANY), eight = request_for(8, LINKED);
	struct plan_request half = request_for(512, ANY), nine = request_for(9, LINKED);
	AUTO_FREE char *single = NULL, *island = NULL, *most = NULL, *never = NULL;
	struct world *w = mem_alloc(1, sizeof(*w));

	(void)state;
	world_init(w, GPUS_MAX, eights);
	for (int i = 0; i < GPUS_MAX - 8; i += 8)
		world_hold(&w->state, 2, RESERVATION_MANUAL, i, 1);
	island = granted(w, &eight);
	assert_string_equal(island, "1016,1017,1018,1019,1020,1021,1022,1023");
	never = granted(w, &nine);
	assert_non_null(strstr(never, "at most 8 in service"));
	world_hold(&w->state, 2, RESERVATION_MANUAL, 801, 6);
	single = granted(w, &one);
	assert_string_equal(single, "807");
	most = granted(w, &half);
	assert_true(strlen(most) > 512);
	world_clear(w);
	free(w);
}

/* ---- waiting ---- */

/* A request in the queue that has collected these. */
static void collect(struct world *w, const char *ids, int count)
{
	struct queue_entry *q = pool_state_add_waiter(&w->state);

	memcpy(q->id, ENTRY, ID_SIZE);
	q->user = mem_strdup("me");
	q->account = mem_strdup("me");
	q->uid = quantity_of(1);
	q->requested_count = count;
	q->enqueued_ns = q->heartbeat_ns = NOW - MINUTE;
	q->give_up_ns = TIME_NONE;
	q->holder.host = mem_strdup("here");
	q->collected = mem_alloc(w->state.slots_count, sizeof(int));
	for (const char *p = ids; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		world_hold(&w->state, 1, RESERVATION_MANUAL, atoi(p), 1)->queue_id =
			mem_strdup(ENTRY);
		q->collected[q->collected_count++] = atoi(p);
	}
}

/* One decision of that request, applied: "=4,5" where it is granted, else what it has collected
   then, and which GPUs it waits for: "4,5 of 4,5,6,7". The caller frees it. */
static char *decide(struct world *w, const struct plan_request *request)
{
	const struct plan_wait wait = {
		.entry_id = ENTRY,
		.part_id = "33333333-3333-3333-3333-333333333333",
		.enqueued_ns = NOW - MINUTE,
		.give_up_ns = TIME_NONE,
	};
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(plan_clear) struct plan p = {0};
	AUTO_FREE char *has = NULL, *waits = NULL;
	struct err e = {0};

	pool_state_copy(&seen, &w->state);
	if (plan_wait(&seen, &w->facts, request, &wait, &p, &e) < 0)
		return mem_strdup(e.text);
	for (size_t i = 0; i < p.changes_count; i++) {
		if (change_apply(&w->state, &p.changes[i], &e) < 0)
			return mem_strdup(e.text);
	}
	if (p.granted) {
		has = str_join_ids(p.granted->gpus, p.granted->gpus_count, ",");
		return mem_printf("=%s", has);
	}
	has = str_join_ids(w->state.queue[0].collected, w->state.queue[0].collected_count, ",");
	waits = str_join_ids(w->state.queue[0].eligible, w->state.queue[0].eligible_count, ",");
	return mem_printf("%s of %s", has, waits);
}

static const struct {
	const char *name;
	machine *link;
	const char *held, *collected;
	int count;
	enum place_wish linked, same_numa;
	const char *then;
} waits[] = {
	{"all that is free", islands, "0,1,2,4,5,6,7", "", 3, ANY, "3 of "},
	{"any island, while nothing is free", islands, "0,1,2,3,4,5,6,7", "", 3, LINKED,
	 " of 0,1,2,3,4,5,6,7"},
	{"where more is free", islands, "0,1,2,4,5", "", 4, LINKED, "6,7 of 4,5,6,7"},
	{"at once where enough is free", islands, "0,1,2", "", 4, LINKED, "=4,5,6,7"},
	{"enough elsewhere", islands, "0,1,2", "3", 4, LINKED, "=4,5,6,7"},
	{"stays where as much is free", islands, "0,1,2,4,5,6", "3", 4, LINKED, "3 of 0,1,2,3"},
	{"stays where it is nearer", islands, "0,4,5,6", "1,2", 4, LINKED, "1,2,3 of 0,1,2,3"},
	{"moves to where more is free", islands, "0,1,2,4,5", "3", 4, LINKED, "6,7 of 4,5,6,7"},
	{"completes", islands, "0,4,5,6", "1,2", 3, LINKED, "=1,2,3"},
	{"not where there will never be enough", pairs, "0,1,2,3,7", "", 2, LINKED, "4 of 0,4"},
	{"only what is linked through what it has", chain, "1,2,4,5,6,7", "3", 2, LINKED,
	 "3 of 0,1,2,3,4,5,6,7"},
	{"gives back what is not together", chain, "1,2,4,5,6", "0,3", 3, LINKED,
	 "0 of 0,1,2,3,4,5,6,7"},
	{"of one node", pcie, "0,1,2,4,5", "", 4, NODE, "6,7 of 4,5,6,7"},
};

static void test_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		AUTO(world_clear) struct world w;
		struct plan_request request =
			request_for(waits[i].count, waits[i].linked, waits[i].same_numa);
		AUTO_FREE char *then = NULL;

		world_init(&w, 8, waits[i].link);
		hold(&w, waits[i].held);
		collect(&w, waits[i].collected, waits[i].count);
		then = decide(&w, &request);
		if (strcmp(then, waits[i].then) != 0)
			fail_msg("%s: %s, expected %s", waits[i].name, then, waits[i].then);
	}
}

/* A demand of which nothing is known is refused when it comes, also where nobody has scanned. */
static void test_unrecorded(void **state)
{
	const struct plan_wait wait = {
		.entry_id = ENTRY,
		.part_id = "33333333-3333-3333-3333-333333333333",
		.enqueued_ns = TIME_NONE,
		.give_up_ns = TIME_NONE,
	};
	struct plan_request demand = request_for(2, LINKED);
	AUTO(plan_clear) struct plan p = {0};
	AUTO_FREE char *why = NULL;
	AUTO(world_clear) struct world w;
	struct err e = {0};

	(void)state;
	world_init(&w, 4, NULL);
	w.facts.gpus = NULL;
	w.facts.use = NULL;
	assert_int_equal(plan_wait(&w.state, &w.facts, &demand, &wait, &p, &e), -ERANGE);
	assert_non_null(strstr(e.text, "is not recorded: 'canhazgpu admin --refresh'"));
	/* One that waits when the pool is recreated without them says so. */
	collect(&w, "", 2);
	w.state.queue[0].eligible = mem_alloc(1, sizeof(int));
	why = plan_why_passed_over(&w.state, &w.facts, 0);
	assert_string_equal(why, "it needs 2 GPUs of the kind or place that it asks for, and 0 are "
				 "in service");
}

/* What is not together with what is collected is for others. */
static void test_leaves_others(void **state)
{
	struct plan_request demand = request_for(4, LINKED), other = request_for(1, ANY);
	AUTO_FREE char *first = NULL, *waits_for = NULL, *none = NULL;
	AUTO(world_clear) struct world w;

	(void)state;
	other.actor = (struct plan_actor){.uid = 3, .account = "other"};
	world_init(&w, 8, islands);
	hold(&w, "0,1,2,4,5,6");
	collect(&w, "", 4);
	waits_for = decide(&w, &demand);
	assert_string_equal(waits_for, "3 of 0,1,2,3");
	first = granted(&w, &other);
	assert_string_equal(first, "7");
	w.use[7] = USE_BUSY;
	none = granted(&w, &other);
	assert_non_null(strstr(none, "Not enough GPUs available"));
}

static int islands_of_8(size_t a, size_t b)
{
	return a / 8 == b / 8 ? LINK_NVLINK + 4 : LINK_SYSTEM;
}

/* On more GPUs than there is time to begin with, a whole island is found wherever it is. */
static void test_spread(void **state)
{
	static const int places[] = {0, 31, 62, 63};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct plan_request request = request_for(8, ANY);
		AUTO(world_clear) struct world w;
		AUTO(str_clear) struct str whole = {0};
		AUTO_FREE char *got = NULL;

		world_init(&w, 512, islands_of_8);
		for (int gpu = 0; gpu < 512; gpu++) {
			if (gpu / 8 == places[i])
				str_addf(&whole, "%s%d", whole.length ? "," : "", gpu);
			else if (gpu % 2)
				world_hold(&w.state, 2, RESERVATION_MANUAL, gpu, 1);
		}
		got = granted(&w, &request);
		assert_string_equal(got, str_text(&whole));
	}
}

/* ---- whatever the topology ---- */

static uint8_t random_links[8][8];

static int random_link(size_t a, size_t b)
{
	return random_links[a][b];
}

static void make_links(void)
{
	static const int links[] = {LINK_UNKNOWN, LINK_SYSTEM, LINK_SYSTEM,    LINK_NODE,
				    LINK_SWITCH,  LINK_XGMI,   LINK_NVLINK + 4};

	for (size_t i = 0; i < 8; i++) {
		for (size_t k = 0; k < i; k++)
			random_links[i][k] = random_links[k][i] =
				(uint8_t)links[(size_t)rand() % ARRAY_SIZE(links)];
	}
}

/* The most of these that are together, and whether they all are. */
static size_t find_together(const struct world *w, const struct plan_request *request,
			    const bool *these, bool *ret_all)
{
	AUTO(topology_clear) struct topology t;
	int groups[GPUS_MAX];
	size_t sizes[9] = {0}, most = 0;

	plan_topology(&w->state, &t);
	plan_find_groups(&t, request, these, groups);
	for (size_t i = 0; i < t.count; i++) {
		if (groups[i] && ++sizes[groups[i]] > most)
			most = sizes[groups[i]];
	}
	*ret_all = !sizes[2];
	return most;
}

static void check_grant(struct world *w, const struct plan_request *request, const bool *free)
{
	AUTO(plan_clear) struct plan p = {0};
	bool has[8] = {0}, all;
	struct err e = {0};
	size_t together = find_together(w, request, free, &all), available = 0;
	int r = plan_reserve(&w->state, &w->facts, request, &p, &e);

	for (size_t i = 0; i < 8; i++)
		available += free[i];
	if (!plan_demands_place(request))
		together = available;
	assert_int_equal(r == 0, together >= (size_t)request->count);
	if (r < 0)
		return;
	assert_int_equal(p.granted->gpus_count, request->count);
	for (size_t i = 0; i < p.granted->gpus_count; i++) {
		assert_true(free[p.granted->gpus[i]] && !has[p.granted->gpus[i]]);
		has[p.granted->gpus[i]] = true;
	}
	find_together(w, request, has, &all);
	assert_true(all || !plan_demands_place(request));
}

/* What is collected for a demand is together, and as much as is free together; a request that has
   all it needs goes. */
static void check_wait(struct world *w, const struct plan_request *request, const bool *free)
{
	bool has[8] = {0}, all;
	size_t together = find_together(w, request, free, &all);
	AUTO_FREE char *then = NULL;

	collect(w, "", request->count);
	then = decide(w, request);
	if (*then == '=' || !plan_demands_place(request))
		return;
	for (size_t i = 0; i < 8; i++)
		has[i] = w->state.slots[i].reservation && w->state.slots[i].reservation->queue_id;
	assert_true(together < (size_t)request->count);
	if (w->state.queue[0].eligible_count)
		assert_true(find_together(w, request, has, &all) <= together);
	find_together(w, request, has, &all);
	assert_true(all);
}

static void test_random(void **state)
{
	(void)state;
	srand(13);
	for (int round = 0; round < 3000; round++) {
		AUTO(world_clear) struct world w;
		struct plan_request request =
			request_for(1 + rand() % 5, (enum place_wish)(rand() % 3),
				    (enum place_wish)(rand() % 3));
		bool free[8];

		make_links();
		world_init(&w, 8, random_link);
		for (int i = 0; i < 8; i++) {
			free[i] = rand() % 3 > 0;
			w.last_use_ns[i] = rand() % 2 ? TIME_NONE : NOW - rand() % 3 * HOUR;
			w.state.slots[i].last_released_ns = NOW - rand() % 3 * HOUR;
			if (!free[i] && rand() % 2)
				world_hold(&w.state, 2, RESERVATION_MANUAL, i, 1);
			else if (!free[i])
				w.use[i] = USE_BUSY;
		}
		check_grant(&w, &request, free);
		check_wait(&w, &request, free);
	}
}

/* ---- what is kept ---- */

static void test_text(void **state)
{
	static const char text[] = "GPU-a 0\nGPU-b 0 NV18\nGPU-c - PIX ?\n";
	static const char *const broken[] = {"\n", "GPU-a\n", "GPU-a 0\n\n", " 0\n"};
	AUTO(topology_clear) struct topology t = {0}, none = {0};
	AUTO_FREE char *again = NULL;

	(void)state;
	assert_int_equal(topology_parse(text, &t), 0);
	assert_int_equal(t.count, 3);
	assert_int_equal(topology_link(&t, 1, 0), LINK_NVLINK + 18);
	assert_int_equal(topology_link(&t, 0, 2), LINK_SWITCH);
	assert_int_equal(topology_link(&t, 1, 2), LINK_UNKNOWN);
	assert_true(topology_same_numa(&t, 0, 1));
	assert_false(topology_same_numa(&t, 2, 2));
	again = topology_text(&t);
	assert_string_equal(again, text);
	assert_int_equal(topology_parse(NULL, &none), 0);
	assert_null(topology_text(&none));
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct topology b;

		assert_int_equal(topology_parse(broken[i], &b), -EBADMSG);
		assert_int_equal(b.count, 0);
	}
}

static void test_link_names(void **state)
{
	char name[LINK_NAME_SIZE];

	(void)state;
	for (int link = 0; link <= LINK_MAX; link++) {
		int again = topology_link_parse(topology_link_name(link, name));

		assert_true(again == link || again == LINK_UNKNOWN);
	}
	assert_string_equal(topology_link_name(LINK_NVLINK + 18, name), "NV18");
	assert_int_equal(topology_link_parse("NV999"), LINK_UNKNOWN);
	assert_int_equal(topology_link_parse("X"), LINK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants),        cmocka_unit_test(test_named),
		cmocka_unit_test(test_many),          cmocka_unit_test(test_waits),
		cmocka_unit_test(test_leaves_others), cmocka_unit_test(test_random),
		cmocka_unit_test(test_unrecorded),    cmocka_unit_test(test_spread),
		cmocka_unit_test(test_text),          cmocka_unit_test(test_link_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
