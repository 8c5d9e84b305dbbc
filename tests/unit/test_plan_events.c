/* What the changes of a plan mean for people, and the state that is kept with a decision. */
#include "test.h"

#include "base/mem.h"
#include "base/str.h"
#include "plan_world.h"

#define ENTRY "eeeeeeee-0000-4000-8000-000000000000"
#define OTHER "ffffffff-0000-4000-8000-000000000000"
#define GRANT "99999999-0000-4000-8000-000000000000"

/* Six GPUs: 0-1 a run of u1000, 2 by hand of u1001, 3 kept for ENTRY, the first in the queue, 4
   drained, 5 free. OTHER waits behind it. */
struct world {
	struct pool_state state;
	enum gpu_use use[6];
	enum holder_life waiting[2];
	struct plan_facts facts;
	struct plan_request request;
	struct plan plan;
	struct reservation *run, *manual, *part;
	struct holder holder;
};

static struct queue_entry *wait_for(struct world *w, const char *id, uid_t uid, int count)
{
	struct queue_entry *q = pool_state_add_waiter(&w->state);

	memcpy(q->id, id, ID_SIZE);
	q->account = mem_printf("u%d", (int)uid);
	q->user = mem_strdup(q->account);
	q->uid = quantity_of(uid);
	q->type = RESERVATION_MANUAL;
	q->requested_count = count;
	q->enqueued_ns = q->heartbeat_ns = NOW - MINUTE;
	q->holder.host = mem_strdup("here");
	q->version = mem_strdup("1");
	return q;
}

static void world_init(struct world *w)
{
	*w = (struct world){.state.initialized = true};
	pool_state_make_slots(&w->state, 6);
	w->run = world_hold(&w->state, 1000, RESERVATION_RUN, 0, 2);
	w->manual = world_hold(&w->state, 1001, RESERVATION_MANUAL, 2, 1);
	w->part = world_hold(&w->state, 1002, RESERVATION_MANUAL, 3, 1);
	w->part->queue_id = mem_strdup(ENTRY);
	w->part->start_ns = NOW - MINUTE;
	wait_for(w, ENTRY, 1002, 2);
	wait_for(w, OTHER, 1003, 1);
	w->state.slots[4].drained_by = mem_strdup("root");
	w->facts = (struct plan_facts){.now_ns = NOW, .use = w->use, .waiting = w->waiting};
	w->request = (struct plan_request){
		.actor = {.uid = 1004, .account = "u1004"},
		.type = RESERVATION_MANUAL,
		.count = 1,
		.duration_ns = 2 * HOUR,
		.id = GRANT,
	};
}

static void world_clear(struct world *w)
{
	plan_clear(&w->plan);
	pool_state_clear(&w->state);
}

static int *ids_of(int first, int count)
{
	int *ids = mem_alloc((size_t)count, sizeof(*ids));

	for (int i = 0; i < count; i++)
		ids[i] = first + i;
	return ids;
}

static void grant(struct world *w)
{
	w->plan.granted = plan_grant(&w->plan, &w->request, GRANT, ids_of(5, 1), 1, &w->facts);
}

/* The first request gets what it waits for, in part with what was kept for it. */
static void grant_to_first(struct world *w)
{
	w->request.actor = (struct plan_actor){.uid = 1002, .account = "u1002"};
	w->request.count = 2;
	plan_end(&w->plan, w->part, w->part->gpus, 1, NOW, END_RELEASED, NULL)->unrecorded = true;
	plan_drop(&w->plan, &w->state.queue[0]);
	w->plan.granted = plan_grant(&w->plan, &w->request, GRANT, ids_of(3, 2), 2, &w->facts);
}

static void collect(struct world *w)
{
	w->plan.collected = plan_grant(&w->plan, &w->request, GRANT, ids_of(5, 1), 1, &w->facts);
	w->plan.collected->queue_id = mem_strdup(OTHER);
}

static void join(struct world *w)
{
	struct queue_entry *q = plan_put_copy(&w->plan, &w->state.queue[1], false);

	q->version = NULL;
	memcpy(q->id, GRANT, ID_SIZE);
}

