/* Events, marks and activity as JSON values; see json.h. No other program reads them. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_fields.h"
#include "base/mem.h"
#include "store/redis/json.h"

static json_t *parse(const char *text)
{
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- activity ---- */

struct stored_activity {
	char reservation_id[ID_SIZE];
	struct activity activity;
};

static const struct json_field activity_fields[] = {
	FIELD("reservation_id", struct stored_activity, reservation_id),
	FIELD("seen_ns", struct stored_activity, activity.seen_ns),
	FIELD("last_active_ns", struct stored_activity, activity.last_active_ns),
	FIELD("idle_since_ns", struct stored_activity, activity.idle_since_ns),
	FIELD("active_ns", struct stored_activity, activity.active_ns),
	FIELD("idle_ns", struct stored_activity, activity.idle_ns),
	FIELD("told_idle", struct stored_activity, activity.told_idle),
	FIELD("memory_mb", struct stored_activity, activity.memory_mb, .optional = true),
	FIELD("power_mw", struct stored_activity, activity.power_mw, .optional = true),
	FIELD("energy_mj", struct stored_activity, activity.energy_mj, .optional = true),
	FIELD("card", struct stored_activity, activity.card),
	FIELD("clock", struct stored_activity, activity.base.clock, .optional = true),
	FIELD("clock_offset_ns", struct stored_activity, activity.base.offset_ns),
	FIELDS_END,
};

void redis_json_read_activity(const char *text, struct slot *slot)
{
	json_t *document = parse(text);
	struct stored_activity stored = {0};

	if (json_fields_read(activity_fields, document, &stored) == 0 && slot->reservation &&
	    !strcmp(slot->reservation->id, stored.reservation_id))
		slot->activity = stored.activity;
	json_decref(document);
}

char *redis_json_write_activity(const struct change_activity *c)
{
	struct stored_activity stored = {.activity = c->activity};

	snprintf(stored.reservation_id, sizeof(stored.reservation_id), "%s", c->reservation_id);
	return json_fields_text(json_fields_write(activity_fields, &stored));
}

/* ---- marks ---- */

struct stored_mark {
	char *commit; /* the mark of the commit that has stored it: makes each value unique */
	struct mark mark;
};

static const struct json_field mark_fields[] = {
	FIELD("mark", struct stored_mark, commit, .optional = true),
	FIELD("since_ns", struct stored_mark, mark.since_ns),
	FIELD("seen_ns", struct stored_mark, mark.seen_ns),
	FIELD("warned_ns", struct stored_mark, mark.warned_ns),
	FIELD("acted_ns", struct stored_mark, mark.acted_ns),
	FIELD("text", struct stored_mark, mark.text, .optional = true),
	FIELD("clock", struct stored_mark, mark.base.clock, .optional = true),
	FIELD("offset_ns", struct stored_mark, mark.base.offset_ns, .optional = true),
	FIELDS_END,
};

void redis_json_read_mark(const char *key, const char *text, struct pool_state *state)
{
	json_t *document = parse(text);
	struct stored_mark stored = {0};

	/* One that cannot be read is there all the same: its subject was noticed. */
	(void)json_fields_read(mark_fields, document, &stored);
	stored.mark.key = mem_strdup(key);
	stored.mark.version = mem_strdup(text);
	pool_state_put_mark(state, &stored.mark, false);
	mark_clear(&stored.mark);
	free(stored.commit);
	json_decref(document);
}

char *redis_json_write_mark(const struct mark *mark, const char *commit)
{
	const struct stored_mark stored = {.commit = (char *)(uintptr_t)commit, .mark = *mark};

	return json_fields_text(json_fields_write(mark_fields, &stored));
}

/* ---- events ---- */

struct stored_event {
	char *kind;
	struct event event;
};

static const struct json_field event_fields[] = {
	FIELD("kind", struct stored_event, kind),
	FIELD("time_ns", struct stored_event, event.time_ns),
	FIELD("account", struct stored_event, event.account, .optional = true),
	FIELD("user", struct stored_event, event.user, .optional = true),
	FIELD("uid", struct stored_event, event.uid, .optional = true),
	FIELD("actor", struct stored_event, event.actor, .optional = true),
	FIELD_INTS("gpus", struct stored_event, event.gpus, event.gpus_count, .optional = true),
	FIELD("reservation_id", struct stored_event, event.reservation_id, .optional = true),
	FIELD("queue_id", struct stored_event, event.queue_id, .optional = true),
	FIELD("reason", struct stored_event, event.reason, .optional = true),
	FIELD("details", struct stored_event, event.details, .optional = true),
	FIELD("before", struct stored_event, event.before, .optional = true),
	FIELDS_END,
};

bool redis_json_read_event(const char *text, struct event *ret_event)
{
	json_t *document = parse(text);
	struct stored_event stored = {0};
	bool readable = json_fields_read(event_fields, document, &stored) == 0 &&
			event_kind_parse(stored.kind, &stored.event.kind);

	json_decref(document);
	free(stored.kind);
	if (readable)
		*ret_event = stored.event;
	else
		event_clear(&stored.event);
	return readable;
}

char *redis_json_write_event(const struct event *event)
{
	const struct stored_event stored = {
		.kind = (char *)(uintptr_t)event_kind_name(event->kind),
		.event = *event,
	};

	return json_fields_text(json_fields_write(event_fields, &stored));
}
