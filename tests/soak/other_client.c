/* Another program on the same pool; see other_client.h. */
#include "other_client.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOCK "canhazgpu:allocation_lock"

/* Takes a free GPU as its script does: null is no user to Go, but one to Lua; times are compared as
   numbers, and a text in their place ends the script with an error. */
static const char script[] =
	"for i = 0, ARGV[1] - 1 do\n"
	"  local key = 'canhazgpu:gpu:' .. i\n"
	"  local text = redis.call('GET', key)\n"
	"  local state = text and cjson.decode(text) or {}\n"
	"  local now = tonumber(ARGV[3])\n"
	"  if state.expiry_time and state.expiry_time ~= cjson.null then\n"
	"    if tonumber(state.expiry_time) < now then state.user = nil end\n"
	"  end\n"
	"  if not state.user then\n"
	"    redis.call('SET', key, cjson.encode({user = ARGV[2], actual_user = ARGV[2],\n"
	"      type = 'manual', start_time = now, expiry_time = now + 3600}))\n"
	"    return i\n"
	"  end\n"
	"end\n"
	"return -1\n";

__attribute__((noreturn)) static void die(const struct other_client *o, const char *what)
{
	fprintf(stderr, "other client %s: %s: %s\n", o->name, what, o->redis->errstr);
	abort();
}

void other_open(struct other_client *o, const char *socket, const char *name, int gpus)
{
	*o = (struct other_client){0};
	o->redis = redisConnectUnix(socket);
	o->gpus = gpus;
	snprintf(o->name, sizeof(o->name), "%s", name);
	if (!o->redis || o->redis->err)
		die(o, "connect");
}

void other_close(struct other_client *o)
{
	redisFree(o->redis);
}

static redisReply *checked(const struct other_client *o, void *reply)
{
	redisReply *r = reply;

	if (!r || r->type == REDIS_REPLY_ERROR) {
		fprintf(stderr, "other client %s: %s\n", o->name, r ? r->str : o->redis->errstr);
		abort();
	}
	return r;
}

#define ASK(o, ...) checked((o), redisCommand((o)->redis, __VA_ARGS__))
#define DO(o, ...) freeReplyObject(ASK((o), __VA_ARGS__))

/* A moment in which everything can happen. */
static void other_pause(void)
{
	usleep((useconds_t)(random() % 2000));
}

static bool lock(struct other_client *o)
{
	for (int i = 0; i < 200; i++) {
		redisReply *r = ASK(o, "SET " LOCK " locked NX EX 10");
		bool got = r->type == REDIS_REPLY_STATUS;

		freeReplyObject(r);
		if (got)
			return true;
		usleep(500);
	}
	return false;
}

/* The state of a GPU; an empty object if it has none. */
static json_t *read_state(struct other_client *o, int gpu)
{
	redisReply *r = ASK(o, "GET canhazgpu:gpu:%d", gpu);
	json_t *state = r->str ? json_loads(r->str, 0, NULL) : json_object();

	freeReplyObject(r);
	if (!state) {
		fprintf(stderr, "other client: the state of GPU %d is no JSON\n", gpu);
		abort();
	}
	return state;
}

static void write_state(struct other_client *o, int gpu, json_t *state)
{
	char *text = json_dumps(state, JSON_COMPACT);

	DO(o, "SET canhazgpu:gpu:%d %s", gpu, text);
	free(text);
	json_decref(state);
}

/* In seconds; 0 where there is none. It reads numbers and texts. */
static double seconds_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	int64_t time_ns = 0;

	if (json_is_string(value)) {
		if (clock_rfc3339_parse(json_string_value(value), &time_ns, NULL) < 0)
			abort();
		return (double)time_ns / 1e9;
	}
	return json_number_value(value);
}

/* Not freed a moment ago: somebody may still be about to free it. */
static bool is_settled(const json_t *state)
{
	double now = (double)clock_now_ns() / 1e9;

	return now - seconds_of(state, "last_released") > 0.6 &&
	       now - seconds_of(state, "lapsed") > 0.6;
}

static bool is_free(const json_t *state)
{
	const char *user = json_string_value(json_object_get(state, "user"));

	return !user || !*user;
}

static json_t *time_of(int64_t time_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	return json_string(clock_rfc3339(time_ns, text));
}

int other_take_locked(struct other_client *o)
{
	int first = (int)(random() % o->gpus), taken = -1;

	if (!lock(o))
		return -1;
	for (int i = 0; i < o->gpus && taken < 0; i++) {
		int gpu = (first + i) % o->gpus;
		json_t *state = read_state(o, gpu);

		if (is_free(state) && (!o->careful || is_settled(state)))
			taken = gpu;
		json_decref(state);
	}
	other_pause();
	if (taken >= 0)
		write_state(o, taken,
			    json_pack("{s:s, s:s, s:o, s:o, s:s, s:n, s:n, s:s}", "user", o->name,
				      "actual_user", o->name, "start_time", time_of(clock_now_ns()),
				      "last_heartbeat", time_of(clock_now_ns()), "type", "run",
				      "expiry_time", "last_released", "note", "its own"));
	other_pause();
	DO(o, "DEL " LOCK);
	return taken;
}

