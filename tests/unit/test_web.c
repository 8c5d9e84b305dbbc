/* The pure parts of the web server: reading requests, the metrics' format, the simulation. */
#include "test.h"

#include <zlib.h>

#include "base/mem.h"
#include "pool/web_config.h"
#include "web/demo.h"
#include "web/gzip.h"
#include "web/metrics.h"
#include "web/query.h"

/* ---- requests ---- */

static void test_split(void **state)
{
	char with[] = "/api/report?days=7?x", without[] = "/";
	const char *query;

	(void)state;
	query_split(with, &query);
	assert_string_equal(with, "/api/report");
	assert_string_equal(query, "days=7?x");
	query_split(without, &query);
	assert_string_equal(without, "/");
	assert_string_equal(query, "");
}

static void test_int(void **state)
{
	static const struct {
		const char *query;
		int expected; /* -1: refused */
	} cases[] = {
		{"", 30},
		{"days=1", 1},
		{"days=90", 90},
		{"days=007", 7},
		{"x=1", 30},
		{"xdays=1", 30},
		{"days2=1", 30},
		{"a=b&days=3&c", 3},
		{"&&days=3&", 3},
		{"d%61ys=5", 5},
		{"days=%31%32", 12},
		{"days=0", -1},
		{"days=91", -1},
		{"days=", -1},
		{"days", -1},
		{"days=+1", -1},
		{"days=1+", -1},
		{"days=-1", -1},
		{"days=1x", -1},
		{"days=0x1", -1},
		{"days=1.0", -1},
		{"days=%3", -1},
		{"days=%zz", -1},
		{"days=%00", -1},
		{"days=1%00", -1},
		{"days=1&days=1", -1},
		{"days=1&d%61ys=2", -1},
		{"days=99999999999999999999999", -1},
		{"%zz=1&days=4", 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		int value = -1;
		int r = query_int(cases[i].query, "days", 1, 90, 30, &value, &e);

		if (value != cases[i].expected || (r < 0) != (cases[i].expected < 0))
			fail_msg("'%s' gives %d (%d)", cases[i].query, value, r);
		assert_int_equal(r < 0, e.text[0] != '\0');
	}
}

static void test_tags(void **state)
{
	(void)state;
	assert_true(query_tag_matches("\"a\"", "\"a\""));
	assert_true(query_tag_matches("\"b\", W/\"a\" ,\"c\"", "\"a\""));
	assert_true(query_tag_matches(" *", "\"a\""));
	assert_false(query_tag_matches("", "\"a\""));
	assert_false(query_tag_matches("a", "\"a\""));
	assert_false(query_tag_matches("\"ab\", \"a", "\"a\""));
	assert_false(query_tag_matches(",,, W/", "\"a\""));
}

static void test_gzip(void **state)
{
	static const char *const yes[] = {"gzip", "br, GZIP;q=0.5", "*", "deflate,gzip;q=1.0,br"};
	static const char *const no[] = {"",      "br",        "gzip;q=0", "gzip; q=0.000",
					 "xgzip", "gzipx, br", "*;q=0",    "identity"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(query_takes_gzip(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(query_takes_gzip(no[i]));
}

static void check_cookie(const char *header, const char *expected)
{
	AUTO_FREE char *value = query_cookie(header, "t");

	if (expected)
		assert_string_equal(value, expected);
	else
		assert_null(value);
}

/* What comes out is what went in, of any length; and what would grow stays as it is. */
static void test_pack(void **state)
{
	static const size_t lengths[] = {64, 1000, 65536, 3000000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t length = lengths[i], packed_length = 0;
		AUTO_FREE char *text = mem_alloc(length, 1), *back = mem_alloc(length + 1, 1);
		AUTO_FREE char *packed = NULL;
		z_stream z = {0};

		for (size_t k = 0; k < length; k++)
			text[k] = "{\"gpu_id\":0}"[k % 12];
		packed = gzip_pack(text, length, &packed_length);
		assert_non_null(packed);
		assert_true(packed_length < length);
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		z.next_in = (Bytef *)packed;
		z.avail_in = (uInt)packed_length;
		z.next_out = (Bytef *)back;
		z.avail_out = (uInt)length + 1;
		assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
		assert_int_equal(z.total_out, length);
		assert_memory_equal(back, text, length);
		inflateEnd(&z);
	}
}

static void test_pack_not(void **state)
{
	unsigned char noise[4096];
	uint32_t seed = 1;
	size_t length = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
	assert_null(gzip_pack(noise, sizeof(noise), &length));
	assert_null(gzip_pack("[]", 2, &length));
	assert_null(gzip_pack("", 0, &length));
}

static void test_cookies(void **state)
{
	(void)state;
	check_cookie("t=a", "a");
	check_cookie("x=1; t=a%2Bb; y=2", "a+b");
	check_cookie("t=", "");
	check_cookie("tt=a", NULL);
	check_cookie("x=t=a", NULL);
	check_cookie("t", NULL);
	check_cookie("", NULL);
	check_cookie(";;; t=b", "b");
	check_cookie("t=%zz", NULL);
}

static void test_hosts(void **state)
{
	static const char list[] = "gpu1, gpu1.lab.example,[::1],127.0.0.1";
	static const char *const yes[] = {"gpu1",       "GPU1:80", "gpu1.lab.example",
					  "[::1]:8080", "[::1]",   "127.0.0.1:1",
					  "gpu1:"};
	static const char *const no[] = {"",       ":80", "gpu",     "gpu1.", "gpu1:x", "[::1",
					 "[::1]x", "::1", "gpu1:8 ", "gpu1,", "[",      "[]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!query_host_in(yes[i], list))
			fail_msg("'%s' is refused", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (query_host_in(no[i], list))
			fail_msg("'%s' is taken", no[i]);
	}
	assert_false(query_host_in("gpu1", ""));
}

/* ---- metrics ---- */

static void test_label(void **state)
{
	AUTO(str_clear) struct str out = {0};

	(void)state;
	metrics_label(&out, "a\"b\\c\nd\xff");
	assert_string_equal(str_text(&out), "a\\\"b\\\\c\\nd\xef\xbf\xbd");
	metrics_label(&out, NULL);
	assert_string_equal(str_text(&out), "a\\\"b\\\\c\\nd\xef\xbf\xbd");
}

/* True if the text has that line. */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *p = text; (p = strstr(p, line)); p++) {
		if ((p == text || p[-1] == '\n') && p[length] == '\n')
			return true;
	}
	return false;
}

static struct reservation reservation_of(const char *account, int *gpus, size_t count)
{
	return (struct reservation){
		.user = (char *)account,
		.account = (char *)account,
		.type = RESERVATION_RUN,
		.start_ns = 10 * NS_PER_SECOND,
		.gpus = gpus,
		.gpus_count = count,
	};
}

static void test_counter(void **state)
{
	AUTO(metrics_clear) struct metrics m = {0};
	AUTO(str_clear) struct str out = {0};
	int both[] = {0, 1};
	struct reservation r = reservation_of("a\"b", both, 2);
	struct snapshot s = {.now_ns = 30 * NS_PER_SECOND};

	(void)state;
	metrics_init(&m, 5 * NS_PER_SECOND);
	/* Two looks, at 20 s and at 30 s; two GPUs from 10 s on: 40 GPU seconds, none twice. */
	for (int64_t now_s = 20; now_s <= 30; now_s += 10) {
		AUTO(timeline_clear) struct timeline t = {0};

		timeline_init(&t, m.counted_ns, now_s * NS_PER_SECOND, 2);
		timeline_add_running(&t, &r, now_s * NS_PER_SECOND);
		metrics_count(&m, &t);
	}
	/* A look that failed counts for nothing, and loses nothing. */
	metrics_count(&m, &(struct timeline){0});
	assert_int_equal(m.counted_ns, 30 * NS_PER_SECOND);
	metrics_write(&m, &s, 0, &out);
	assert_true(has_line(
		str_text(&out),
		"canhazgpu_reservation_seconds_total{account=\"a\\\"b\",type=\"run\"} 40"));
	assert_true(has_line(str_text(&out), "canhazgpu_queue_oldest_wait_seconds 0"));
}

/* ---- the timeline ---- */

static struct usage_record record_of(int gpu, int64_t start_s, int64_t end_s)
{
	return (struct usage_record){
		.user = (char *)"alice",
		.gpu = gpu,
		.start_ns = start_s * NS_PER_SECOND,
		.end_ns = end_s * NS_PER_SECOND,
	};
}

static void test_timeline_cut(void **state)
{
	static const struct {
		int gpu;
		int64_t start_s, end_s, from_s, to_s; /* to_s 0: left out */
	} cases[] = {
		{0, 110, 120, 110, 120}, {0, 50, 150, 100, 150}, {1, 150, 250, 150, 200},
		{1, 50, 250, 100, 200},  {0, 50, 100, 0, 0},     {0, 200, 210, 0, 0},
		{2, 110, 120, 0, 0},     {-1, 110, 120, 0, 0},   {0, 120, 120, 0, 0},
		{0, 130, 120, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct usage_record record =
			record_of(cases[i].gpu, cases[i].start_s, cases[i].end_s);
		AUTO(timeline_clear) struct timeline t = {0};

		timeline_init(&t, 100 * NS_PER_SECOND, 200 * NS_PER_SECOND, 2);
		timeline_add(&t, &record);
		assert_int_equal(t.count, cases[i].to_s != 0);
		if (!t.count)
			continue;
		assert_int_equal(timeline_at(&t, 0)->start_ns, cases[i].from_s * NS_PER_SECOND);
		assert_int_equal(timeline_at(&t, 0)->end_ns, cases[i].to_s * NS_PER_SECOND);
		assert_false(timeline_at(&t, 0)->running);
	}
}

static void test_timeline_running(void **state)
{
	AUTO(timeline_clear) struct timeline t = {0};
	int both[] = {0, 1};
	struct reservation r = reservation_of("alice", both, 2);

	(void)state;
	timeline_init(&t, 100 * NS_PER_SECOND, 200 * NS_PER_SECOND, 2);
	timeline_add_running(&t, &r, 200 * NS_PER_SECOND);
	/* Over since, only not recorded yet. */
	timeline_add_running(&t, &r, 150 * NS_PER_SECOND);
	assert_int_equal(t.count, 4);
	assert_true(timeline_at(&t, 0)->running && timeline_at(&t, 1)->running);
	assert_int_equal(timeline_at(&t, 0)->start_ns, 100 * NS_PER_SECOND);
	assert_false(timeline_at(&t, 2)->running || timeline_at(&t, 3)->running);
	assert_int_equal(timeline_at(&t, 3)->end_ns, 150 * NS_PER_SECOND);
}

static void test_timeline_full(void **state)
{
	AUTO(timeline_clear) struct timeline t = {0};
	int64_t last_s = 2 * TIMELINE_INTERVALS_MAX + 7;

	(void)state;
	timeline_init(&t, 0, last_s * 2 * NS_PER_SECOND, 1);
	for (int64_t i = 1; i <= last_s; i++) {
		struct usage_record record = record_of(0, i, i + 1);

		timeline_add(&t, &record);
	}
	assert_true(t.truncated);
	assert_int_equal(t.count, TIMELINE_INTERVALS_MAX);
	for (size_t i = 0; i < t.count; i++)
		assert_int_equal(timeline_at(&t, i)->start_ns,
				 (last_s - TIMELINE_INTERVALS_MAX + 1 + (int64_t)i) *
					 NS_PER_SECOND);
}

/* ---- settings ---- */

static void test_config(void **state)
{
	struct pool_config pool = {.store_url = (char *)"sqlite:/x",
				   .fake_state_path = (char *)"/f",
				   .memory_threshold_mb = 5,
				   .history_keep_ns = 6,
				   .history_set_by_user = true};
	const struct web_config in = {
		.host = (char *)"::1",
		.port = 0,
		.token = (char *)"abcdefghijklmnop",
		.allow_hosts = (char *)"a,b",
		.documentation_url = (char *)"d",
		.source_url = (char *)"s",
		.interval_ns = 7,
		.pool = &pool,
	};
	AUTO_FREE char *text = web_config_write(&in);
	AUTO(web_config_clear) struct web_config out = {0};
	AUTO_FREE char *again = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(web_config_read(text, &out, &e), 0);
	again = web_config_write(&out);
	assert_string_equal(again, text);
	assert_string_equal(out.token, in.token);
	assert_int_equal(out.pool->memory_threshold_mb, 5);
	assert_true(web_config_read("{}", &out, &e) < 0);
	assert_true(web_config_read("no", &out, &e) < 0);
	assert_string_equal(e.text, "no valid settings (run 'canhazgpu web' instead)");
}

/* ---- the simulation ---- */

/* What the status shows as reserved by a job is what goes on in the timeline. */
static void check_demo(int64_t now_ns, int gpus)
{
	AUTO(snapshot_clear) struct snapshot s = {0};
	AUTO(timeline_clear) struct timeline t = {0};
	AUTO_FREE bool *running = mem_alloc((size_t)gpus, sizeof(*running));

	demo_snapshot(now_ns, gpus, &s);
	demo_timeline(now_ns - NS_PER_DAY, now_ns, gpus, &t);
	assert_int_equal(s.views_count, gpus);
	for (size_t k = 0; k < t.count; k++) {
		const struct timeline_interval *interval = timeline_at(&t, k);

		assert_in_range(interval->gpu, 0, gpus - 1);
		assert_true(interval->start_ns < interval->end_ns);
		if (interval->running)
			running[interval->gpu] = true;
	}
	for (int id = 0; id < gpus; id++) {
		const struct reservation *r = s.views[id].reservation;

		assert_int_equal(running[id], r && !r->queue_id && r->start_ns < now_ns);
		assert_true(!r || r->start_ns <= now_ns);
		assert_true(s.views[id].last_released_ns <= now_ns);
	}
	assert_int_equal(s.views[5].status, GPU_UNRESERVED);
	assert_int_equal(s.views[6].status, GPU_ERROR);
	if (gpus > 100)
		assert_in_range(s.state.queue_count, 19, 20);
	for (size_t i = 0; i < s.state.queue_count; i++) {
		const struct queue_entry *q = &s.state.queue[i];

		/* Nothing is free that somebody waits for, and all of them may hope. */
		for (size_t k = 0; k < q->eligible_count; k++)
			assert_int_not_equal(s.views[q->eligible[k]].status, GPU_AVAILABLE);
		assert_true(s.waiters[i].start_ns > now_ns);
		assert_true(s.waiters[i].awaits && *s.waiters[i].awaits);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s.state.queue[i].id, s.state.queue[k].id);
		assert_true(i == 0 ||
			    s.state.queue[i].enqueued_ns >= s.state.queue[i - 1].enqueued_ns);
	}
}

static void test_demo(void **state)
{
	int64_t now_ns = INT64_C(1795180000) * NS_PER_SECOND;

	(void)state;
	for (int i = 0; i < 500; i++, now_ns += 137 * NS_PER_SECOND)
		check_demo(now_ns, DEMO_GPUS);
	/* Not only whole sets. */
	for (int i = 0; i < 10; i++, now_ns += 1370 * NS_PER_SECOND) {
		check_demo(now_ns, 8 + i);
		check_demo(now_ns, 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),         cmocka_unit_test(test_int),
		cmocka_unit_test(test_tags),          cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_cookies),       cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_label),         cmocka_unit_test(test_counter),
		cmocka_unit_test(test_timeline_cut),  cmocka_unit_test(test_timeline_running),
		cmocka_unit_test(test_timeline_full), cmocka_unit_test(test_config),
		cmocka_unit_test(test_demo),          cmocka_unit_test(test_pack),
		cmocka_unit_test(test_pack_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
