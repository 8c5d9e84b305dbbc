/* Which GPU a number of the pool means, what users call it, and of which kind it is: tables for
   src/plan/match.h and src/plan/kind.h. */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"

#define GPUS_MAX 8

/* A state and a scan with these UUIDs, NULL where there is none. */
struct scene {
	struct pool_state state;
	struct scan scan;
	struct gpu *gpus[GPUS_MAX];
	char *problems[GPUS_MAX];
};

static void scene_init(struct scene *s, const char *const *slots, size_t slots_count,
		       const char *const *cards, size_t cards_count)
{
	*s = (struct scene){0};
	s->state.initialized = true;
	s->scan.ordered = true;
	pool_state_make_slots(&s->state, slots_count);
	for (size_t i = 0; i < slots_count; i++)
		s->state.slots[i].uuid = mem_strdup(slots[i]);
	for (size_t i = 0; i < cards_count; i++) {
		struct gpu *g = scan_add_gpu(&s->scan);

		g->index = (int)i;
		g->uuid = mem_strdup(cards[i]);
	}
	plan_match_gpus(&s->state, &s->scan, MATCH_CERTAIN, s->gpus, s->problems);
}

static void scene_clear(struct scene *s)
{
	for (size_t i = 0; i < GPUS_MAX; i++)
		free(s->problems[i]);
	pool_state_clear(&s->state);
	scan_clear(&s->scan);
}

static void test_match(void **state)
{
	static const struct {
		const char *slots[3], *cards[4];
		size_t cards_count;
		const char *gpus;    /* the index of each slot's GPU, or '-' */
		const char *problem; /* of the first that has one */
	} cases[] = {
		{{"a", "b", "c"}, {"a", "b", "c"}, 3, "012", NULL},
		{{"a", "b", "c"}, {"b", "c"}, 2, "-01", "a is gone"},
		{{"a", "b", "c"}, {"new", "c", "b", "A"}, 4, "321", NULL},
		/* Without UUIDs in the scan, nothing says which card is which. */
		{{"a", "b", "c"}, {NULL, NULL, NULL}, 3, "---", "a is gone"},
		{{NULL, NULL, NULL}, {"a", "b", "c"}, 3, "012", NULL},
		/* Those behind a card that is gone have moved up: nobody knows which one it was. */
		{{NULL, NULL, NULL}, {NULL, NULL}, 2, "---", "the driver shows 2 of the pool's 3"},
		{{NULL, NULL, NULL}, {"a", "c"}, 2, "---", "'canhazgpu admin --refresh'"},
		{{NULL, "b", "c"}, {"b", "c"}, 2, "-01", "the driver shows 2 of the pool's 3"},
		{{NULL, "b", NULL}, {"a", "c", "new"}, 3, "---", "GPU 1 is not where it was"},
		{{NULL, "b", NULL}, {"a", "b", "c", "new"}, 4, "012", NULL},
		{{NULL, "b", NULL}, {"new", "a", "b", "c"}, 4, "-2-", "GPU 1 is not where it was"},
		/* The number of one is the UUID of another. */
		{{NULL, "b", "c"}, {NULL, "c", "b"}, 3, "-21", "GPU 1 is not where it was"},
		/* A UUID that is not one of a single card. */
		{{"a", "b", "c"}, {"a", "a", "c"}, 3, "--2", "the driver shows 2 GPUs as a"},
		{{"a", "a", "c"}, {"a", "b", "c"}, 3, "0-2", "a is recorded for GPU 0, too"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(scene_clear) struct scene s;
		const char *problem = NULL;

		scene_init(&s, cases[i].slots, 3, cases[i].cards, cases[i].cards_count);
		for (size_t k = 0; k < 3; k++) {
			char found = s.gpus[k] ? (char)('0' + s.gpus[k]->index) : '-';

			if (found != cases[i].gpus[k])
				fail_msg("case %zu: slot %zu is GPU %c", i, k, found);
			assert_int_equal(!s.problems[k], s.gpus[k] != NULL);
			if (!problem)
				problem = s.problems[k];
		}
		if (cases[i].problem && (!problem || !strstr(problem, cases[i].problem)))
			fail_msg("case %zu: '%s'", i, problem);
	}
}

/* nvidia-smi without the row of a card that is lost: the others' numbers have moved up. */
static void test_match_lost(void **state)
{
	static const char *const slots[] = {NULL, "b", NULL}, *const cards[] = {"b", "c"};
	AUTO(scene_clear) struct scene s;

	(void)state;
	scene_init(&s, slots, 3, cards, 2);
	for (size_t i = 0; i < 3; i++) {
		s.gpus[i] = NULL;
		mem_replace(&s.problems[i], NULL);
	}
	s.scan.complaint = mem_strdup("Unable to determine the device handle");
	plan_match_gpus(&s.state, &s.scan, MATCH_CERTAIN, s.gpus, s.problems);
	assert_null(s.gpus[0]);
	assert_ptr_equal(s.gpus[1], &s.scan.gpus[0]);
	assert_null(s.gpus[2]);
	assert_non_null(strstr(s.problems[0], "Unable to determine"));
	assert_non_null(strstr(s.problems[2], "Unable to determine"));
}

/* Whatever the driver says, no two numbers mean one card, and a recorded UUID means no other. */
static void test_match_any(void **state)
{
	static const char *const uuids[] = {NULL, NULL, "a", "b", "c", "d", "e", ""};

	(void)state;
	srandom(2);
	for (int round = 0; round < 50000; round++) {
		const char *slots[GPUS_MAX], *cards[GPUS_MAX];
		size_t slots_count = 1 + (size_t)random() % GPUS_MAX;
		AUTO(scene_clear) struct scene s;

		for (size_t i = 0; i < GPUS_MAX; i++) {
			slots[i] = uuids[random() % (long)ARRAY_SIZE(uuids)];
			cards[i] = uuids[random() % (long)ARRAY_SIZE(uuids)];
		}
		scene_init(&s, slots, slots_count, cards, (size_t)random() % (GPUS_MAX + 1));
		for (size_t i = 0; i < s.scan.gpus_count; i++) {
			const char *own = plan_own_uuid(&s.scan, &s.scan.gpus[i]);

			for (size_t k = 0; own && k < i; k++)
				assert_true(plan_own_uuid(&s.scan, &s.scan.gpus[k]) == NULL ||
					    strcmp(plan_own_uuid(&s.scan, &s.scan.gpus[k]), own) !=
						    0);
		}
		for (size_t i = 0; i < slots_count; i++) {
			const struct gpu *gpu = s.gpus[i];

			if (!gpu) {
				assert_non_null(s.problems[i]);
				continue;
			}
			if (slots[i])
				assert_string_equal(gpu->uuid, slots[i]);
			for (size_t k = 0; k < i; k++)
				assert_ptr_not_equal(s.gpus[k], gpu);
		}
	}
}

static void test_find(void **state)
{
	static const char *const slots[] = {"GPU-3f2a11", "GPU-3f2b", "GPU-ab/1", "GPU-ab/10",
					    NULL},
				 *const cards[] = {"GPU-3f2a11", "GPU-3f2b", "GPU-ab/1",
						   "GPU-ab/10", "GPU-seen"};
	static const struct {
		const char *given, *ids; /* or what the error says */
		int code;
	} cases[] = {
		{"3,0-1", "0,1,3", 0},
		{"GPU-3f2a", "0", 0},
		{"gpu-3F2A11", "0", 0},
		{"GPU-3f2b,GPU-3f2a, 4", "0,1,4", 0},
		{"GPU-ab/1", "2", 0}, /* also how another begins */
		{"GPU-se", "4", 0},
		{"GPU-3f2", "the UUIDs of 2 GPUs begin with 'GPU-3f2'", -EINVAL},
		{"GPU-", "the UUIDs of 5 GPUs begin with 'GPU-'", -EINVAL},
		{"GPU-4", "there is no GPU 'GPU-4' in this pool", -ENOENT},
		{"GPU-3f2a111", "there is no GPU", -ENOENT},
		{"MIG-1", "there is no GPU", -ENOENT},
		{"0,GPU-3f2a", "GPU id 0 is given twice", -EINVAL},
	};
	AUTO(scene_clear) struct scene s;

	(void)state;
	scene_init(&s, slots, ARRAY_SIZE(slots), cards, ARRAY_SIZE(cards));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(gpu_list_clear) struct gpu_list list = {0};
		AUTO_FREE int *ids = NULL;
		AUTO_FREE char *text = NULL;
		struct err e = {0};
		size_t count = 0;
		int r;

		assert_int_equal(parse_gpu_list(cases[i].given, &list, &e), 0);
		r = plan_find_gpus(&s.state, s.gpus, &list, &ids, &count, &e);
		text = r < 0 ? mem_strdup(e.text) : str_join_ids(ids, count, ",");
		if (r != cases[i].code || strncmp(text, cases[i].ids, strlen(cases[i].ids)) != 0)
			fail_msg("'%s': %d, '%s'", cases[i].given, r, text);
	}
}