static void restore(struct world *w)
{
	plan_grant(&w->plan, &w->request, GRANT, ids_of(5, 1), 1, &w->facts)->start_ns = NOW - HOUR;
	reservation_free((struct reservation *)(uintptr_t)w->plan.changes[0].grant.reservation);
	w->plan.changes_count = 0;
	w->plan.changes = mem_resize(w->plan.changes, 1, sizeof(struct change));
	plan_add(&w->plan, CHANGE_GRANT)->grant.reservation = w->run;
}

static void end(struct world *w, struct reservation *r, enum end_reason reason, const char *actor)
{
	plan_end(&w->plan, r, r->gpus, r->gpus_count, NOW, reason, actor);
}

static void end_run(struct world *w)
{
	end(w, w->run, END_RELEASED, NULL);
}

static void end_manual(struct world *w)
{
	end(w, w->manual, END_RELEASED, NULL);
}

static void force(struct world *w)
{
	end(w, w->run, END_FORCED, "root");
}

static void force_with_reason(struct world *w)
{
	end(w, w->run, END_FORCED, "guard");
	w->plan.changes[0].end.why = "it was idle for 2h";
}

static void die(struct world *w)
{
	plan_end(&w->plan, w->run, w->run->gpus, 2, NOW - HOUR / 2, END_HOLDER_DIED, NULL);
}

static void expire(struct world *w)
{
	end(w, w->manual, END_EXPIRED, NULL);
}

static void give_back(struct world *w)
{
	plan_end(&w->plan, w->part, w->part->gpus, 1, NOW, END_RELEASED, NULL)->unrecorded = true;
}

static void heartbeat(struct world *w)
{
	plan_renew(&w->plan, w->run, NOW, NULL, NULL);
}

static void extend(struct world *w)
{
	plan_renew_copy(&w->plan, w->manual, false)->expiry_ns += HOUR;
}

static void shorten(struct world *w)
{
	plan_renew_copy(&w->plan, w->manual, false)->expiry_ns -= MINUTE;
}

static void note(struct world *w)
{
	plan_renew_copy(&w->plan, w->manual, false)->user = NULL;
}

static void cancel(struct world *w)
{
	plan_cancel_entry(&w->plan, &w->state.queue[1]);
}

static void leave(struct world *w)
{
	plan_drop(&w->plan, &w->state.queue[1]);
}

static void leave_cancelled(struct world *w)
{
	w->state.queue[1].cancelled = true;
	plan_drop(&w->plan, &w->state.queue[1]);
}

static void give_up(struct world *w)
{
	w->state.queue[1].give_up_ns = NOW;
	plan_drop(&w->plan, &w->state.queue[1]);
}

static void drain(struct world *w)
{
	plan_add(&w->plan, CHANGE_DRAIN)->drain = (struct change_drain){
		.gpus = w->run->gpus, .gpus_count = 2, .actor = "root", .note = "fan"};
}

static void undrain(struct world *w)
{
	plan_add(&w->plan, CHANGE_DRAIN)->drain =
		(struct change_drain){.gpus = &w->state.slots[4].id, .gpus_count = 1};
}

static void init(struct world *w)
{
	plan_add(&w->plan, CHANGE_INIT)->init =
		(struct change_init){.provider = "amd", .gpus_count = 8};
}

static void check_only(struct world *w)
{
	plan_add(&w->plan, CHANGE_CHECK)->quiet = true;
}

/* The plan has said it itself. */
static void said(struct world *w)
{
	struct event *v = plan_add_event(&w->plan, EVENT_RELEASED, NOW);

	v->reservation_id = w->run->id;
	v->reason = plan_own(&w->plan, mem_strdup("said"));
	end(w, w->run, END_RELEASED, NULL);
}

