/* Which host a request for any goes to (plan_destinations), and runs that claim what is reserved by
   hand (plan_claim). */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"
#include "plan_world.h"

/* Hosts are written as their GPUs: "H" an idle H100 of 80 GB, "A" an idle A100 of 40 GB, "?" an
   idle one of unknown kind; "h" and "a" in use without a known end, with a digit behind it for so
   many minutes. "+2": others wait for two GPUs. Hosts are separated by blanks, and are called 0, 1,
   ... */
static const struct destination_case {
	const char *what, *hosts;
	int count;
	const char *type;
	int64_t min_memory_mb;
	const char *expected; /* now, "|", later with minutes (x: unknown), "|", never */
	size_t first;
} cases[] = {
	{"none", "", 1, NULL, 0, "||"},
	{"the one with most free", "H HHH HH", 1, NULL, 0, "1 2 0||"},
	{"equals stay in their order", "HH HH H", 1, NULL, 0, "0 1 2||"},
	{"beginning with another", "HH HH H HH", 1, NULL, 0, "1 3 0 2||", 1},
	{"equal waits, beginning with another", "h h h", 1, NULL, 0, "|2:x 0:x 1:x|", 5},
	{"only where there are enough", "HH HHh H", 2, NULL, 0, "0 1||2"},
	{"of the kind", "AAAA HH A", 1, "h100", 0, "1||0 2"},
	{"with so much memory", "AAAA HH", 2, NULL, 60000, "1||0"},
	{"most of the kind, not most in all", "HAAA HHA", 1, "h100", 0, "1 0||"},
	{"who is sure comes first", "??? H", 1, "h100", 0, "1 0||"},
	{"any kind is any kind", "??? H", 1, NULL, 0, "0 1||"},
	{"none free: the shortest wait", "h9h9 h5h8 h7", 1, NULL, 0, "|1:5 2:7 0:9|"},
	{"half a minute is no difference: the shorter queue", "h4+1h5h5 h5h5", 1, NULL, 0,
	 "|1:5 0:5|"},
	{"for two the second one counts", "h1h9 h5h6", 2, NULL, 0, "|1:6 0:9|"},
	{"a known end comes before an unknown one", "h h9", 1, NULL, 0, "|1:9 0:x|"},
	{"others wait there, and go first", "HH+2 H", 1, NULL, 0, "1|0:x|"},
	{"what they leave is free", "HHH+2 HH", 1, NULL, 0, "1 0||"},
	{"a queue makes the wait longer", "h3h9+1 h5", 1, NULL, 0, "|1:5 0:9|"},
	{"equally unknown: the shorter queue", "h+3 h+1 h", 1, NULL, 0, "|2:x 1:x 0:x|"},
	{"equal queues: more GPUs", "h hh", 1, NULL, 0, "|1:x 0:x|"},
	{"free now comes before a wait", "h1h1h1 H", 1, NULL, 0, "1|0:1|"},
	{"too many for all", "HH H", 3, NULL, 0, "||0 1"},
};

static size_t read_hosts(const char *text, struct destination *hosts, struct destination_gpu *gpus)
{
	size_t count = 0;

	for (const char *p = text; *p;) {
		struct destination *host = &hosts[count++];

		*host = (struct destination){.gpus = gpus};
		for (; *p && *p != ' '; p++) {
			bool idle = *p == 'H' || *p == 'A' || *p == '?';

			if (*p == '+') {
				host->waiting = (size_t)(*++p - '0');
				continue;
			}
			*gpus = (struct destination_gpu){.idle = idle, .free_ns = TIME_NONE};
			if (*p != '?') {
				gpus->model = *p == 'H' || *p == 'h' ? "NVIDIA H100 80GB HBM3"
								     : "NVIDIA A100-SXM4-40GB";
				gpus->memory_mb =
					quantity_of(*p == 'H' || *p == 'h' ? 81559 : 40960);
			}
			if (p[1] >= '0' && p[1] <= '9')
				gpus->free_ns = NOW + (*++p - '0') * MINUTE;
			gpus++;
			host->count++;
		}
		p += *p == ' ';
	}
	return count;
}

static void test_destinations(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct destination_case *c = &cases[i];
		const struct plan_request request = {
			.count = c->count, .gpu_type = c->type, .min_memory_mb = c->min_memory_mb};
		struct destination hosts[8];
		struct destination_gpu gpus[64];
		struct destination_choice choices[8];
		size_t count = read_hosts(c->hosts, hosts, gpus);
		AUTO(str_clear) struct str got = {0};
		int when = DESTINATION_NOW;

		plan_destinations(&request, NOW, hosts, count, c->first, choices);
		for (size_t k = 0; k < count; k++) {
			const struct destination_choice *choice = &choices[k];

			for (; when < (int)choice->when; when++)
				str_add(&got, "|");
			str_addf(&got, "%s%zu",
				 got.length && got.text[got.length - 1] != '|' ? " " : "",
				 choice->host);
			if (choice->when == DESTINATION_LATER && choice->start_ns == TIME_NONE)
				str_add(&got, ":x");
			else if (choice->when == DESTINATION_LATER)
				str_addf(&got, ":%d", (int)((choice->start_ns - NOW) / MINUTE));
		}
		for (; when < DESTINATION_NEVER; when++)
			str_add(&got, "|");
		if (strcmp(str_text(&got), c->expected) != 0)
			fail_msg("%s: got '%s', expected '%s'", c->what, str_text(&got),
				 c->expected);
	}
}

