/* What the numbers of a pool mean after a refresh: a table for src/plan/units.h, and what holds for
   whatever a driver says. */
#include "test.h"

#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"

#define NOW (INT64_C(1000) * NS_PER_HOUR)
#define GPUS_MAX 8

/*
 * A pool and a scan in words. Whole GPUs are capital letters, instances are their GPU's letter in
 * small with a digit. Slots: '!' behind one that is retired; "?" one without a UUID. Scan: "A*": in
 * MIG mode, "A#": likewise, and its instances cannot be listed, "A~": nobody knows whether it is;
 * "?" one without a UUID.
 */
static char *uuid_of(const char *word)
{
	return *word == '?' ? NULL : mem_printf("%.*s", (int)strcspn(word, "!*#~ "), word);
}

static char *parent_of(const char *word)
{
	return *word >= 'a' ? mem_printf("%c", *word - 'a' + 'A') : NULL;
}

static const char *next(const char *word)
{
	word += strcspn(word, " ");
	return word + strspn(word, " ");
}

static void make_state(const char *words, struct pool_state *state)
{
	*state = (struct pool_state){.initialized = true};
	for (const char *w = words; *w; w = next(w)) {
		struct slot *slot;

		pool_state_extend(state, state->slots_count + 1);
		slot = &state->slots[state->slots_count - 1];
		slot->uuid = uuid_of(w);
		slot->parent = parent_of(w);
		slot->profile = mem_strdup(slot->parent ? "1g.10gb" : NULL);
		if (strchr("!", w[strcspn(w, "! ")]) && w[strcspn(w, "! ")])
			slot->retired_ns = w[strcspn(w, "! ")] == '!' ? 1 : TIME_NONE;
	}
}

static void make_scan(const char *words, struct scan *s)
{
	int cards = 0;

	*s = (struct scan){.ordered = true};
	for (const char *w = words; *w; w = next(w))
		cards += *w < 'a';
	for (const char *w = words; *w; w = next(w)) {
		char mark = w[strcspn(w, "*#~ ")];
		struct gpu g = {.uuid = uuid_of(w), .parent = parent_of(w)};
		static int card, instances;

		if (w == words)
			card = instances = 0;
		g.profile = mem_strdup(g.parent ? "1g.10gb" : NULL);
		g.index = g.profile ? cards + instances++ : card++;
		if (mark == '#' || mark == '~')
			g.instances_problem = mem_strdup("no permission");
		if (mark == '*' || mark == '#') {
			s->divided = mem_resize(s->divided, s->divided_count + 1, sizeof(g));
			s->divided[s->divided_count++] = g;
		} else {
			*scan_add_gpu(s) = g;
		}
	}
}

/* "=A !B +c1": what became of each number. */
static char *show(const struct units *u)
{
	static const char marks[] = "=~+!^?";
	struct str out = {0};

	for (size_t i = 0; i < u->count; i++)
		str_addf(&out, "%s%c%s", i ? " " : "", marks[u->changes[i]],
			 u->slots[i].uuid ? u->slots[i].uuid : "");
	return str_steal(&out);
}

