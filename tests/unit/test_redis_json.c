/* The JSON values of the Redis store, in every shape that other programs write, and the addresses
   of servers. */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/url.h"
#include "store/redis/json.h"
#include "store/redis/url.h"

#define MARK "0123456789abcdef"

static struct reservation *read_reservation(const char *text)
{
	struct reservation *r = NULL;
	struct redis_freed freed;
	struct err e = {0};

	if (redis_json_read_gpu(text, &r, &freed, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_non_null(r);
	return r;
}

/* A GPU that is free, and when it was released. */
static int64_t read_free(const char *text)
{
	struct reservation *r = NULL;
	struct redis_freed freed;
	struct err e = {0};

	if (redis_json_read_gpu(text, &r, &freed, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_null(r);
	return freed.last_released_ns;
}

/* What of a free GPU is our own comes back, too. */
static void test_lapsed(void **state)
{
	static const struct redis_freed lapsed = {
		.last_released_ns = INT64_C(1795164249) * NS_PER_SECOND,
		.base = {.clock = "boot-1", .offset_ns = 7},
		.lapsed_ns = INT64_C(1795164250000000001),
	};
	AUTO_FREE char *written = redis_json_write_free(&lapsed, MARK);
	struct reservation *r = NULL;
	struct redis_freed read;

	assert_int_equal(redis_json_read_gpu(written, &r, &read, NULL), 0);
	assert_null(r);
	assert_int_equal(read.last_released_ns, lapsed.last_released_ns);
	assert_int_equal(read.lapsed_ns, lapsed.lapsed_ns);
	assert_string_equal(read.base.clock, "boot-1");
	assert_int_equal(read.base.offset_ns, 7);
}

static void test_free_gpu(void **state)
{
	static const struct redis_freed then = {.last_released_ns = INT64_C(1795164249822905664)};
	AUTO_FREE char *written = redis_json_write_free(&then, MARK);

	assert_int_equal(read_free(""), TIME_NONE);
	assert_int_equal(read_free("{}"), TIME_NONE);
	assert_int_equal(read_free("{\"start_time\":null,\"last_heartbeat\":null,\"expiry_time\":"
				   "null,\"last_released\":\"2026-11-20T08:44:09.822905664Z\"}"),
			 INT64_C(1795164249822905664));
	assert_int_equal(read_free("{\"user\":null,\"last_released\":1795164249}"),
			 INT64_C(1795164249) * NS_PER_SECOND);
	assert_int_equal(read_free("{\"last_released\":\"0001-01-01T00:00:00Z\"}"), TIME_NONE);
	assert_int_equal(read_free("{\"last_released\":\"\"}"), TIME_NONE);
	/* UTC where no zone is named. */
	assert_int_equal(read_free("{\"last_released\":\"2026-11-20T08:44:09.5\"}"),
			 INT64_C(1795164249500000000));
	assert_int_equal(read_free("{\"last_released\":\"2026-11-20T08:44:09\"}"),
			 INT64_C(1795164249) * NS_PER_SECOND);
	/* Ours: no user at all, and a text that others parse. */
	assert_string_equal(written, "{\"last_released\":\"2026-11-20T08:44:09.822905664Z\","
				     "\"mark\":\"" MARK "\"}");
	assert_int_equal(read_free(written), INT64_C(1795164249822905664));
}

static void test_manual_by_lua(void **state)
{
	AUTO(reservation_freep)
	struct reservation *r = read_reservation(
		"{\"expiry_time\":1795169586,\"type\":\"manual\",\"user\":\"alice-laptop\","
		"\"start_time\":1795164186,\"note\":\"debug kernels\",\"actual_user\":\"alice\"}");
	AUTO(reservation_freep)
	struct reservation *large = read_reservation(
		"{\"expiry_time\":1.795169586e+09,\"user\":\"a\",\"start_time\":1795164186.5}");

	assert_string_equal(r->id, "");
	assert_string_equal(r->user, "alice-laptop");
	assert_string_equal(r->account, "alice");
	assert_string_equal(r->note, "debug kernels");
	assert_int_equal(r->type, RESERVATION_MANUAL);
	assert_int_equal(r->start_ns, INT64_C(1795164186) * NS_PER_SECOND);
	assert_int_equal(r->expiry_ns, INT64_C(1795169586) * NS_PER_SECOND);
	assert_int_equal(r->heartbeat_ns, TIME_NONE);
	assert_int_equal(r->gpus_count, 0);
	/* Lua's way to write large numbers; without a type, what expires was made by hand. */
	assert_int_equal(large->expiry_ns, INT64_C(1795169586) * NS_PER_SECOND);
	assert_int_equal(large->start_ns, INT64_C(1795164186500000000));
	assert_int_equal(large->type, RESERVATION_MANUAL);
	assert_string_equal(large->account, "a");
}

static void test_run_by_go(void **state)
{
	AUTO(reservation_freep)
	struct reservation *r = read_reservation(
		"{\"user\":\"alice\",\"actual_user\":\"alice\",\"start_time\":"
		"\"2026-11-20T08:43:06Z\",\"last_heartbeat\":\"2026-11-20T08:44:06.323680978Z\","
		"\"type\":\"run\",\"expiry_time\":null,\"last_released\":null,\"note\":\"llama "
		"ft\"}");

	assert_int_equal(r->type, RESERVATION_RUN);
	assert_int_equal(r->start_ns, INT64_C(1795164186) * NS_PER_SECOND);
	assert_int_equal(r->heartbeat_ns, INT64_C(1795164246323680978));
	assert_int_equal(r->expiry_ns, TIME_NONE);
	assert_null(r->holder.host);
}

static void test_held_for_the_queue(void **state)
{
	AUTO(reservation_freep)
	struct reservation *r = read_reservation(
		"{\"user\":\"alice\",\"actual_user\":\"alice\",\"start_time\":"
		"\"2026-11-20T08:43:08.628976219Z\",\"last_heartbeat\":null,\"type\":\"manual\","
		"\"expiry_time\":\"2026-11-20T10:43:08.628698975Z\",\"last_released\":null,"
		"\"note\":\"big\",\"partial_queue_id\":\"018c266f-a239-48ce-9c6a-e5289b1abe51\"}");

	assert_string_equal(r->queue_id, "018c266f-a239-48ce-9c6a-e5289b1abe51");
	assert_int_equal(r->expiry_ns, INT64_C(1795171388628698975));
}

static void test_what_we_write(void **state)
{
	struct reservation r = {.id = "5c7f0000-0000-4000-8000-000000000002",
				.type = RESERVATION_MANUAL,
				.uid = quantity_of(1000),
				.start_ns = INT64_C(1795164186999999999),
				.expiry_ns = INT64_C(1795169586000000001)};
	char user[] = "gr\xfc\xdf", account[] = "alice";
	AUTO(reservation_freep) struct reservation *again = NULL;
	AUTO_FREE char *text = NULL;

	r.user = user;
	r.account = account;
	text = redis_json_write_gpu(&r, MARK);
	/* Numbers, and the end rounded up: nobody may take the GPU before. */
	assert_string_equal(
		text,
		"{\"user\":\"gr\xef\xbf\xbd\xef\xbf\xbd\",\"actual_user\":\"alice\",\"type\":"
		"\"manual\",\"start_time\":1795164186,\"start_exact\":"
		"\"2026-11-20T08:43:06.999999999Z\",\"expiry_time\":1795169587,\"expiry_exact\":"
		"\"2026-11-20T10:13:06.000000001Z\",\"reservation_id\":"
		"\"5c7f0000-0000-4000-8000-000000000002\",\"uid\":1000,\"mark\":\"" MARK "\"}");
	again = read_reservation(text);
	assert_int_equal(again->start_ns, r.start_ns);
	assert_int_equal(again->expiry_ns, r.expiry_ns);
	assert_string_equal(again->id, r.id);
}

/* Where another program has changed a time, the exact one of before does not count. */
static void test_exact_times_that_are_old(void **state)
{
	AUTO(reservation_freep)
	struct reservation *r = read_reservation(
		"{\"user\":\"a\",\"start_time\":1795164186,\"start_exact\":"
		"\"2026-11-20T08:43:07.5Z\",\"expiry_time\":1795169587,\"expiry_exact\":"
		"\"garbage\",\"last_heartbeat\":\"2026-11-20T08:43:06Z\",\"heartbeat_exact\":"
		"\"2026-11-20T08:43:06.25Z\"}");

	assert_int_equal(r->start_ns, INT64_C(1795164186) * NS_PER_SECOND);
	assert_int_equal(r->expiry_ns, INT64_C(1795169587) * NS_PER_SECOND);
	assert_int_equal(r->heartbeat_ns, INT64_C(1795164186250000000));
}

static void test_unreadable(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"\"text\"",
		"null",
		"{\"user\":\"alice\",\"start_ti",
		"{\"user\":17}",
		"{\"user\":[]}",
		"{\"user\":\"a\",\"type\":\"loan\"}",
		"{\"user\":\"a\",\"type\":7}",
		"{\"user\":\"a\",\"start_time\":\"yesterday\"}",
		"{\"user\":\"a\",\"start_time\":-5}",
		"{\"user\":\"a\",\"start_time\":\"1871-11-20T08:43:06Z\"}",
		"{\"user\":\"a\",\"start_time\":\"2260-11-20T08:43:06Z\"}",
		"{\"user\":\"a\",\"start_time\":1e30}",
		"{\"user\":\"a\",\"expiry_time\":{}}",
		"{\"last_released\":true}",
		"{\"last_released\":\"2026-11-20\"}",
		"{} {}",
		"{\"user\":\"\xff\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct reservation *r = NULL;
		struct redis_freed freed;
		struct err e = {0};

		if (redis_json_read_gpu(texts[i], &r, &freed, &e) != -EBADMSG)
			fail_msg("%s was read", texts[i]);
		assert_int_not_equal(e.text[0], '\0');
		assert_null(r);
	}
}

/* Members that only we write, in a shape that we do not: the reservation is as good as another
   program's. Half a holder could look like one that is gone. */
static void test_our_members_are_optional(void **state)
{
	static const char *const members[] = {
		"\"reservation_id\":\"much longer than any id that there is, ever\"",
		"\"reservation_id\":7",
		"\"reservation_id\":\"\\u001b[31m\"",
		"\"reservation_id\":\"\\u202e\"",
		"\"uid\":\"root\"",
		"\"uid\":-1",
		"\"uid\":4294967295",
		"\"uid\":4294967296",
		"\"pid\":-1,\"pid_start\":7",
		"\"supervisor_pid\":\"7\"",
		"\"host\":[]",
		"\"boot_id\":1",
		"\"deadline\":{}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		AUTO_FREE char *text = mem_printf(
			"{\"user\":\"a\",\"start_time\":5,\"host\":\"h\",%s}", members[i]);
		AUTO(reservation_freep) struct reservation *r = read_reservation(text);

		assert_string_equal(r->account, "a");
		assert_int_equal(r->start_ns, 5 * NS_PER_SECOND);
		assert_string_equal(r->id, "");
		assert_false(r->uid.known);
		assert_int_equal(r->holder.command.pid, 0);
		assert_int_equal(r->holder.supervisor.pid, 0);
		assert_int_equal(r->deadline_ns, TIME_NONE);
		if (strstr(members[i], "pid") || strstr(members[i], "boot"))
			assert_null(r->holder.host);
	}
}

/* Bytes that are no UTF-8 are shown as such, and the rest counts. */
static void test_not_utf8(void **state)
{
	AUTO(reservation_freep)
	struct reservation *r = read_reservation("{\"user\":\"gr\xfc\xdf\",\"type\":\"manual\","
						 "\"expiry_time\":1795169586,\"note\":\"\xff\"}");

	assert_string_equal(r->user, "gr\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(r->note, "\xef\xbf\xbd");
	assert_int_equal(r->expiry_ns, INT64_C(1795169586) * NS_PER_SECOND);
}

static void test_queue_entry(void **state)
{
	AUTO(queue_entry_clear) struct queue_entry w = {0};
	AUTO(queue_entry_clear) struct queue_entry again = {0};
	AUTO_FREE char *text = NULL;
	struct err e = {0};

	assert_int_equal(
		redis_json_read_entry(
			"{\"id\":\"018c266f-a239-48ce-9c6a-e5289b1abe51\",\"user\":\"alice\","
			"\"actual_user\":\"alice\",\"requested_count\":3,\"allocated_gpus\":[2,3],"
			"\"reservation_type\":\"manual\",\"expiry_duration\":7199999722756,"
			"\"note\":\"big\",\"enqueue_time\":\"2026-11-20T08:43:06.627700739Z\","
			"\"last_heartbeat\":\"2026-11-20T08:43:06.627927166Z\",\"wait_timeout\":"
			"\"2026-11-20T08:44:06.627700739Z\"}",
			&w, &e),
		0);
	assert_string_equal(w.id, "018c266f-a239-48ce-9c6a-e5289b1abe51");
	assert_int_equal(w.requested_count, 3);
	assert_null(w.requested_ids);
	assert_int_equal(w.collected_count, 2);
	assert_int_equal(w.collected[1], 3);
	assert_int_equal(w.duration_ns, INT64_C(7199999722756));
	assert_int_equal(w.enqueued_ns, INT64_C(1795164186627700739));
	assert_int_equal(w.give_up_ns, INT64_C(1795164246627700739));
	text = redis_json_write_entry(&w, MARK);
	assert_int_equal(redis_json_read_entry(text, &again, &e), 0);
	assert_int_equal(again.enqueued_ns, w.enqueued_ns);
	assert_int_equal(again.collected_count, 2);
	/* Nothing collected, as Go writes it. */
	queue_entry_clear(&again);
	assert_int_equal(redis_json_read_entry("{\"id\":\"x\",\"requested_count\":1,"
					       "\"requested_ids\":[7],\"allocated_gpus\":null}",
					       &again, &e),
			 0);
	assert_int_equal(again.collected_count, 0);
	assert_int_equal(again.requested_ids[0], 7);
	assert_string_equal(again.user, "unknown");
	/* As it is read when somebody has written it again. */
	assert_string_equal(again.account, "unknown");
	/* And as Lua does. */
	queue_entry_clear(&again);
	assert_int_equal(redis_json_read_entry("{\"id\":\"x\",\"requested_count\":1,"
					       "\"requested_ids\":{},\"allocated_gpus\":{}}",
					       &again, &e),
			 0);
	assert_int_equal(again.collected_count, 0);
	assert_int_equal(again.requested_ids_count, 0);
	assert_int_equal(redis_json_read_entry("{\"allocated_gpus\":{\"1\":2}}", &w, &e), -EBADMSG);
	assert_int_equal(redis_json_read_entry("{\"id\":\"x\",\"requested_count\":5000}", &w, &e),
			 -EBADMSG);
	assert_int_equal(redis_json_read_entry("{\"id\":\"\\u001bc\"}", &w, &e), -EBADMSG);
	assert_int_equal(redis_json_read_entry("{\"allocated_gpus\":[-1]}", &w, &e), -EBADMSG);
	assert_int_equal(redis_json_read_entry("{\"allocated_gpus\":[1.5]}", &w, &e), -EBADMSG);
}

/* To the other program, and to older versions of this one, a cancelled entry has given up long ago.
 */
static void test_cancelled_entry(void **state)
{
	static const char *const expected =
		"{\"id\":\"x\",\"user\":\"alice\",\"actual_user\":\"alice\",\"requested_count\":1,"
		"\"allocated_gpus\":[],\"reservation_type\":\"run\",\"wait_timeout\":"
		"\"1970-01-01T00:00:00.000000001Z\",\"mark\":\"" MARK "\"}";
	char alice[] = "alice";
	struct queue_entry w = {.id = "x",
				.user = alice,
				.account = alice,
				.requested_count = 1,
				.cancelled = true};
	AUTO(queue_entry_clear) struct queue_entry again = {0};
	AUTO_FREE char *text = redis_json_write_entry(&w, MARK);
	struct err e = {0};

	assert_string_equal(text, expected);
	assert_int_equal(redis_json_read_entry(text, &again, &e), 0);
	assert_true(again.cancelled);
	assert_int_equal(again.give_up_ns, TIME_NONE);
}

static void test_usage_record(void **state)
{
	AUTO(usage_record_clear) struct usage_record u = {0};
	AUTO_FREE char *text = NULL;
	struct err e = {0};

	assert_int_equal(
		redis_json_read_usage("{\"user\":\"alice\",\"gpu_id\":1,\"start_time\":"
				      "\"2026-11-20T08:43:06Z\",\"end_time\":"
				      "\"2026-11-20T08:44:09.822905664Z\",\"duration_seconds\":"
				      "63.822905664,\"reservation_type\":\"run\"}",
				      &u, &e),
		0);
	assert_string_equal(u.reservation_id, "");
	assert_string_equal(u.account, "alice");
	assert_int_equal(u.gpu, 1);
	assert_int_equal(u.end_ns, INT64_C(1795164249822905664));
	assert_int_equal(u.reason, END_RELEASED);
	text = redis_json_write_usage(&u);
	assert_string_equal(text, "{\"user\":\"alice\",\"gpu_id\":1,\"start_time\":"
				  "\"2026-11-20T08:43:06Z\",\"end_time\":"
				  "\"2026-11-20T08:44:09.822905664Z\",\"duration_seconds\":"
				  "63.822905664,\"reservation_type\":\"run\",\"actual_user\":"
				  "\"alice\",\"reason\":\"released\"}");
	assert_int_equal(redis_json_read_usage("{\"gpu_id\":0}", &u, &e), -EBADMSG);
	assert_int_equal(redis_json_read_usage("{\"gpu_id\":-1,\"end_time\":5}", &u, &e), -EBADMSG);
	assert_int_equal(
		redis_json_read_usage("{\"gpu_id\":0,\"start_time\":6,\"end_time\":5}", &u, &e),
		-EBADMSG);
}

/* The short way for records in the usual form, and what it must leave to the long way. */
static const struct {
	const char *what, *text;
	bool plain;
} records[] = {
	{"ours",
	 "{'user':'al','gpu_id':1,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09.822905664Z','duration_seconds':63.82,'reservation_type':'manual',"
	 "'actual_user':'alice','uid':1000,'reservation_id':'1a2b','reason':'expired','actor':'root',"
	 "'active_ns':5,'idle_ns':0}",
	 true},
	{"another program's",
	 "{'user':'bob','gpu_id':0,'start_time':'2026-11-20T08:43:06+01:00','end_time':"
	 "'2026-11-20T08:44:09Z','duration_seconds':63,'reservation_type':'run'}",
	 true},
	{"with escapes",
	 "{'user':'b\\u006fb','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run'}"},
	{"not ASCII",
	 "{'user':'b\xc3\xb6','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run'}"},
	{"with spaces",
	 "{ 'user': 'bob', 'gpu_id': 0, 'start_time': '2026-11-20T08:43:06Z', 'end_time': "
	 "'2026-11-20T08:44:09Z', 'reservation_type': 'run'}"},
	{"times as numbers",
	 "{'user':'bob','gpu_id':0,'start_time':1795164186,'end_time':1795164249,"
	 "'reservation_type':'run'}"},
	{"null", "{'user':'bob','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
		 "'2026-11-20T08:44:09Z','reservation_type':'run','actual_user':null}"},
	{"a member twice",
	 "{'user':'bob','user':'eve','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run'}"},
	{"a reason that is not known",
	 "{'user':'bob','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run','reason':'bored'}"},
	{"numbers with exponents",
	 "{'user':'bob','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run','uid':1e3}"},
	{"no time", "{'user':'bob','gpu_id':0,'start_time':'0001-01-01T00:00:00Z','end_time':"
		    "'2026-11-20T08:44:09Z','reservation_type':'run'}"},
	{"more behind it",
	 "{'user':'bob','gpu_id':0,'start_time':'2026-11-20T08:43:06Z','end_time':"
	 "'2026-11-20T08:44:09Z','reservation_type':'run'} "},
};

static void test_plain_usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		AUTO(usage_record_clear) struct usage_record plain = {0}, parsed = {0}, read = {0};
		AUTO_FREE char *text = mem_strdup(records[i].text);
		AUTO_FREE char *expected = NULL, *got = NULL;

		for (char *p = text; (p = strchr(p, '\''));)
			*p = '"';
		assert_int_equal(redis_json_parse_usage(text, &parsed, NULL), 0);
		assert_int_equal(redis_json_read_usage(text, &read, NULL), 0);
		expected = redis_json_write_usage(&parsed);
		got = redis_json_write_usage(&read);
		assert_string_equal(got, expected);
		if (redis_usage_take_plain(text, &plain) != records[i].plain)
			fail_msg("%s", records[i].what);
	}
}

static void test_uuids(void **state)
{
	const struct slot written[] = {{.uuid = (char[]){"GPU-0"}}, {.id = 1}};
	AUTO_FREE char *text = redis_json_write_uuids(written, 2);
	struct slot slots[2] = {{0}};

	redis_json_read_uuids(text, slots, 1);
	assert_null(slots[0].uuid); /* of another pool */
	redis_json_read_uuids("{", slots, 2);
	redis_json_read_uuids(text, slots, 2);
	assert_string_equal(slots[0].uuid, "GPU-0");
	assert_null(slots[1].uuid);
	free(slots[0].uuid);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	static const struct {
		const char *url, *host, *path, *user, *password, *shown;
		int port, db;
	} rows[] = {
		{"redis://localhost", "localhost", NULL, NULL, NULL, "redis://localhost:6379/0",
		 6379, 0},
		{"redis://h:7/12", "h", NULL, NULL, NULL, "redis://h:7/12", 7, 12},
		{"redis://[::1]:7", "::1", NULL, NULL, NULL, "redis://[::1]:7/0", 7, 0},
		{"redis://[::1]/", "::1", NULL, NULL, NULL, "redis://[::1]:6379/0", 6379, 0},
		{"redis://u:p@h", "h", NULL, "u", "p", "redis://u@h:6379/0", 6379, 0},
		{"redis://:p@h", "h", NULL, NULL, "p", "redis://h:6379/0", 6379, 0},
		{"redis://u%40x:%25%2F%3a@h", "h", NULL, "u@x", "%/:", "redis://u%40x@h:6379/0",
		 6379, 0},
		{"redis://u:p@q@h", "h", NULL, "u", "p@q", "redis://u@h:6379/0", 6379, 0},
		{"unix:///a/b?db=3", NULL, "/a/b", NULL, NULL, "unix:///a/b?db=3", 0, 3},
		{"unix://u:p@/a%20b", NULL, "/a b", "u", "p", "unix://u@/a b?db=0", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(redis_address_clear) struct redis_address a = {0};
		struct err e = {0};

		if (redis_address_parse(rows[i].url, &a, &e) < 0)
			fail_msg("%s: %s", rows[i].url, e.text);
		assert_string_equal(a.shown, rows[i].shown);
		assert_string_equal(a.places_count ? a.places[0].host : "-",
				    rows[i].host ? rows[i].host : "-");
		assert_string_equal(a.path ? a.path : "-", rows[i].path ? rows[i].path : "-");
		assert_string_equal(a.login.user ? a.login.user : "-",
				    rows[i].user ? rows[i].user : "-");
		assert_string_equal(a.login.password ? a.login.password : "-",
				    rows[i].password ? rows[i].password : "-");
		assert_int_equal(a.places_count ? a.places[0].port : 0, rows[i].port);
		assert_int_equal(a.db, rows[i].db);
	}
}

static void test_sentinel_addresses(void **state)
{
	static const struct {
		const char *url, *shown, *server, *primary, *file, *sentinel;
		size_t places;
		int port, db;
	} rows[] = {
		{"redis+sentinel://h/m", "redis+sentinel://h:26379/m/0", "m (of Sentinel h:26379)",
		 "m", NULL, NULL, 1, 26379, 0},
		{"redis+sentinel://h1:1,h2,[::1]:3/m/4",
		 "redis+sentinel://h1:1,h2:26379,[::1]:3/m/4",
		 "m (of Sentinel h1:1,h2:26379,[::1]:3)", "m", NULL, NULL, 3, 3, 4},
		{"redis+sentinel://u:p@h/m%2fx/", "redis+sentinel://u@h:26379/m%2Fx/0",
		 "m/x (of Sentinel h:26379)", "m/x", NULL, NULL, 1, 26379, 0},
		{"rediss+sentinel://u@h/m?password-file=/a%20b&sentinel-password=x&ca=/c",
		 "rediss+sentinel://u@h:26379/m/0", "m (of Sentinel h:26379)", "m", "/a b", "x", 1,
		 26379, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(redis_address_clear) struct redis_address a = {0};
		struct err e = {0};

		if (redis_address_parse(rows[i].url, &a, &e) < 0)
			fail_msg("%s: %s", rows[i].url, e.text);
		assert_string_equal(a.shown, rows[i].shown);
		assert_string_equal(a.server, rows[i].server);
		assert_string_equal(a.primary, rows[i].primary);
		assert_string_equal(a.login.password_file ? a.login.password_file : "-",
				    rows[i].file ? rows[i].file : "-");
		assert_string_equal(a.sentinel_login.password ? a.sentinel_login.password : "-",
				    rows[i].sentinel ? rows[i].sentinel : "-");
		assert_int_equal(a.places_count, rows[i].places);
		assert_int_equal(a.places[a.places_count - 1].port, rows[i].port);
		assert_int_equal(a.db, rows[i].db);
	}
}

static void test_bad_addresses(void **state)
{
	static const char *const urls[] = {
		"redis:",
		"redis:localhost",
		"redis://",
		"redis://:7",
		"redis://h:",
		"redis://h:0",
		"redis://h:65536",
		"redis://h:secret",
		"redis://.example.com",
		"rediss://.example.com:7/0",
		"redis://h/x",
		"redis://h/-1",
		"redis://h/0/1",
		"redis://[::1",
		"redis://[::1]x",
		"redis://u@h",
		"redis://u:%@h",
		"redis://u:%zz@h",
		"redis://u:%00@h",
		"redis://h?db=1",
		"redis://h?ca=/x",
		"redis://h?timeout=fast",
		"rediss://h?ca=relative",
		"unix://relative/path",
		"unix:///",
		"unix:///a?db=x",
		"redis://h?password-file=relative",
		"redis://:p@h?password-file=/x",
		"redis://h?sentinel-password=x",
		"redis+sentinel://h",
		"redis+sentinel://h/",
		"redis+sentinel:///m",
		"redis+sentinel://h,/m",
		"redis+sentinel://h:x,i/m",
		"redis+sentinel://h/m/x",
		"redis+sentinel://h/m/0/1",
		"redis+sentinel://u@h/m",
		"redis+sentinel://h/m?ca=/x",
		"redis+sentinel://h/m?sentinel-user=u",
	};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct redis_address a = {0};
		struct err e = {0};

		if (redis_address_parse(urls[i], &a, &e) != -EINVAL)
			fail_msg("%s was taken", urls[i]);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	}
}

static void test_passwords_are_hidden(void **state)
{
	static const char *const rows[][2] = {
		{"redis://u:secret@h/0", "redis://u@h/0"},
		{"redis://:secret@h/0", "redis://@h/0"},
		{"redis://u:sec/ret@h/0", "redis://u@h/0"},
		{"redis://u:sec@ret@h/0", "redis://u@h/0"},
		{"redis://h:6379/0", "redis://h:6379/0"},
		{"redis://h:6379/0?timeout=5s", "redis://h:6379/0?timeout=5s"},
		{"rediss://[::1]:7", "rediss://[::1]:7"},
		{"redis://[::1]/0", "redis://[::1]/0"},
		{"redis+sentinel://h:1,i:2,j/m/0", "redis+sentinel://h:1,i:2,j/m/0"},
		{"redis+sentinel://u:secret@h:1,i/m", "redis+sentinel://u@h:1,i/m"},
		{"redis+sentinel://h/m?sentinel-password=secret&ca=/c",
		 "redis+sentinel://h/m?sentinel-password=...&ca=/c"},
		{"redis+sentinel://h/m?password=secret&sentinel-password=secret",
		 "redis+sentinel://h/m?password=...&sentinel-password=..."},
		{"redis://h?password-file=/f", "redis://h?password-file=/f"},
		/* Written wrongly. */
		{"redis://:hunter2", "redis://:..."},
		{"redis://:1234", "redis://:..."},
		{"redis://user:hunter2", "redis://user:..."},
		{"redis://user:12/34hunter", "redis://user:..."},
		{"redis:user:hunter2@host", "redis:user@host"},
		{"redis+sentinel://u:hunter2,h/m", "redis+sentinel://u:..."},
		{"redis:/user:hunter2@host", "redis:/user@host"},
		{"redis:user:hunter2", "redis:user:..."},
		{"unix:///run/a:b?db=0", "unix:///run/a:b?db=0"},
		{"sqlite:/a@b:c", "sqlite:/a@b:c"},
		{"sqlite:/a:b@c", "sqlite:/a:b@c"},
		{"nonsense", "nonsense"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *shown = url_without_password(rows[i][0]);

		assert_string_equal(shown, rows[i][1]);
	}
	assert_null(url_without_password(NULL));
}

static void test_percent_encoding(void **state)
{
	char all[256];
	AUTO_FREE char *encoded = NULL, *decoded = NULL;

	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	encoded = url_encode(all);
	decoded = url_decode(encoded, strlen(encoded));
	assert_string_equal(decoded, all);
	for (const char *p = encoded; *p; p++)
		assert_true(strchr("%-._~", *p) || (*p >= '0' && *p <= '9') ||
			    (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'));
	assert_null(url_decode("%", 1));
	assert_null(url_decode("%4", 2));
	assert_null(url_decode("%41", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_gpu),
		cmocka_unit_test(test_lapsed),
		cmocka_unit_test(test_manual_by_lua),
		cmocka_unit_test(test_run_by_go),
		cmocka_unit_test(test_held_for_the_queue),
		cmocka_unit_test(test_what_we_write),
		cmocka_unit_test(test_exact_times_that_are_old),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_our_members_are_optional),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_queue_entry),
		cmocka_unit_test(test_cancelled_entry),
		cmocka_unit_test(test_usage_record),
		cmocka_unit_test(test_plain_usage),
		cmocka_unit_test(test_uuids),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_sentinel_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_passwords_are_hidden),
		cmocka_unit_test(test_percent_encoding),
	};

	return cmocka_run_group_tests_name("redis json", tests, NULL, NULL);
}