/* Under the lock, too: else it would get between the reading and the writing of its own kind. */
int other_take_by_script(struct other_client *o)
{
	redisReply *r;
	int taken;

	if (!lock(o))
		return -1;
	r = ASK(o, "EVAL %s 0 %d %s %lld", script, o->gpus, o->name,
		(long long)(clock_now_ns() / NS_PER_SECOND));
	taken = (int)r->integer;
	freeReplyObject(r);
	DO(o, "DEL " LOCK);
	return taken;
}

/* ---- careless habits ---- */

/* Between its reading and its writing, under load or on a slow network. */
#define LATENCY_US 100000
/* What has taken longer is not written: that much nobody promises. */
#define LATE_NS (300 * NS_PER_MS)

static void latency(void)
{
	usleep((useconds_t)(random() % LATENCY_US));
}

static void record(struct other_client *o, const char *user, int gpu)
{
	int64_t now_ns = clock_now_ns();
	char start[CLOCK_RFC3339_SIZE], end[CLOCK_RFC3339_SIZE];

	DO(o,
	   "ZADD canhazgpu:usage_history_sorted %lld "
	   "{\"user\":\"%s\",\"gpu_id\":%d,\"start_time\":\"%s\",\"end_time\":\"%s\","
	   "\"duration_seconds\":0.001,\"reservation_type\":\"run\"}",
	   (long long)(now_ns / NS_PER_SECOND), user, gpu, clock_rfc3339(now_ns - NS_PER_MS, start),
	   clock_rfc3339(now_ns, end));
	DO(o, "EXPIRE canhazgpu:usage_history_sorted 7776000");
}

static json_t *free_state(void)
{
	return json_pack("{s:n, s:n, s:n, s:o}", "start_time", "last_heartbeat", "expiry_time",
			 "last_released", time_of(clock_now_ns()));
}

/* Frees what it has read at that time, whatever has become of it. */
static bool free_blindly(struct other_client *o, int gpu, const char *user, int64_t read_ns)
{
	latency();
	if (user)
		record(o, user, gpu);
	latency();
	if (clock_monotonic_ns() - read_ns >= LATE_NS)
		return false;
	write_state(o, gpu, free_state());
	return true;
}

static bool has_ended(const json_t *state)
{
	double now = (double)clock_now_ns() / 1e9, expiry = seconds_of(state, "expiry_time");
	const char *type = json_string_value(json_object_get(state, "type"));

	if (is_free(state) || !type)
		return false;
	if (!strcmp(type, "manual"))
		return expiry > 0 && expiry < now;
	return now - seconds_of(state, "last_heartbeat") > 300;
}

static size_t cleanup_gpus(struct other_client *o)
{
	size_t count = 0;

	for (int gpu = 0; gpu < o->gpus; gpu++) {
		int64_t read_ns = clock_monotonic_ns();
		json_t *state = read_state(o, gpu);

		if (has_ended(state)) {
			free_blindly(o, gpu, json_string_value(json_object_get(state, "user")),
				     read_ns);
			count++;
		}
		json_decref(state);
	}
	return count;
}

/* Frees what the request has collected, and drops it. */
static void cleanup_entry(struct other_client *o, const char *id, const json_t *entry)
{
	const json_t *gpus = json_object_get(entry, "allocated_gpus");
	bool done = true;

	for (size_t i = 0; i < json_array_size(gpus); i++) {
		int gpu = (int)json_integer_value(json_array_get(gpus, i));
		int64_t read_ns = clock_monotonic_ns();
		json_t *state = read_state(o, gpu);
		const char *of = json_string_value(json_object_get(state, "partial_queue_id"));

		if (of && !strcmp(of, id))
			done &= free_blindly(o, gpu, NULL, read_ns);
		json_decref(state);
	}
	if (!done)
		return;
	DO(o, "ZREM canhazgpu:queue %s", id);
	DO(o, "DEL canhazgpu:queue:entry:%s", id);
}

size_t other_cleanup(struct other_client *o)
{
	size_t count = cleanup_gpus(o);
	redisReply *ids = ASK(o, "ZRANGE canhazgpu:queue 0 -1");

	for (size_t i = 0; i < ids->elements; i++) {
		const char *id = ids->element[i]->str;
		redisReply *text = ASK(o, "GET canhazgpu:queue:entry:%s", id);
		json_t *entry = text->str ? json_loads(text->str, 0, NULL) : NULL;

		if (entry &&
		    (double)clock_now_ns() / 1e9 - seconds_of(entry, "last_heartbeat") > 120) {
			cleanup_entry(o, id, entry);
			count++;
		}
		json_decref(entry);
		freeReplyObject(text);
	}
	freeReplyObject(ids);
	return count;
}

