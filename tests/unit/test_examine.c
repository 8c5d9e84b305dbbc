/* What `canhazgpu doctor` finds: the list of findings, and the readers of what the system says. */
#include "test.h"

#include "base/finding.h"
#include "base/mem.h"
#include "host/examine.h"
#include "pool/examine_private.h"
#include "store/redis/info.h"

static void test_findings(void **state)
{
	AUTO(findings_clear) struct findings f = {0};

	(void)state;
	findings_add(&f, "one", FINDING_OK, NULL, "all %d", 3);
	findings_extend(&f, FINDING_WARNING, "do a", "but %s", "x");
	findings_extend(&f, FINDING_NOTE, "do b", "and y");
	findings_add(&f, "two", FINDING_FAILED, "do c", "no");
	findings_extend(&f, FINDING_OK, NULL, "at all");
	assert_int_equal(f.count, 2);
	assert_string_equal(f.items[0].detail, "all 3, but x, and y");
	assert_string_equal(f.items[0].advice, "do a; do b");
	assert_int_equal(f.items[0].result, FINDING_WARNING);
	assert_string_equal(f.items[1].detail, "no, at all");
	assert_string_equal(f.items[1].advice, "do c");
	assert_int_equal(f.items[1].result, FINDING_FAILED);
	assert_int_equal(findings_count(&f, FINDING_FAILED), 1);
	assert_int_equal(findings_count(&f, FINDING_OK), 0);
	assert_string_equal(finding_result_name(FINDING_FAILED), "FAILED");
	assert_string_equal(finding_result_name(FINDING_OK), "ok");
}

static void test_os_release(void **state)
{
	static const char text[] = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=12\n"
				   "PRETTY_NAME='Debian GNU/Linux 12 (bookworm)'\nEMPTY=\n";
	AUTO_FREE char *pretty = host_os_release(text, "PRETTY_NAME");
	AUTO_FREE char *version = host_os_release(text, "VERSION_ID");
	AUTO_FREE char *empty = host_os_release(text, "EMPTY");

	(void)state;
	assert_string_equal(pretty, "Debian GNU/Linux 12 (bookworm)");
	assert_string_equal(version, "12");
	assert_string_equal(empty, "");
	assert_null(host_os_release(text, "VERSION"));
	assert_null(host_os_release("", "NAME"));
	assert_null(host_os_release("# NAME=x", "NAME"));
}

static void test_hidepid(void **state)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{"", ""},
		{"22 28 0:20 / /proc rw,nosuid - proc proc rw\n", ""},
		{"22 28 0:20 / /proc rw,nosuid shared:5 - proc proc rw,hidepid=2\n", "2"},
		{"22 28 0:20 / /proc rw - proc proc rw,gid=4,hidepid=invisible", "invisible"},
		{"22 28 0:20 / /proc rw - proc proc rw,hidepid=0", ""},
		{"22 28 0:20 / /proc rw - proc proc rw,hidepid=off\n", ""},
		/* Another one, of a container's root; and a directory that only looks like it. */
		{"22 28 0:20 / /srv/proc rw - proc proc rw,hidepid=2\n", ""},
		{"22 28 0:20 / /proc/sys rw - proc proc rw,hidepid=2\n", ""},
		{"22 28 0:20 / /proc rw - ext4 /dev/sda rw,hidepid=2\n", ""},
		/* The last one covers the others. */
		{"22 28 0:20 / /proc rw - proc proc rw,hidepid=2\n"
		 "23 28 0:21 / /proc rw - proc proc rw\n",
		 ""},
		{"22 28 0:20 / /proc rw - proc proc rw\n"
		 "23 28 0:21 / /proc rw - proc proc rw,hidepid=1\n"
		 "24 28 0:22 / /sys rw - sysfs sysfs rw\n",
		 "1"},
		{"22 28 /proc - proc ", ""},
		{" - proc \n / /proc  - proc", ""},
	};
	char value[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		host_mountinfo_hidepid(cases[i].text, value, sizeof(value));
		/* Cut to the room that there is. */
		assert_memory_equal(value, cases[i].value,
				    strlen(cases[i].value) < 7 ? strlen(cases[i].value) + 1 : 7);
	}
}

