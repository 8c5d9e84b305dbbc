/*
 * Sentinels watch over a primary and its replicas, and know which one is the primary. A Sentinel
 * may be away, or not have heard yet of a failover: the caller asks the next one then. See peers.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "store/redis/connection.h"

static int read_primary(const struct redis_connection *c, const redisReply *reply, const char *name,
			struct redis_place *ret_primary, struct err *e)
{
	int64_t port;

	if (reply->type == REDIS_REPLY_NIL)
		return err_set(e, ENOENT,
			       "the Sentinel at %s does not know a primary called '%s' (see its "
			       "'sentinel monitor')",
			       c->address->server, name);
	if (redis_expect_texts(c, reply, false, e) < 0)
		return -EPROTO;
	if (reply->elements != 2 || !*reply->element[0]->str ||
	    parse_int(reply->element[1]->str, 1, 65535, &port, NULL) < 0)
		return redis_makes_no_sense(c, e);
	*ret_primary = (struct redis_place){mem_strdup(reply->element[0]->str), (int)port};
	return 0;
}

int redis_sentinel_ask(const struct redis_address *a, size_t place, int64_t deadline_ns,
		       struct redis_place *ret_primary, struct err *e)
{
	const struct redis_place *sentinel = &a->places[place];
	AUTO_FREE char *server = mem_printf("%s:%d (a Sentinel)", sentinel->host, sentinel->port);
	int64_t left_ns = deadline_ns - clock_monotonic_ns();
	const struct redis_address address = {
		.tls = a->tls,
		.places = &a->places[place],
		.places_count = 1,
		.login = a->sentinel_login,
		.ca_file = a->ca_file,
		.connect_ns = left_ns,
		.call_ns = left_ns,
		.server = server,
	};
	AUTO(redis_connection_clear) struct redis_connection c;
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	int r;

	redis_connection_init(&c, &address);
	REDIS_ADD(&c, "SENTINEL", "get-master-addr-by-name", a->primary);
	r = redis_ask(&c, &reply, e);
	return r < 0 ? r : read_primary(&c, reply, a->primary, ret_primary, e);
}
