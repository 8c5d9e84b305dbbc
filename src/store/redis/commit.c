/*
 * A commit: the changes are applied in order to a draft of the slots as they were seen, and what
 * the draft has become is sent to the server in one script, with the marks that must still be there
 * (commit.lua). Only the last state of each slot is written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"
#include "store/redis/draft.h"

/* The other program holds its lock for at most 10 s: it expires. */
#define LOCK_LIMIT_NS (12 * NS_PER_SECOND)
#define LOCK_PAUSE_US 20000
/* A commit that names its time is decided again where it is delayed by more. */
#define LAPSE_DELAY_NS (100 * NS_PER_MS)

static int changed_meanwhile(struct err *e)
{
	return err_set(e, EAGAIN,
		       "the pool was changed by somebody else in the meantime: try "
		       "again");
}

static int unknown_gpu(const struct redis_draft *d, int gpu, struct err *e)
{
	return err_set(e, EINVAL, "GPU %d is not one of the %zu GPUs of the pool", gpu,
		       d->init ? d->init->gpus_count : d->seen->slots_count);
}

/* The draft of a slot that must be as seen; NULL with e filled where the pool has none. */
static struct redis_draft_slot *compare(struct redis_draft *d, int gpu, struct err *e)
{
	/* All slots of a pool that this commit makes are touched. */
	if (d->init && gpu >= 0 && (size_t)gpu < d->init->gpus_count)
		return &d->slots[gpu];
	if (d->init || gpu < 0 || (size_t)gpu >= d->seen->slots_count ||
	    !d->seen->slots[gpu].version) {
		unknown_gpu(d, gpu, e);
		return NULL;
	}
	d->slots[gpu].compared = true;
	return &d->slots[gpu];
}

/* The same of a slot that a change touches. */
static struct redis_draft_slot *touch(struct redis_draft *d, int gpu, struct err *e)
{
	struct redis_draft_slot *slot = compare(d, gpu, e);

	if (slot)
		slot->touched = true;
	return slot;
}

/* Without an id, as another program leaves it, a reservation is known by its GPU and its start. */
static bool is_same(const struct reservation *a, const struct reservation *b)
{
	if (!a || strcmp(a->id, b->id) != 0)
		return false;
	return *a->id || a->start_ns == b->start_ns;
}

static int grant(struct redis_draft *d, const struct reservation *v, struct err *e)
{
	for (size_t i = 0; i < v->gpus_count; i++) {
		struct redis_draft_slot *slot = touch(d, v->gpus[i], e);

		if (!slot)
			return -EINVAL;
		if (slot->reservation || (!d->init && d->seen->slots[v->gpus[i]].problem))
			return err_set(e, EINVAL, "GPU %d cannot be granted: it is not free",
				       v->gpus[i]);
		slot->reservation = v;
		slot->activity = (struct activity){0};
	}
	return 0;
}

static int not_the_owner(const struct reservation *r, int gpu, struct err *e)
{
	return err_set(e, EAGAIN, "GPU %d is not held by reservation %s any more", gpu, r->id);
}

static int end(struct redis_draft *d, const struct change_end *c, struct err *e)
{
	for (size_t i = 0; i < c->gpus_count; i++) {
		struct redis_draft_slot *slot = touch(d, c->gpus[i], e);

		if (!slot)
			return -EINVAL;
		if (!is_same(slot->reservation, c->reservation))
			return not_the_owner(c->reservation, c->gpus[i], e);
		if (!c->unrecorded)
			redis_draft_record(d, slot->reservation, c, c->gpus[i]);
		slot->reservation = NULL;
		slot->activity = (struct activity){0};
		slot->last_released_ns = c->end_ns;
		slot->released_base = c->reservation->base;
		slot->lapsed_ns = c->lapsed_ns;
		if (c->lapsed_ns != TIME_NONE)
			d->lapsed_ns = c->lapsed_ns;
	}
	return 0;
}

