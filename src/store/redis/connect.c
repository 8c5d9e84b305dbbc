/* Connecting to the primary; see connect.h. Called by connection.c. */
#include "store/redis/connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/redis/tls.h"

/* A connection is checked when it is used, this long after the last time. */
#define CHECK_NS (1900 * NS_PER_MS)
/* Name servers that do not answer make every call slow: they are left alone for this long. */
#define LOOK_UP_AGAIN_NS (30 * NS_PER_SECOND)

/* ---- what is said besides the batch ---- */

static bool is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && !strcmp(reply->str, text);
}

/* Asks for the role, and tries to write nothing: that is allowed where ROLE is not, and shows what
   matters. */
static void add_role(struct redis_connection *c)
{
	REDIS_ADD(c, "ROLE");
	REDIS_ADD(c, "DEL", REDIS_KEY_NEVER);
}

static bool is_primary(redisReply *const replies[2])
{
	if (replies[0]->type == REDIS_REPLY_ARRAY && replies[0]->elements &&
	    (is_text(replies[0]->element[0], "slave") ||
	     is_text(replies[0]->element[0], "sentinel")))
		return false;
	return redis_remedy_of(replies[1]) != REDIS_MOVE;
}

/* User and password (NULL: none) and database, before anything else is sent: a command must never
   reach another database because SELECT failed behind its back. Gives the number of commands. */
static size_t add_introduction(struct redis_connection *c, const char *password)
{
	const struct redis_address *a = c->address;
	char db[16];

	if (password && a->login.user)
		REDIS_ADD(c, "AUTH", a->login.user, password);
	else if (password)
		REDIS_ADD(c, "AUTH", password);
	snprintf(db, sizeof(db), "%d", a->db);
	if (a->db)
		REDIS_ADD(c, "SELECT", db);
	return (size_t)(password != NULL) + (a->db != 0);
}

/* 1 for the primary, or where it is not asked (`verify`); 0 for another server. */
static int introduce(struct redis_connection *c, const char *password, bool verify,
		     int64_t deadline_ns, struct err *e)
{
	struct str batch = c->out;
	redisReply *replies[4] = {NULL};
	bool primary = true;
	size_t count;
	int r = 0;

	c->out = (struct str){0};
	count = add_introduction(c, password);
	if (verify)
		add_role(c);
	if (count || verify)
		r = redis_round_trip(c, replies, count + (verify ? 2 : 0), deadline_ns, e);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (replies[i]->type == REDIS_REPLY_ERROR)
			r = password && i == 0 ? redis_refused_login(c, replies[i]->str, e)
					       : redis_refused(c, replies[i]->str, e);
	}
	if (r == 0 && verify)
		primary = is_primary(replies + count);
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
		redis_reply_clear(&replies[i]);
	str_clear(&c->out);
	c->out = batch;
	c->sent = false;
	return r < 0 ? r : primary;
}

/* ---- connecting ---- */

static int not_reached(const struct redis_address *a, const struct redis_peer *p, int r,
		       struct err *e)
{
	char name[REDIS_PEER_NAME_SIZE], where[REDIS_PEER_NAME_SIZE + 4] = "";

	redis_peer_name(p, name);
	if (a->primary)
		snprintf(where, sizeof(where), " at %s", name);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT,
			       "Redis at %s cannot be reached%s: no answer within %.1f s",
			       a->server, where, (double)a->connect_ns / (double)NS_PER_SECOND);
	return err_sys(e, -r,
		       "Redis at %s cannot be reached%s (is it running? is the store the right "
		       "one?)",
		       a->server, where);
}

/* 1 and 0 as introduce. */
static int connect_peer(struct redis_connection *c, const struct redis_peer *p, bool verify,
			int64_t deadline_ns, struct err *e)
{
	AUTO_FREE char *password = NULL;
	int r = redis_login_password(&c->address->login, &password, e);

	if (r < 0)
		return r;
	r = redis_peer_connect(p, deadline_ns, &c->fd);
	if (r < 0)
		return not_reached(c->address, p, r, e);
	c->owner = getpid();
	c->reader = redisReaderCreate();
	if (c->address->tls)
		r = redis_tls_open(c->fd, c->address, p->host, deadline_ns, &c->tls, e);
	if (r == 0)
		r = introduce(c, password, verify, deadline_ns, e);
	if (r < 0) {
		redis_connection_close(c);
		return r;
	}
	c->peer = *p;
	c->checked_ns = clock_monotonic_ns();
	c->generation++;
	return r;
}