static const struct events_case {
	const char *title;
	void (*plan)(struct world *w);
	const char *author;
	const char *expected; /* "kind account actor gpus: reason", a line each */
} cases[] = {
	{"a grant", grant, "u1004", "granted u1004 - 5: u1004 got GPU 5 for 2h 0m 0s\n"},
	{"a grant to one that waited", grant_to_first, "u1002",
	 "granted u1002 - 3-4: u1002 got GPUs 3-4 for 2h 0m 0s after waiting 0h 1m 0s\n"},
	{"collecting", collect, "u1004",
	 "collected u1004 - 5: GPU 5 is kept for the waiting request of u1004\n"},
	{"joining", join, "u1003",
	 "queued u1003 - : u1003 waits for 1 GPU, behind 2 other requests\n"},
	{"a lost reservation", restore, NULL,
	 "granted u1000 - 0-1: u1000 has GPUs 0-1 again: the reservation was missing in the "
	 "pool\n"},
	{"the end of a run", end_run, "u1000",
	 "released u1000 - 0-1: the run of u1000 on GPUs 0-1 ended after 1h 0m 0s\n"},
	{"a release", end_manual, "u1001",
	 "released u1001 - 2: u1001 released GPU 2 after 1h 0m 0s\n"},
	{"by an administrator", force, "root",
	 "released u1000 root 0-1: root released GPUs 0-1, which u1000 had for 1h 0m 0s\n"},
	{"with a reason", force_with_reason, "root",
	 "released u1000 guard 0-1: it was idle for 2h\n"},
	{"a run that is gone", die, "u1003",
	 "released u1000 - 0-1: the run of u1000 on GPUs 0-1 ended after 0h 30m 0s without a "
	 "release: its processes are gone, 0h 30m 0s ago\n"},
	{"an expiry", expire, NULL,
	 "expired u1001 - 2: the reservation of u1001 on GPU 2 expired after 1h 0m 0s\n"},
	{"giving back", give_back, NULL,
	 "released u1002 - 3: GPU 3 is no longer kept for the request of u1002\n"},
	{"a heartbeat", heartbeat, "u1000", ""},
	{"extending", extend, "u1001",
	 "extended u1001 - 2: u1001 now has GPU 2 for 2h 0m 0s from now, longer than before\n"},
	{"shortening, by root", shorten, "root",
	 "extended u1001 root 2: u1001 now has GPU 2 for 0h 59m 0s from now, shorter than "
	 "before\n"},
	{"the same end", note, "u1001", ""},
	{"cancelling", cancel, "u1003", "left u1003 - : the request of u1003 was cancelled\n"},
	{"cancelling another's", cancel, "root",
	 "left u1003 root : root cancelled the request of u1003\n"},
	{"leaving", leave, "u1003",
	 "left u1003 - : the request of u1003 left the queue after 0h 1m 0s\n"},
	{"its process is gone", leave, "u1000",
	 "left u1003 - : the request of u1003 is gone: its process has ended\n"},
	{"leaving when cancelled", leave_cancelled, "u1003", ""},
	{"giving up", give_up, "u1003",
	 "left u1003 - : the request of u1003 gave up after 0h 1m 0s\n"},
	{"a drain", drain, "root", "drained - root 0-1: root took GPUs 0-1 out of service: fan\n"},
	{"its end", undrain, "u1000", "undrained - u1000 4: u1000 put GPU 4 back into service\n"},
	{"recreating", init, "root", "admin - root : root recreated the pool: 8 GPUs (amd)\n"},
	{"a check", check_only, "u1000", ""},
	{"said already", said, "u1000", "released - - : said\n"},
};

static char *describe(const struct plan *plan)
{
	struct str text = {0};

	for (size_t i = 0; i < plan->changes_count; i++) {
		const struct event *v = plan->changes[i].event.event;
		AUTO_FREE char *gpus = NULL;

		if (plan->changes[i].kind != CHANGE_EVENT)
			continue;
		assert_true(plan->changes[i].quiet);
		assert_int_equal(v->time_ns, NOW);
		gpus = str_join_ranges(v->gpus, v->gpus_count);
		str_addf(&text, "%s %s %s %s: %s\n", event_kind_name(v->kind),
			 v->account ? v->account : "-", v->actor ? v->actor : "-", gpus, v->reason);
	}
	return str_steal(&text);
}

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct events_case *c = &cases[i];
		AUTO(world_clear) struct world w;
		AUTO_FREE char *got = NULL;

		world_init(&w);
		c->plan(&w);
		plan_add_events(&w.state, &w.facts, c->author, &w.plan);
		got = describe(&w.plan);
		if (strcmp(got, c->expected) != 0)
			fail_msg("%s: got\n%snot\n%s", c->title, got, c->expected);
	}
}

#define WORLD_TEXT                                                    \
	"held 0-1 run 00000000 u1000\nheld 2 manual 00000000 u1001\n" \
	"kept 3 eeeeeeee u1002\ndrained 4 root\n"
