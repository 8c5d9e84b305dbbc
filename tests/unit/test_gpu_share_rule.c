/* Which scans of other processes are used, and which scanning processes hang: the pure half of
   sharing. */
#include "test.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gpu/scanners.h"
#include "gpu/share_stamp.h"

/*
 * A scan of 8 GPUs, by account 7, of 1 s that ended 0.5 s ago; account 8, whose pool has 8 GPUs,
 * asks now; the last commit was a minute ago. A case says what is otherwise. Times in ms, before
 * now.
 */
struct rule {
	const char *what;
	bool answers;
	const char *boot, *scope; /* of the scan */
	int uid;                  /* who asks */
	bool incomplete;
	int gpus, wanted_gpus; /* -1: none */
	int begin, end, moved; /* `moved`: by how much the wall clock was set since */
	int asked, commit;
	bool fresh;
};

static const struct rule rules[] = {
	{"a young one", true},
	{"a young one, asked for anew", false, .fresh = true},
	{"older than a second", false, .begin = 2100, .end = 1100},
	{"older than the last commit", false, .commit = 300},
	{"running at the last commit", false, .commit = 700},
	{"begun at the last commit", false, .commit = 1500},
	{"younger than the last commit", true, .commit = 1501},
	{"a commit in the future", false, .commit = -60000},
	{"young, and the driver is fast", false, .begin = 510},
	{"running when it was asked for", true, .asked = 600},
	{"running then, and the driver is fast", true, .begin = 510, .asked = 505},
	{"running then, but since a commit", false, .asked = 600, .commit = 1400},
	{"running then, asked for anew", false, .asked = 600, .fresh = true},
	{"begun since, asked for anew", true, .asked = 1500, .fresh = true},
	{"running for long", true, .begin = 39000, .end = 1, .asked = 38000},
	{"ended long ago, begun since", true, .begin = 20000, .end = 19000, .asked = 20001},
	{"of another boot", false, .boot = "c"},
	{"of other rights", false, .scope = "t"},
	{"incomplete", false, .incomplete = true},
	{"incomplete, of the same account", true, .incomplete = true, .uid = 7},
	{"shows too few GPUs", false, .gpus = 7},
	{"shows more GPUs", true, .gpus = 9},
	{"nobody knows how many there are", false, .wanted_gpus = -1},
	{"... but the same account asks", true, .wanted_gpus = -1, .uid = 7},
	{"ends in the future", false, .end = -1},
	{"begins in the future", false, .begin = -1, .end = -2},
	{"ended before it began", false, .begin = 400},
	{"the wall clock was put back", false, .moved = -3600000},
	{"the wall clock was put forward", false, .moved = 3600000},
	{"the wall clock was corrected a little", true, .moved = 20},
};

/* Now: since boot, and on the wall clock. */
#define NOW 100000
#define WALL 1000000

static int64_t or_else(int value, int otherwise)
{
	return value ? value : otherwise;
}

static void test_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *c = &rules[i];
		int64_t begin = or_else(c->begin, 1500), end = or_else(c->end, 500);
		const struct share_stamp stamp = {
			.boot_id = (char *)(c->boot ? c->boot : "b"),
			.scope = (char *)(c->scope ? c->scope : "s"),
			.uid = 7,
			.complete = !c->incomplete,
			.gpus_count = or_else(c->gpus, 8),
			.begin_ns = (NOW - begin) * NS_PER_MS,
			.end_ns = (NOW - end) * NS_PER_MS,
			.begin_wall_ns = (WALL - begin) * NS_PER_MS,
		};
		const struct share_question question = {
			.boot_id = "b",
			.scope = "s",
			.uid = or_else(c->uid, 8),
			.gpus_count = c->wanted_gpus < 0 ? 0 : 8,
			.asked_ns = (NOW - c->asked) * NS_PER_MS,
			.now_ns = NOW * NS_PER_MS,
			.now_wall_ns = (WALL + c->moved) * NS_PER_MS,
			.since_wall_ns = (WALL - or_else(c->commit, 60000)) * NS_PER_MS,
			.fresh = c->fresh,
		};

		if (share_stamp_answers(&stamp, &question) != c->answers)
			fail_msg("%s: it %s be used", c->what, c->answers ? "must" : "must not");
	}
}

/* A slow one does not replace what began after it. */
static void test_replaces(void **state)
{
	static const struct {
		const char *boot;
		int64_t begin_ns;
		bool replaces;
	} cases[] = {{"b", 4, true}, {"b", 5, true}, {"b", 6, false}, {"c", 6, true}};
	const struct share_stamp stamp = {.boot_id = (char *)"b", .begin_ns = 5};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct share_stamp there = {.boot_id = (char *)cases[i].boot,
						  .begin_ns = cases[i].begin_ns};

		if (share_stamp_replaces(&stamp, &there) != cases[i].replaces)
			fail_msg("case %zu", i);
	}
}