/* Of the time that is left each gets its share. */
static int64_t share_until(int64_t deadline_ns, size_t parts)
{
	int64_t now_ns = clock_monotonic_ns();

	return now_ns + (deadline_ns - now_ns) / (int64_t)parts;
}

/* The primary among them; where there is none, and no Sentinel can name another, one that can at
   least be read. Of several failures the first is reported. */
static int connect_peers(struct redis_connection *c, const struct redis_peers *p,
			 int64_t deadline_ns, struct err *e)
{
	bool verify = !p->same && (c->address->primary || p->count > 1);
	const struct redis_peer *replica = NULL;
	int first = 0;

	for (size_t i = 0; i < p->count; i++) {
		int r = connect_peer(c, &p->list[i], verify, share_until(deadline_ns, p->count - i),
				     first ? NULL : e);

		if (r > 0)
			return 0;
		if (r == 0) {
			replica = &p->list[i];
			redis_connection_close(c);
		} else if (!first) {
			first = r;
		}
	}
	if (replica && c->address->primary)
		return err_set(e, EROFS,
			       "Redis at %s: what the Sentinel names is a replica (a failover may "
			       "be under way)",
			       c->address->server);
	if (replica) {
		first = connect_peer(c, replica, false, deadline_ns, e);
		return first < 0 ? first : 0;
	}
	return first;
}

static int connect_primary(struct redis_connection *c, struct err *e)
{
	const struct redis_address *a = c->address;
	int64_t deadline_ns = clock_monotonic_ns() + a->connect_ns;
	size_t places = a->primary ? a->places_count : 1;
	int r = -EHOSTUNREACH;

	/* A Sentinel that has not heard of a failover names the old primary: the next may know. */
	for (size_t i = 0; r < 0 && i < places; i++) {
		AUTO(redis_peers_clear) struct redis_peers peers = {0};
		size_t place = (c->place + i) % places;
		int64_t until_ns = share_until(deadline_ns, places - i);

		r = redis_peers_find(a, place, until_ns, &peers, e);
		if (r == 0)
			r = connect_peers(c, &peers, a->primary ? until_ns : deadline_ns, e);
		if (r == 0)
			c->place = place;
	}
	return r;
}

/* ---- the check ---- */

/* Each part of it has its own time: a name server may take more than there is for all. */
static int64_t check_until_ns(const struct redis_connection *c)
{
	return clock_monotonic_ns() + c->address->connect_ns / 2;
}

/* Whether the name, or the Sentinels, still lead there. Where neither answers, nothing is known. */
static bool is_named(struct redis_connection *c, int64_t deadline_ns)
{
	AUTO(redis_peers_clear) struct redis_peers peers = {0};

	if (c->address->path || clock_monotonic_ns() < c->look_up_again_ns)
		return true;
	if (redis_peers_find(c->address, c->place, deadline_ns, &peers, NULL) < 0) {
		c->look_up_again_ns =
			c->address->primary ? 0 : clock_monotonic_ns() + LOOK_UP_AGAIN_NS;
		c->place = (c->place + 1) % c->address->places_count;
		return true;
	}
	for (size_t i = 0; i < peers.count; i++) {
		if (redis_peer_is(&peers.list[i], &c->peer))
			return true;
	}
	return false;
}

static bool is_writable(struct redis_connection *c, int64_t deadline_ns)
{
	struct str batch = c->out;
	redisReply *replies[2] = {NULL};
	bool primary = false;

	c->out = (struct str){0};
	add_role(c);
	if (redis_round_trip(c, replies, 2, deadline_ns, NULL) == 0)
		primary = is_primary(replies);
	redis_reply_clear(&replies[0]);
	redis_reply_clear(&replies[1]);
	str_clear(&c->out);
	c->out = batch;
	c->sent = false;
	return primary;
}

static bool leads_there(struct redis_connection *c)
{
	if (clock_monotonic_ns() - c->checked_ns < CHECK_NS)
		return true;
	c->checked_ns = clock_monotonic_ns();
	return is_named(c, check_until_ns(c)) && is_writable(c, check_until_ns(c));
}

int redis_connect(struct redis_connection *c, struct err *e)
{
	if (c->fd >= 0 && (c->owner != getpid() || (!c->pinned && !leads_there(c))))
		redis_connection_close(c);
	if (c->fd >= 0)
		return 0;
	if (c->pinned) {
		int r = connect_peer(c, c->pinned, false,
				     clock_monotonic_ns() + c->address->connect_ns, e);

		return r < 0 ? r : 0;
	}
	return connect_primary(c, e);
}