void other_release_late(struct other_client *o, int gpu)
{
	int64_t read_ns = clock_monotonic_ns();

	if (other_sees(o, gpu, o->name))
		free_blindly(o, gpu, o->name, read_ns);
}

bool other_sees(struct other_client *o, int gpu, const char *text)
{
	redisReply *r = ASK(o, "GET canhazgpu:gpu:%d", gpu);
	bool found = r->str && strstr(r->str, text);

	freeReplyObject(r);
	return found;
}

/* A request that has been silent for five minutes, which has collected the GPU. */
static void leave_collected(struct other_client *o, int gpu, json_t *state)
{
	int64_t then_ns = clock_now_ns() - 300 * NS_PER_SECOND;
	char id[64];
	json_t *entry;
	char *text;

	snprintf(id, sizeof(id), "%08lx-0000-4000-8000-%08lx%04x", random() & 0xffffffff,
		 random() & 0xffffffff, gpu);
	json_object_set_new(state, "type", json_string("manual"));
	json_object_set_new(state, "expiry_time", time_of(clock_now_ns() + NS_PER_HOUR));
	json_object_set_new(state, "partial_queue_id", json_string(id));
	json_object_del(state, "expiry_exact");
	write_state(o, gpu, state);
	entry = json_pack("{s:s, s:s, s:s, s:i, s:[i], s:s, s:o, s:o}", "id", id, "user", o->name,
			  "actual_user", o->name, "requested_count", 2, "allocated_gpus", gpu,
			  "reservation_type", "manual", "enqueue_time", time_of(then_ns),
			  "last_heartbeat", time_of(then_ns));
	text = json_dumps(entry, JSON_COMPACT);
	DO(o, "SET canhazgpu:queue:entry:%s %s", id, text);
	DO(o, "ZADD canhazgpu:queue %lld %s", (long long)then_ns, id);
	free(text);
	json_decref(entry);
}

void other_leave(struct other_client *o, int gpu, enum leaving how)
{
	int64_t now_ns = clock_now_ns();
	json_t *state = read_state(o, gpu);

	/* No part of what the same reservation has elsewhere. */
	json_object_del(state, "reservation_id");
	if (how == LEFT_COLLECTED) {
		leave_collected(o, gpu, state);
		return;
	}
	json_object_del(state, "expiry_exact");
	json_object_del(state, "heartbeat_exact");
	json_object_set_new(state, "type", json_string(how == LEFT_EXPIRED ? "manual" : "run"));
	json_object_set_new(state, "expiry_time",
			    how == LEFT_EXPIRED ? json_integer(now_ns / NS_PER_SECOND - 1)
						: json_null());
	json_object_set_new(state, "start_time", json_integer(now_ns / NS_PER_SECOND - 3600));
	json_object_del(state, "start_exact");
	json_object_set_new(state, "last_heartbeat",
			    how == LEFT_EXPIRED ? json_null()
						: json_integer(now_ns / NS_PER_SECOND - 400));
	/* Nobody of ours looks after it. */
	json_object_del(state, "host");
	write_state(o, gpu, state);
}

void other_heartbeat(struct other_client *o, int gpu)
{
	json_t *state = read_state(o, gpu);
	const char *user = json_string_value(json_object_get(state, "user"));

	if (!user || strcmp(user, o->name) != 0) {
		fprintf(stderr, "other client %s: GPU %d is not mine any more but %s's\n", o->name,
			gpu, user ? user : "nobody");
		abort();
	}
	other_pause();
	json_object_set_new(state, "last_heartbeat", time_of(clock_now_ns()));
	write_state(o, gpu, state);
}

void other_release(struct other_client *o, int gpu)
{
	int64_t now_ns = clock_now_ns();
	char start[CLOCK_RFC3339_SIZE], end[CLOCK_RFC3339_SIZE];

	while (!lock(o))
		continue;
	other_pause();
	write_state(o, gpu,
		    json_pack("{s:n, s:n, s:n, s:o}", "start_time", "last_heartbeat", "expiry_time",
			      "last_released", time_of(now_ns)));
	DO(o,
	   "ZADD canhazgpu:usage_history_sorted %lld "
	   "{\"user\":\"%s\",\"gpu_id\":%d,\"start_time\":\"%s\",\"end_time\":\"%s\","
	   "\"duration_seconds\":0.001,\"reservation_type\":\"run\"}",
	   (long long)(now_ns / NS_PER_SECOND), o->name, gpu,
	   clock_rfc3339(now_ns - NS_PER_MS, start), clock_rfc3339(now_ns, end));
	DO(o, "EXPIRE canhazgpu:usage_history_sorted 7776000");
	DO(o, "DEL " LOCK);
}
