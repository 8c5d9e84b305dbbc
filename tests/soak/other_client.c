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

		if (is_free(state))
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