static void test_file_systems(void **state)
{
	(void)state;
	assert_string_equal(host_network_file_system(0x6969), "nfs");
	assert_string_equal(host_network_file_system(0xff534d42), "cifs");
	/* As a signed 32-bit number becomes one of 64 bits. */
	assert_string_equal(host_network_file_system(0xffffffffff534d42), "cifs");
	assert_null(host_network_file_system(0xef53)); /* ext4 */
	assert_null(host_network_file_system(0x9123683e));
	assert_string_equal(host_passing_file_system(0x01021994), "tmpfs");
	assert_null(host_passing_file_system(0xef53));
	assert_null(host_passing_file_system(0x6969));
}

static void test_redis_info(void **state)
{
	static const char text[] = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"
				   "\r\n# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction";
	char value[16];

	(void)state;
	redis_info_field(text, "redis_version", value, sizeof(value));
	assert_string_equal(value, "7.0.15");
	redis_info_field(text, "maxmemory_policy", value, sizeof(value));
	assert_string_equal(value, "noeviction");
	redis_info_field(text, "maxmemory", value, sizeof(value));
	assert_string_equal(value, "0");
	redis_info_field(text, "version", value, sizeof(value));
	assert_string_equal(value, "");
	redis_info_field(text, "redis_mode", value, 5);
	assert_string_equal(value, "stan");
	assert_true(redis_info_is(text, "redis_mode", "standalone"));
	assert_false(redis_info_is(text, "redis_mode", "stand"));
	assert_false(redis_info_is("", "redis_mode", "x"));
}

/* A pool of two GPUs, both reserved by one reservation that has these times. */
static void make_pool(struct pool_state *pool, int64_t start_ns, int64_t heartbeat_ns)
{
	struct reservation *r = reservation_new();

	pool_state_make_slots(pool, 2);
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = 1;
	r->gpus_count = 1;
	r->start_ns = start_ns;
	r->heartbeat_ns = heartbeat_ns;
	pool_state_add(pool, r);
}

static enum finding_result times_of(int64_t start_ns, int64_t heartbeat_ns, int64_t newest_end_ns)
{
	AUTO(findings_clear) struct findings f = {0};
	AUTO(pool_state_clear) struct pool_state pool = {0};

	make_pool(&pool, start_ns, heartbeat_ns);
	examine_times(&pool, newest_end_ns, 1000 * NS_PER_SECOND, &f);
	assert_int_equal(f.count, 1);
	return f.items[0].result;
}

static void test_times(void **state)
{
	const int64_t now = 1000 * NS_PER_SECOND, soon = now + 50 * NS_PER_SECOND,
		      late = now + 70 * NS_PER_SECOND;

	(void)state;
	assert_int_equal(times_of(now, now, TIME_NONE), FINDING_OK);
	assert_int_equal(times_of(soon, soon, soon), FINDING_OK);
	assert_int_equal(times_of(late, now, TIME_NONE), FINDING_WARNING);
	assert_int_equal(times_of(now, late, TIME_NONE), FINDING_WARNING);
	assert_int_equal(times_of(now, now, late), FINDING_WARNING);
}

/* Two slots, of which the driver shows the first as `index` with that use, and maybe a second. */
static struct finding gpus_of(int index, enum gpu_use use, bool both)
{
	struct gpu first = {.index = index}, second = {.index = 1};
	struct gpu *gpus[2] = {&first, both ? &second : NULL};
	char gone[] = "gone", dark[] = "dark";
	char *problems[2] = {use == USE_UNKNOWN ? dark : NULL, both ? NULL : gone};
	enum gpu_use uses[2] = {use, both ? USE_IDLE : USE_UNKNOWN};
	struct observation seen = {.count = 2, .gpus = gpus, .problems = problems, .use = uses};
	AUTO(pool_state_clear) struct pool_state pool = {0};
	static struct findings f;

	findings_clear(&f);
	pool_state_make_slots(&pool, 2);
	examine_gpus(&pool, &seen, &f);
	assert_int_equal(f.count, 1);
	return f.items[0];
}

static void test_gpus(void **state)
{
	(void)state;
	assert_int_equal(gpus_of(0, USE_IDLE, true).result, FINDING_OK);
	assert_string_equal(gpus_of(0, USE_BUSY, true).detail, "2 of the pool's 2 are present");
	assert_int_equal(gpus_of(3, USE_IDLE, true).result, FINDING_NOTE);
	assert_int_equal(gpus_of(0, USE_UNKNOWN, true).result, FINDING_WARNING);
	assert_string_equal(gpus_of(0, USE_UNKNOWN, true).detail,
			    "2 of the pool's 2 are present, the use of GPU 0 is unknown: dark");
	assert_int_equal(gpus_of(0, USE_IDLE, false).result, FINDING_FAILED);
	assert_string_equal(gpus_of(0, USE_IDLE, false).detail,
			    "1 of the pool's 2 are present, GPU 1 of the pool: gone");
}