static int renew(struct redis_draft *d, const struct reservation *v, struct err *e)
{
	for (size_t i = 0; i < v->gpus_count; i++) {
		struct redis_draft_slot *slot = touch(d, v->gpus[i], e);

		if (!slot)
			return -EINVAL;
		if (!is_same(slot->reservation, v))
			return not_the_owner(v, v->gpus[i], e);
		slot->reservation = v;
	}
	return 0;
}

static int drain(struct redis_draft *d, const struct change_drain *c, struct err *e)
{
	for (size_t i = 0; i < c->gpus_count; i++) {
		struct redis_draft_slot *slot = compare(d, c->gpus[i], e);

		if (!slot)
			return -EINVAL;
		slot->drain = c;
		/* Its state is written again, so that a decision that did not see the drain no
		   longer applies. An unreadable one stays as it is: such a GPU is not granted. */
		slot->touched |= d->init || !d->seen->slots[c->gpus[i]].problem;
	}
	return 0;
}

static int check(struct redis_draft *d, const struct change_check *c, struct err *e)
{
	for (size_t i = 0; i < c->gpus_count; i++) {
		if (!compare(d, c->gpus[i], e))
			return -EINVAL;
	}
	return 0;
}

/* Recreating the pool touches every slot, and must find the reservations of all ended. */
static int init(struct redis_draft *d, const struct change_init *c, struct err *e)
{
	if (!c->gpus_count || c->gpus_count > POOL_GPUS_MAX)
		return err_set(e, EINVAL, "a pool has 1 to %d GPUs, not %zu", POOL_GPUS_MAX,
			       c->gpus_count);
	for (size_t i = 0; i < d->seen->slots_count; i++) {
		if (d->slots[i].reservation)
			return err_set(e, EINVAL, "reservation %s was not ended",
				       d->slots[i].reservation->id);
	}
	for (size_t i = 0; i < d->seen->queue_count; i++) {
		if (!redis_draft_has(d, d->seen->queue[i].id))
			return err_set(e, EINVAL, "queue entry %s was not ended",
				       d->seen->queue[i].id);
	}
	redis_draft_make(d, c);
	return 0;
}

static int set_units(struct redis_draft *d, const struct change_units *c, struct err *e)
{
	size_t before = d->init ? d->init->gpus_count : d->seen->slots_count;

	if (c->count < before || c->count > POOL_GPUS_MAX || (d->init && c->count > before))
		return err_set(e, EINVAL, "the pool has %zu to %d GPUs, not %zu", before,
			       POOL_GPUS_MAX, c->count);
	redis_draft_set_units(d, c);
	return 0;
}

static int apply(struct redis_draft *d, const struct change *c, struct err *e)
{
	size_t gpus;

	change_gpus(c, &gpus);
	if (!gpus && change_needs_gpus(c->kind))
		return err_set(e, EINVAL, "a change of a reservation names no GPU");
	if (!d->seen->initialized && !d->init && c->kind != CHANGE_INIT)
		return err_set(e, EINVAL, "the pool is not initialized");
	switch (c->kind) {
	case CHANGE_INIT:
		return init(d, &c->init, e);
	case CHANGE_GRANT:
		return grant(d, c->grant.reservation, e);
	case CHANGE_END:
		return end(d, &c->end, e);
	case CHANGE_RENEW:
		return renew(d, c->renew.reservation, e);
	case CHANGE_PUT:
		return redis_draft_entry(d, c->put.entry, true, e);
	case CHANGE_DROP:
		return redis_draft_entry(d, c->drop.entry, false, e);
	case CHANGE_DRAIN:
		return drain(d, &c->drain, e);
	case CHANGE_CHECK:
		return check(d, &c->check, e);
	case CHANGE_IGNORE:
		redis_draft_ignore(d, &c->ignore);
		return 0;
	case CHANGE_TOPOLOGY:
		d->topology = &c->topology;
		return 0;
	case CHANGE_UNITS:
		return set_units(d, &c->units, e);
	case CHANGE_HOST:
		d->host = c->host.host;
		return 0;
	case CHANGE_ACTIVITY:
		redis_draft_activity(d, &c->activity);
		return 0;
	case CHANGE_MARK:
		redis_draft_mark(d, &c->mark);
		return 0;
	case CHANGE_EVENT:
		redis_draft_event(d, c->event.event);
		return 0;
	}
	return err_set(e, EINVAL, "unknown change %d", (int)c->kind);
}