#define QUEUE_TEXT "waits eeeeeeee u1002 2\nwaits ffffffff u1003 1\n"

static void test_state_text(void **unused)
{
	AUTO(world_clear) struct world w;
	const char *const reasons[6] = {[5] = "uses 500 MB\nby mallory"};
	int named[] = {0, 1};
	AUTO_FREE char *all = NULL, *busy = NULL, *unknown = NULL;

	(void)unused;
	world_init(&w);
	all = plan_state_text(&w.state, &w.facts, "1 GPU");
	assert_string_equal(all, "asked 1 GPU\n" WORLD_TEXT "free 5\n" QUEUE_TEXT);
	w.use[5] = USE_BUSY;
	w.facts.reasons = reasons;
	w.waiting[1] = HOLDER_STOPPED;
	w.state.queue[1].requested_ids = named;
	w.state.queue[1].requested_ids_count = 2;
	busy = plan_state_text(&w.state, &w.facts, NULL);
	assert_string_equal(busy, WORLD_TEXT "used 5 uses 500 MB?by mallory\n"
					     "waits eeeeeeee u1002 2\n"
					     "waits ffffffff u1003 =0-1 its process is stopped\n");
	w.state.queue[1].requested_ids = NULL;
	w.state.queue[1].requested_ids_count = 0;
	w.facts.use = NULL;
	w.waiting[1] = HOLDER_ALIVE;
	unknown = plan_state_text(&w.state, &w.facts, NULL);
	assert_string_equal(unknown, WORLD_TEXT "unknown 5\n" QUEUE_TEXT);
}

/* However large the pool: 500 GPUs of 500 people. */
static void test_state_text_is_bounded(void **unused)
{
	AUTO(pool_state_clear) struct pool_state state = {.initialized = true};
	const struct plan_facts facts = {.now_ns = NOW};
	AUTO_FREE char *text = NULL;

	(void)unused;
	pool_state_make_slots(&state, 500);
	for (int i = 0; i < 500; i++)
		world_hold(&state, (uid_t)(1000 + i), RESERVATION_RUN, i, 1);
	text = plan_state_text(&state, &facts, "500 GPUs");
	assert_true(strlen(text) <= PLAN_STATE_TEXT_MAX);
	assert_non_null(strstr(text, "\nmore 4"));
}

/* The state is kept once, with the first decision; a refusal is one. */
static void test_before(void **unused)
{
	AUTO(world_clear) struct world w;
	const struct event *first = NULL;

	(void)unused;
	world_init(&w);
	end_manual(&w);
	grant(&w);
	plan_add_events(&w.state, &w.facts, "u1004", &w.plan);
	for (size_t i = 0; i < w.plan.changes_count; i++) {
		const struct event *v = w.plan.changes[i].event.event;

		if (w.plan.changes[i].kind == CHANGE_EVENT && v->before) {
			assert_null(first);
			first = v;
		}
	}
	assert_int_equal(first->kind, EVENT_GRANTED);
	assert_string_equal(first->before, "asked 1 GPU\n" WORLD_TEXT "free 5\n" QUEUE_TEXT);
	plan_clear(&w.plan);
	w.request.gpu_type = "h100";
	w.request.linked = PLACE_REQUIRED;
	plan_add_refusal(&w.state, &w.facts, &w.request, EVENT_REFUSED, "no", &w.plan);
	assert_int_equal(w.plan.changes_count, 1);
	first = w.plan.changes[0].event.event;
	assert_string_equal(first->reason,
			    "u1004 asked for 1 GPU of type h100, linked, and was refused: no");
	assert_non_null(strstr(first->before, "asked 1 GPU of type h100, linked\n"));
}

/* Every kind has a name of its own, which is read back. */
static void test_kinds(void **unused)
{
	enum event_kind kind;

	(void)unused;
	for (int i = 0; i < EVENT_KINDS; i++) {
		assert_true(event_kind_parse(event_kind_name((enum event_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(event_kind_parse("nonsense", &kind));
	assert_false(event_kind_parse(NULL, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_state_text),
		cmocka_unit_test(test_state_text_is_bounded),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests_name("plan events", tests, NULL, NULL);
}