#define SECOND NS_PER_SECOND

/* What follows when no host has given its GPUs. */
static const struct next_case {
	const char *what;
	struct destination_search search;
	enum destination_when best;
	enum destination_step expected;
	int64_t pause_ns; /* with 0.5 for chance */
} next_cases[] = {
	{"none free, no waiting", {.looks = 1}, DESTINATION_LATER, DESTINATION_REFUSE, 0},
	{"others were faster, no waiting",
	 {.looks = 1, .lost = true},
	 DESTINATION_NOW,
	 DESTINATION_REFUSE,
	 0},
	{"a slow host was not waited for",
	 {.looks = 1, .hurried = true, .lost = true},
	 DESTINATION_NOW,
	 DESTINATION_LOOK,
	 0},
	{"not even where it would wait",
	 {.waits = true, .looks = 1},
	 DESTINATION_NEVER,
	 DESTINATION_REFUSE,
	 0},
	{"before it queues it looks again",
	 {.waits = true, .looks = 1, .look_ns = SECOND},
	 DESTINATION_LATER,
	 DESTINATION_LOOK,
	 SECOND * 3 / 4},
	{"and then it queues",
	 {.waits = true, .looks = 2, .look_ns = SECOND},
	 DESTINATION_LATER,
	 DESTINATION_QUEUE,
	 0},
	{"others were faster again",
	 {.waits = true, .looks = 7, .lost = true, .look_ns = SECOND / 2},
	 DESTINATION_NOW,
	 DESTINATION_LOOK,
	 SECOND / 2},
	{"and again",
	 {.waits = true, .looks = 8, .lost = true},
	 DESTINATION_NOW,
	 DESTINATION_QUEUE,
	 0},
	{"a slow host, at last",
	 {.waits = true, .looks = 8, .hurried = true, .lost = true},
	 DESTINATION_NOW,
	 DESTINATION_LOOK,
	 0},
};

static void test_next(void **unused)
{
	int64_t pause_ns;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(next_cases); i++) {
		const struct next_case *c = &next_cases[i];
		const struct destination_choice best = {.when = c->best};
		enum destination_step step =
			plan_destination_next(&c->search, &best, 0.5, &pause_ns);

		if (step != c->expected || pause_ns != c->pause_ns)
			fail_msg("%s: %d after %lld ms", c->what, (int)step,
				 (long long)(pause_ns / NS_PER_MS));
	}
	assert_int_equal(plan_destination_next(&next_cases[4].search, NULL, 0.5, &pause_ns),
			 DESTINATION_REFUSE);
}

/* GPUs 0 and 1 are reserved by hand by account 1000; 2 by account 1001; 3 is a run of 1000; 4 is
   collected for a request of its, 5 has been over for a second. */
static const struct claim_case {
	const char *what;
	int gpu; /* of the reservation that is claimed; -1: an id that is not there */
	uid_t uid;
	bool granted;
} claims[] = {
	{"one's own: all of it", 1, 1000, true}, {"somebody else's", 2, 1000, false},
	{"not even for root", 0, 0, false},      {"a run", 3, 1000, false},
	{"what is collected", 4, 1000, false},   {"over", 5, 1000, false},
	{"no such one", -1, 1000, false},
};

static void make_held(struct pool_state *state)
{
	state->initialized = true;
	pool_state_make_slots(state, 6);
	world_hold(state, 1000, RESERVATION_MANUAL, 0, 2);
	world_hold(state, 1001, RESERVATION_MANUAL, 2, 1);
	world_hold(state, 1000, RESERVATION_RUN, 3, 1);
	world_hold(state, 1000, RESERVATION_MANUAL, 4, 1)->queue_id = mem_strdup("q");
	world_hold(state, 1000, RESERVATION_MANUAL, 5, 1)->expiry_ns = NOW - NS_PER_SECOND;
}

static void test_claims(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(claims); i++) {
		const struct claim_case *c = &claims[i];
		AUTO(pool_state_clear) struct pool_state state = {0};
		AUTO(plan_clear) struct plan plan = {0};
		const enum gpu_use use[6] = {USE_IDLE};
		struct plan_policy policy = {0};
		struct plan_facts facts = {.now_ns = NOW, .use = use, .policy = &policy};
		char host[] = "here";
		struct plan_request request = {
			.actor.uid = c->uid,
			.type = RESERVATION_RUN,
			.count = 1,
			.holder.host = host,
			.id = "33333333-3333-3333-3333-333333333333",
		};
		struct err e = {0};
		const char *id;
		int r;

		make_held(&state);
		id = c->gpu < 0 ? request.id : state.slots[c->gpu].reservation->id;
		r = plan_claim(&state, &facts, &request, id, &plan, &e);
		if ((r == 0) != c->granted)
			fail_msg("%s: %d, %s", c->what, r, e.text);
		assert_int_equal(r, c->granted ? 0 : -ENOENT);
		if (!c->granted) {
			assert_null(plan.granted);
			continue;
		}
		assert_int_equal(plan.granted->gpus_count, 2);
		assert_int_equal(plan.granted->type, RESERVATION_RUN);
		assert_true(plan_ends(&plan, state.slots[0].reservation, 0));
		assert_true(plan_ends(&plan, state.slots[1].reservation, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