static void test_type(void **state)
{
	static const struct {
		const char *name, *type;
		bool has;
	} cases[] = {
		{"NVIDIA H100 80GB HBM3", "h100", true},
		{"NVIDIA H100 80GB HBM3", "80gb H100", true},
		{"NVIDIA H100 80GB HBM3", "h100 nvl", false},
		{"NVIDIA A100-SXM4-40GB", "a100", true},
		{"NVIDIA A100-SXM4-40GB", "a100-sxm4", true},
		{"NVIDIA A100-SXM4-40GB", "a10", false},
		{"NVIDIA L40S", "l4", false},
		{"NVIDIA L40S", "l40s", true},
		{"AMD Instinct MI300X partition 1/8", "mi300x", true},
		{"NVIDIA A100-SXM4-40GB MIG 1g.5gb", "1g.5gb", true},
		{"NVIDIA A100-SXM4-40GB MIG 1g.5gb+me", "1g.5gb", false},
		{"NVIDIA A100-SXM4-40GB MIG 1g.5gb", "5gb", false},
		{NULL, "h100", false},
		{NULL, NULL, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (plan_name_has_type(cases[i].name, cases[i].type) != cases[i].has)
			fail_msg("'%s' and '%s'", cases[i].name, cases[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),     cmocka_unit_test(test_match_lost),
		cmocka_unit_test(test_match_any), cmocka_unit_test(test_find),
		cmocka_unit_test(test_type),
	};

	return cmocka_run_group_tests_name("plan_match", tests, NULL, NULL);
}