/* The holder of the lock is about to change what we have read, or its lock expires within 10 s.
   Pauses have a random length, so that the waiting processes do not all retry at once. */
static int wait_for_lock(const struct redis_store *s, int64_t deadline_ns, struct err *e)
{
	struct timespec pause = {.tv_nsec = 1000};
	unsigned random = 0;

	if (clock_monotonic_ns() > deadline_ns)
		return err_set(e, ETIMEDOUT,
			       "Redis at %s: another program has held " REDIS_KEY_LOCK
			       " for too long (if none is running: redis-cli DEL " REDIS_KEY_LOCK
			       ")",
			       s->address.server);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (unsigned)clock_monotonic_ns();
	pause.tv_nsec *= 1000 + random % LOCK_PAUSE_US;
	nanosleep(&pause, NULL);
	return 0;
}

/* Sends the draft until the server says that it is done, or that it does not fit any more. */
static int send_draft(struct redis_store *s, struct redis_draft *d, struct err *e)
{
	int64_t deadline_ns = clock_monotonic_ns() + LOCK_LIMIT_NS;
	int r;

	do {
		AUTO(redis_reply_clear) redisReply *reply = NULL;

		/* What it says of the time of the commit would not be true any more. */
		if (d->lapsed_ns != TIME_NONE && clock_now_ns() - d->lapsed_ns > LAPSE_DELAY_NS)
			return changed_meanwhile(e);
		r = redis_run_script(s, &redis_script_commit, d->count, d->words, NULL, &reply, e);
		if (r < 0 && s->connection.sent && (r == -ETIMEDOUT || s->connection.fd < 0))
			err_add_outcome_unknown(e);
		if (r < 0)
			return r;
		if (reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_STRING)
			return redis_makes_no_sense(&s->connection, e);
		if (!strcmp(reply->str, "done"))
			return 0;
		if (!strcmp(reply->str, "changed"))
			return changed_meanwhile(e);
		r = wait_for_lock(s, deadline_ns, e);
	} while (r == 0);
	return r;
}

/* A recreated pool forgets all entries, and names their keys: the script finds out if one has
   joined since. What is wrong with the queue it says itself. */
static int read_queue(struct redis_store *s, struct redis_draft *d, struct err *e)
{
	int r;

	REDIS_ADD(&s->connection, "ZRANGE", REDIS_KEY_QUEUE, "0", "-1");
	r = redis_exchange(&s->connection, &d->queue, 1, e);
	if (r < 0)
		return r;
	if (d->queue->type == REDIS_REPLY_ERROR)
		redis_reply_clear(&d->queue);
	return d->queue ? redis_expect_texts(&s->connection, d->queue, false, e) : 0;
}

int redis_commit(struct store *base, const struct pool_state *seen, const struct change *changes,
		 size_t count, struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_draft_clear) struct redis_draft d = {0};
	int r = 0;

	redis_reply_clear(&s->loaded);
	if (!count)
		return 0;
	redis_draft_init(&d, seen);
	d.quiet = store_is_quiet(changes, count);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = apply(&d, &changes[i], e);
	if (r == 0 && d.init)
		r = read_queue(s, &d, e);
	if (r < 0)
		return r;
	redis_draft_finish(&d);
	return send_draft(s, &d, e);
}