/* Services have only the devices that they need. */
static void test_devices(void **state)
{
	static const struct {
		const char *name;
		bool counts;
	} cases[] = {
		{"nvidia0", true},
		{"nvidia15", true},
		{"nvidiactl", true},
		{"nvidia-cap21", true},
		{"kfd", true},
		{"nvidia-uvm", false},
		{"nvidia-modeset", false},
		{"nvidia-uvm-tools", false},
		{"nvidia-caps", false},
		{"nvidia", false},
		{"nvidia-cap", false},
		{"nvidia0x", false},
		{"nvidia-nvswitch0", false},
		{"kfd0", false},
		{"null", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (share_stamp_counts_device(cases[i].name) != cases[i].counts)
			fail_msg("%s", cases[i].name);
	}
}

/* A holder of account 7, and who waits for it: account 8 with a limit of 40 s. */
static void test_late(void **state)
{
	static const struct {
		int64_t uid, late_uid;
		int seconds; /* since when it holds */
		int limit;
		bool late;
	} cases[] = {
		{8, -1, 0, 40, false},   {8, -1, 20, 40, false}, {8, -1, 21, 40, true},
		{8, -1, 21, 600, false}, {8, 7, 0, 40, true},    {8, 9, 20, 40, false},
		{8, 9, 21, 40, true},    {7, -1, 21, 40, false}, {7, 7, 39, 40, false},
		{8, -1, -5, 40, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct share_holder holder = {
			.uid = 7, .begin_ns = (100 - cases[i].seconds) * NS_PER_SECOND};
		const struct share_joiner joiner = {
			.uid = cases[i].uid,
			.limit_ns = cases[i].limit * NS_PER_SECOND,
			.late_uid = cases[i].late_uid,
		};

		if (share_holder_is_late(&holder, &joiner, 100 * NS_PER_SECOND) != cases[i].late)
			fail_msg("case %zu", i);
	}
}

static void test_holder_text(void **state)
{
	const struct share_holder in = {4294967294, INT64_MAX, INT64_MAX};
	struct share_holder out = {0};
	char text[SHARE_HOLDER_SIZE], shortest[SHARE_HOLDER_SIZE];

	(void)state;
	share_holder_write(&in, text);
	assert_true(share_holder_read(text, &out));
	assert_true(out.uid == in.uid && out.begin_ns == INT64_MAX && out.beat_ns == INT64_MAX);
	share_holder_write(&(struct share_holder){0}, shortest);
	assert_int_equal(strlen(text), strlen(shortest));
	assert_false(share_holder_read("", &out));
	/* As earlier releases write it. */
	assert_false(share_holder_read("00000000000000000123\n", &out));
}

/* Without a boot id nobody knows what a time since boot means. */
static void test_no_boot_id(void **state)
{
	const struct share_stamp stamp = {
		.boot_id = (char *)"b", .scope = (char *)"s", .end_ns = 9};
	const struct share_question question = {.scope = "s", .now_ns = 9};

	(void)state;
	assert_false(share_stamp_answers(&stamp, &question));
}

static void test_text(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"{}",
		"{}\n{}",
		"[1]\n{}",
		"\"boot\"\nx",
		("{\"boot\":\"b\",\"scope\":\"s\",\"uid\":\"7\",\"complete\":true,\"gpus\":1,"
		 "\"begin\":1,\"end\":2,\"begin_wall\":3}\n{}"),
	};
	const struct share_stamp in = {.boot_id = (char *)"b",
				       .scope = (char *)"s",
				       .uid = 7,
				       .complete = true,
				       .gpus_count = 8,
				       .begin_ns = 1,
				       .end_ns = 2,
				       .begin_wall_ns = 3};
	AUTO_FREE char *text = share_stamp_write(&in, "{\"gpus\":[]}");
	AUTO(share_stamp_clear) struct share_stamp out = {0};
	const char *scan;

	(void)state;
	assert_int_equal(share_stamp_read(text, &out, &scan), 0);
	assert_string_equal(scan, "{\"gpus\":[]}");
	assert_string_equal(out.boot_id, "b");
	assert_string_equal(out.scope, "s");
	assert_true(out.uid == 7 && out.complete && out.gpus_count == 8);
	assert_true(out.begin_ns == 1 && out.end_ns == 2 && out.begin_wall_ns == 3);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(share_stamp_read(bad[i], &(struct share_stamp){0}, &scan),
				 -EBADMSG);
}

#define STATUS(state, pending) \
	"Name:\tcanhazgpu\nState:\t" state "\nSigPnd:\t" pending "\nShdPnd:\t0000000000000000\n"

/* It was killed, and is still there. One that sleeps in the kernel for a moment does not hang. */
static void test_hanging(void **state)
{
	(void)state;
	assert_true(scanner_hangs(STATUS("D (disk sleep)", "0000000000000100")));
	assert_true(scanner_hangs(STATUS("R (running)", "0000000000000100")));
	assert_false(scanner_hangs(STATUS("D (disk sleep)", "0000000000000000")));
	assert_false(scanner_hangs(STATUS("S (sleeping)", "0000000000004000")));
	assert_false(scanner_hangs(STATUS("Z (zombie)", "0000000000000100")));
	assert_false(scanner_hangs(""));
}

/* Four are too many for everybody; but nobody brings that about for others alone. */
static void test_too_many(void **state)
{
	static const struct {
		size_t count;
		uid_t uids[6], asking;
		bool too_many;
	} cases[] = {
		{0, {0}, 5, false},         {1, {5}, 5, false},       {2, {5, 5}, 5, true},
		{2, {5, 5}, 6, false},      {3, {5, 5, 6}, 6, false}, {4, {5, 5, 6, 6}, 7, true},
		{4, {5, 5, 6, 6}, 0, true}, {3, {0, 0, 0}, 0, false}, {4, {0, 0, 0, 0}, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scanner hanging[6] = {0};

		for (size_t k = 0; k < cases[i].count; k++)
			hanging[k].uid = cases[i].uids[k];
		if (scanners_are_too_many(hanging, cases[i].count, cases[i].asking) !=
		    cases[i].too_many)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),        cmocka_unit_test(test_no_boot_id),
		cmocka_unit_test(test_text),        cmocka_unit_test(test_hanging),
		cmocka_unit_test(test_too_many),    cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_devices),     cmocka_unit_test(test_late),
		cmocka_unit_test(test_holder_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
