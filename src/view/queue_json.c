/* The document of `queue --json`; see queue.h. */
#include "view/queue.h"

#include "view/json.h"

/* The names of the existing program, whose users have scripts. */
static void set_inherited(json_t *object, const struct queue_entry *q, int64_t since_ns)
{
	json_object_set_new(object, "requested_count",
			    json_integer((json_int_t)plan_entry_count(q)));
	json_object_set_new(object, "allocated_gpus",
			    view_json_ids(q->collected, q->collected_count));
	json_object_set_new(object, "reservation_type",
			    json_string(reservation_type_name(q->type)));
	json_object_set_new(object, "enqueue_time", view_json_time(since_ns));
}

static json_t *entry_json(const struct snapshot *s, size_t place)
{
	const struct waiter_view *view = s->waiters ? &s->waiters[place] : NULL;
	const struct queue_entry *q = &s->state.queue[place];
	int64_t now_ns = s->now_ns;
	int64_t since_ns = plan_waits_since_ns(q);
	int64_t waited_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	json_t *object = json_object();

	json_object_set_new(object, "id", view_json_text(q->id));
	json_object_set_new(object, "position", json_integer((json_int_t)place + 1));
	json_object_set_new(object, "state", json_string(view_waiter_state(s, place)));
	json_object_set_new(object, "user", view_json_text(q->user));
	json_object_set_new(object, "account", view_json_text(q->account));
	json_object_set_new(object, "type", json_string(reservation_type_name(q->type)));
	json_object_set_new(object, "requested", json_integer((json_int_t)plan_entry_count(q)));
	json_object_set_new(object, "requested_ids",
			    q->requested_ids
				    ? view_json_ids(q->requested_ids, q->requested_ids_count)
				    : json_null());
	if (q->gpu_type)
		json_object_set_new(object, "gpu_type", view_json_text(q->gpu_type));
	if (q->min_memory_mb)
		json_object_set_new(object, "min_memory_mb", json_integer(q->min_memory_mb));
	if (q->eligible)
		json_object_set_new(object, "eligible_ids",
				    view_json_ids(q->eligible, q->eligible_count));
	json_object_set_new(object, "allocated", view_json_ids(q->collected, q->collected_count));
	json_object_set_new(object, "waiting_since", view_json_time(since_ns));
	json_object_set_new(object, "waiting_seconds", json_integer(waited_ns / NS_PER_SECOND));
	json_object_set_new(object, "waiting_for", view_json_text(view ? view->awaits : NULL));
	json_object_set_new(object, "estimated_start",
			    view_json_estimate(view ? view->start_ns : TIME_NONE));
	json_object_set_new(object, "note", view_json_text(q->note && *q->note ? q->note : NULL));
	set_inherited(object, q, since_ns);
	if (view && view->passed_over)
		json_object_set_new(object, "passed_over", view_json_text(view->passed_over));
	return object;
}

json_t *view_queue_json(const struct snapshot *s)
{
	json_t *document = json_object(), *entries = json_array();
	size_t requested = 0, collected = 0;

	for (size_t i = 0; i < s->state.queue_count; i++) {
		requested += plan_entry_count(&s->state.queue[i]);
		collected += s->state.queue[i].collected_count;
		json_array_append_new(entries, entry_json(s, i));
	}
	json_object_set_new(document, "entries", entries);
	json_object_set_new(document, "total_waiting",
			    json_integer((json_int_t)s->state.queue_count));
	json_object_set_new(document, "total_gpus_requested", json_integer((json_int_t)requested));
	json_object_set_new(document, "total_gpus_allocated", json_integer((json_int_t)collected));
	return document;
}