/* What doctor says of the passes of guard. */
static void test_passes(void **state)
{
	static const struct {
		bool has_rules;
		int ago_minutes; /* -1: there was none */
		struct host_timer timer;
		enum finding_result result;
		const char *detail;
	} rows[] = {
		{false, -1, {HOST_TIMER_UNKNOWN, ""}, FINDING_NOTE, "no pass of"},
		{true, -1, {HOST_TIMER_UNKNOWN, ""}, FINDING_WARNING, "there are rules, and no"},
		{true, -1, {HOST_TIMER_OFF, ""}, FINDING_WARNING, "there are rules, and no"},
		{true, -1, {HOST_TIMER_ON, ""}, FINDING_NOTE, "the timer is on, and there was no"},
		{false, -1, {HOST_TIMER_ON, "exit-code"}, FINDING_WARNING, "failed (exit-code)"},
		{true, 1, {HOST_TIMER_ON, ""}, FINDING_OK, "1m ago: well"},
		{true, 5, {HOST_TIMER_ON, ""}, FINDING_OK, "5m ago: well"},
		{false, 6, {HOST_TIMER_ON, ""}, FINDING_WARNING, "passes are missed"},
		{true, 1, {HOST_TIMER_ON, "timeout"}, FINDING_WARNING, "failed (timeout)"},
		{true,
		 6,
		 {HOST_TIMER_ON, "timeout"},
		 FINDING_WARNING,
		 "6m ago: well, but that which"},
		{true, 15, {HOST_TIMER_OFF, ""}, FINDING_OK, "15m ago: well"},
		{true, 16, {HOST_TIMER_OFF, ""}, FINDING_WARNING, "the timer is off"},
		{false, 16, {HOST_TIMER_OFF, ""}, FINDING_NOTE, "the timer is off"},
		{true, 16, {HOST_TIMER_UNKNOWN, ""}, FINDING_WARNING, "or it fails"},
		{false, 16, {HOST_TIMER_UNKNOWN, ""}, FINDING_NOTE, "or it fails"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct passes_expected expected = {rows[i].has_rules, rows[i].timer};
		const int64_t now_ns = 1000 * NS_PER_MINUTE;
		struct mark last = {.key = (char *)"guard",
				    .text = (char *)"well",
				    .seen_ns = now_ns - rows[i].ago_minutes * NS_PER_MINUTE};
		AUTO(pool_state_clear) struct pool_state pool = {0};
		AUTO(findings_clear) struct findings f = {0};

		if (rows[i].ago_minutes >= 0)
			pool_state_put_mark(&pool, &last, false);
		examine_passes(&pool, &expected, now_ns, &f);
		if (f.count != 1 || f.items[0].result != rows[i].result ||
		    !strstr(f.items[0].detail, rows[i].detail))
			fail_msg("row %zu: %s %s", i, finding_result_name(f.items[0].result),
				 f.items[0].detail);
	}
}

static void test_timer(void **state)
{
	static const struct {
		const char *text;
		struct host_timer timer;
	} rows[] = {
		{"", {HOST_TIMER_UNKNOWN, ""}},
		{"nonsense\n", {HOST_TIMER_UNKNOWN, ""}},
		{"Result=success\nId=x.timer\nActiveState=active\n\n"
		 "Result=exit-code\nId=x.service\nActiveState=failed\n",
		 {HOST_TIMER_ON, "exit-code"}},
		{"Id=x.timer\nActiveState=inactive\nResult=success\n\n"
		 "Id=x.service\nActiveState=activating\nResult=success",
		 {HOST_TIMER_OFF, ""}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_timer timer;

		host_timer_parse(rows[i].text, &timer);
		assert_int_equal(timer.state, rows[i].timer.state);
		assert_string_equal(timer.failed, rows[i].timer.failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),   cmocka_unit_test(test_os_release),
		cmocka_unit_test(test_hidepid),    cmocka_unit_test(test_file_systems),
		cmocka_unit_test(test_redis_info), cmocka_unit_test(test_times),
		cmocka_unit_test(test_gpus),       cmocka_unit_test(test_passes),
		cmocka_unit_test(test_timer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