static void test_table(void **state)
{
	static const struct {
		const char *what, *pool, *scan, *shown;
		bool differs;
	} cases[] = {
		{"nothing new", "A B", "A B", "=A =B", false},
		{"in another order", "A B", "B A", "=A =B", false},
		{"a new card", "A B", "A C B", "=A =B +C", false},
		{"a card that is gone", "A B C", "A C", "=A !B =C", true},
		{"one in place of another", "A B", "A C", "=A !B +C", true},
		{"back again", "A B!", "A B", "=A ^B", true},
		{"still gone", "A B!", "A", "=A =B", false},
		/* It may be the one that cannot be read. */
		{"a card that is lost", "A B C", "A ? C", "=A ?B =C", false},
		{"lost, and a new one", "A B", "A ? C", "=A ?B +C", false},
		{"no UUID, no number", "A", "A ?", "=A", false},
		{"two of one UUID", "A B", "A B B", "=A ?B", false},
		{"two new of one UUID", "A", "A B B", "=A", false},
		/* Pools of programs that know no UUIDs: they are recorded. */
		{"without UUIDs", "? ?", "A B", "~A ~B", false},
		{"without, and one is gone", "? ?", "A", "~A !", true},
		{"without, and nobody knows", "? ?", "? ?", "= =", false},
		{"the number of one is the UUID of another", "? B", "B", "? =B", false},
		{"and a new one, which it may mean", "? B", "B C", "? =B", false},
		/* MIG. */
		{"cut into instances", "A B", "A* a1 a2 B", "!A =B +a1 +a2", true},
		{"cut, and empty", "A B", "A* B", "!A =B", true},
		{"whole again", "A! a1 a2", "A", "^A !a1 !a2", true},
		{"whole, and new", "a1 a2", "A", "!a1 !a2 +A", true},
		{"divided otherwise", "a1 a2 B", "A* a1 a3 B", "=a1 !a2 =B +a3", true},
		{"an instance more", "a1 B", "A* a1 a2 B", "=a1 =B +a2", true},
		{"back by its UUID", "a1! a2", "A* a1 a2", "^a1 =a2", true},
		{"instances that cannot be listed", "a1 a2", "A# a1", "=a1 ?a2", false},
		{"and a card that is certain", "a1 B", "A# B", "?a1 =B", false},
		{"whole or not, nobody knows", "a1 a2 B", "A~ B", "?a1 ?a2 =B", false},
		{"likewise, and it was whole once", "A! a1", "A~", "=A ?a1", false},
		{"likewise, and it has never been cut", "A B", "A~ B", "=A =B", false},
		{"its card is not seen, nor another", "a1 B", "? B", "?a1 =B", false},
		{"its card is gone", "a1 B", "B", "!a1 =B", true},
		{"instances have no driver's number", "? ? ?", "A* a1 B", "! ~B ! +a1", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(pool_state_clear) struct pool_state pool = {0};
		AUTO(scan_clear) struct scan scan = {0};
		AUTO(units_clear) struct units u = {0};
		AUTO_FREE char *shown = NULL;

		make_state(cases[i].pool, &pool);
		make_scan(cases[i].scan, &scan);
		plan_compare_units(&pool, &scan, NOW, &u);
		shown = show(&u);
		if (strcmp(shown, cases[i].shown) != 0)
			fail_msg("%s: '%s', not '%s'", cases[i].what, shown, cases[i].shown);
		assert_int_equal(plan_units_differ(&u), cases[i].differs);
	}
}

/* What is recorded by whoever changes the pool: "-": nothing, else the UUID of each number. */
static void test_record(void **state)
{
	static const struct {
		const char *what, *pool, *scan, *hidden, *recorded;
	} cases[] = {
		{"all that there is", "? ?", "A B", NULL, "A B"},
		{"more than the pool has", "? ?", "A B C", NULL, "A B"},
		{"known already", "A B", "A B", NULL, "-"},
		{"one of them is", "? B", "A B", NULL, "A B"},
		{"one is gone", "? ? ?", "A C", NULL, "-"},
		{"a known one has moved", "? B ?", "B A C", NULL, "-"},
		{"a known one is gone", "? B!", "A C", NULL, "-"},
		{"one has no UUID", "? ?", "A ?", NULL, "-"},
		{"two of one UUID", "? ? ?", "A B B", NULL, "-"},
		{"a narrowed view", "? ?", "A B", "two more", "-"},
		{"one is in MIG mode", "? ?", "A* a1 B", NULL, "? B"},
		{"and its instances cannot be listed", "? ?", "A# B", NULL, "-"},
		{"one that is retired", "? ?! ?", "A B C", NULL, "A ? C"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(pool_state_clear) struct pool_state pool = {0};
		AUTO(scan_clear) struct scan scan = {0};
		AUTO(plan_clear) struct plan p = {0};
		AUTO(str_clear) struct str shown = {0};

		make_state(cases[i].pool, &pool);
		make_scan(cases[i].scan, &scan);
		scan.hidden = mem_strdup(cases[i].hidden);
		plan_record_units(&pool, &scan, &p);
		for (size_t k = 0; p.changes_count && k < p.changes[0].units.count; k++)
			str_addf(&shown, "%s%s", k ? " " : "",
				 p.changes[0].units.slots[k].uuid ? p.changes[0].units.slots[k].uuid
								  : "?");
		if (!p.changes_count)
			str_add(&shown, "-");
		if (strcmp(str_text(&shown), cases[i].recorded) != 0)
			fail_msg("%s: '%s'", cases[i].what, str_text(&shown));
	}
}

/* A view that is narrower than the kernel's shows nobody that a GPU is gone. */
static void test_hidden(void **state)
{
	AUTO(pool_state_clear) struct pool_state pool = {0};
	AUTO(scan_clear) struct scan scan = {0};
	AUTO(units_clear) struct units u = {0};
	AUTO_FREE char *shown = NULL;

	(void)state;
	make_state("A B a1 ?", &pool);
	make_scan("B", &scan);
	scan.hidden = mem_strdup("the kernel has 4");
	plan_compare_units(&pool, &scan, NOW, &u);
	shown = show(&u);
	assert_string_equal(shown, "?A =B ?a1 ?");
	assert_false(plan_units_differ(&u));
}

/* Which GPUs a request may get that does not name them: of a pool with the whole GPUs 0 and 1, and
   two instances of one profile and one of another. */
static void test_kinds(void **state)
{
	static const struct {
		int count;
		const char *type, *fits; /* NULL: refused for good */
	} cases[] = {
		{1, NULL, "01234"},     {2, NULL, "01"},          {3, NULL, NULL},
		{1, "1g.5gb", "23"},    {2, "1g.5gb", "23"},      {3, "1g.5gb", NULL},
		{3, "mig", "234"},      {1, "a100", "01234"},     {2, "a100", "01"},
		{2, "a100 mig", "234"}, {1, "2g.10gb a100", "4"}, {4, "a100 mig", NULL},
	};
	AUTO(pool_state_clear) struct pool_state pool = {0};
	AUTO(scan_clear) struct scan scan = {0};
	struct gpu *gpus[5];
	struct plan_facts facts = {.gpus = gpus};

	(void)state;
	make_state("A B c1 c2 c3", &pool);
	make_scan("A B C* c1 c2 c3", &scan);
	for (size_t i = 0; i < 5; i++) {
		const char *profile = i < 2 ? NULL : i < 4 ? "1g.5gb" : "2g.10gb";

		gpus[i] = &scan.gpus[i];
		gpus[i]->name = i < 2 ? mem_strdup("NVIDIA A100")
				      : mem_printf("NVIDIA A100 MIG %s", profile);
		mem_replace(&pool.slots[i].profile, profile);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct plan_request request = {.count = cases[i].count,
						     .gpu_type = cases[i].type};
		bool refused = plan_check_kind(&pool, &facts, &request, false, NULL) < 0;
		char fits[6] = "";

		for (int k = 0; k < 5; k++) {
			bool known;

			if (plan_is_of_kind(&pool, &facts, &request, k, &known))
				fits[strlen(fits)] = (char)('0' + k);
			assert_true(known);
		}
		if (refused != !cases[i].fits || (cases[i].fits && strcmp(fits, cases[i].fits)))
			fail_msg("case %zu: '%s'%s", i, fits, refused ? ", refused" : "");
	}
}

/* Applies what the refresh has decided. */
static void refresh(struct pool_state *pool, const struct scan *scan)
{
	AUTO(units_clear) struct units u = {0};
	AUTO(plan_clear) struct plan p = {0};
	struct err e = {0};

	plan_compare_units(pool, scan, NOW, &u);
	plan_refresh(pool, &u, &p);
	for (size_t i = 0; i < p.changes_count; i++) {
		if (change_apply(pool, &p.changes[i], &e) < 0)
			fail_msg("%s", e.text);
	}
	/* A second time, there is nothing left to do. */
	plan_clear(&p);
	units_clear(&u);
	plan_compare_units(pool, scan, NOW + 1, &u);
	plan_refresh(pool, &u, &p);
	assert_int_equal(p.changes_count, 0);
}

/* Whatever the driver says from one refresh to the next: no two numbers mean one unit, what a
   number means stays for ever once it is known, and nothing that has no UUID of its own gets one.
 */
static void test_any_history(void **state)
{
	static const char *const words[] = {"A",  "B",  "C",  "A*", "B#", "B*", "B~",
					    "a1", "a2", "b1", "b2", "?",  "c1"};

	(void)state;
	srandom(1);
	for (int round = 0; round < 3000; round++) {
		AUTO(pool_state_clear) struct pool_state pool = {0};

		make_state(random() % 2 ? "A ? B" : "? b1", &pool);
		for (int step = 0; step < 6; step++) {
			AUTO(pool_state_clear) struct pool_state before = {0};
			AUTO(scan_clear) struct scan scan = {0};
			AUTO(str_clear) struct str text = {0};
			struct gpu *gpus[64];
			char *problems[64] = {0};

			for (long k = random() % GPUS_MAX + 1; k > 0; k--)
				str_addf(&text, "%s ", words[random() % (long)ARRAY_SIZE(words)]);
			make_scan(str_text(&text), &scan);
			pool_state_copy(&before, &pool);
			refresh(&pool, &scan);
			assert_true(pool.slots_count >= before.slots_count &&
				    pool.slots_count < ARRAY_SIZE(gpus));
			plan_match_gpus(&pool, &scan, MATCH_CERTAIN, gpus, problems);
			for (size_t i = 0; i < pool.slots_count; i++) {
				const char *uuid = pool.slots[i].uuid;

				free(problems[i]);
				if (i < before.slots_count && before.slots[i].uuid)
					assert_string_equal(uuid, before.slots[i].uuid);
				if (i >= before.slots_count)
					assert_non_null(uuid);
				for (size_t k = 0; k < i; k++) {
					assert_true(!gpus[i] || gpus[i] != gpus[k]);
					assert_true(!uuid || !pool.slots[k].uuid ||
						    strcasecmp(uuid, pool.slots[k].uuid) != 0);
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_record),
		cmocka_unit_test(test_hidden),      cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_any_history),
	};

	return cmocka_run_group_tests_name("plan_units", tests, NULL, NULL);
}
