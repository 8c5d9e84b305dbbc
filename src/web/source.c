/* The documents, from the pool or from the simulation; see source.h. */
#include "web/source.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/host_options.h"
#include "host/process.h"
#include "pool/look.h"
#include "pool/policy_settings.h"
#include "pool/report.h"
#include "pool/timeline.h"
#include "slurm/nodes.h"
#include "slurm/read.h"
#include "slurm/snapshot.h"
#include "slurm/usage.h"
#include "view/events.h"
#include "view/queue.h"
#include "view/report.h"
#include "view/status.h"
#include "web/demo.h"
#include "web/host_row.h"

/* The page's link to the documentation, unless the settings have another: a file of this server, so
   that it works where there is no other network. */
#define DOCUMENTATION "guide.html"

/* Which GPUs jobs had is not in Slurm's accounting. */
#define SLURM_PAST                                                                        \
	"Slurm does not keep which GPUs a job has had: only what runs and what waits is " \
	"shown here, the report has the rest."

/* No more events than that in a document, and in what one refresh sends to the streams. */
#define EVENTS_MAX 1000
#define EVENTS_SENT_MAX 100

int source_open(struct source *s, struct err *e)
{
	s->events_ns = clock_now_ns();
	metrics_init(&s->metrics, s->events_ns);
	s->host = settings_new_host();
	s->reload = reload_new(s->host);
	return s->config->demo || s->config->slurm ? 0 : pool_open(s->config->pool, &s->pool, e);
}

void source_close(struct source *s)
{
	s->pool = pool_close(s->pool);
	s->reload = reload_free(s->reload);
	s->host = settings_free(s->host);
	metrics_clear(&s->metrics);
}

void source_texts_clear(struct source_texts *t)
{
	for (int i = 0; i < ANSWER_TEXTS; i++)
		str_clear(&t->texts[i]);
}

static int add_chunk(const char *bytes, size_t length, void *text)
{
	str_add_bytes(text, bytes, length);
	return 0;
}

/* Adds a document, which is used up, as `status --json` and `report --json` print it. */
static int add_document(struct str *text, json_t *document, struct err *e)
{
	int r = document ? json_dump_callback(document, add_chunk, text,
					      JSON_COMPACT | JSON_REAL_PRECISION(15) |
						      JSON_ENSURE_ASCII)
			 : -1;

	json_decref(document);
	str_add(text, "\n");
	return r < 0 ? err_set(e, EIO, "cannot write a document") : 0;
}

/* ---- the pool ---- */

/* A server runs for months: the host's limits, and the GPUs that are kept out, are those of the
   moment. With a mistake in the file they are those before, and every command tells of it. What the
   server was given at its start is old for a process that begins later. */
static void follow_host(struct source *s)
{
	struct pool_config config = *s->config->pool; /* borrowed, but for the policy */
	const struct settings *fresh = NULL;
	AUTO_FREE char *line = NULL;
	struct err e = {0};
	int r = reload_read(s->reload, clock_monotonic_ns(), &fresh, &e);

	if (r > 0 || (r == 0 && !s->follows_host)) {
		config.policy = pool_policy_from(fresh ? fresh : s->host);
		pool_reconfigure(s->pool, &config);
		plan_policy_clear(&config.policy);
		s->follows_host = true;
	}
	if (r != 0)
		line = reload_settle(s->reload, r < 0 ? r : 0, &e);
}

/* The cluster. An answer that some process of this account has had a moment ago will do. */
static int slurm_now(struct snapshot *ret_snapshot, struct err *e)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO_FREE char *warning = NULL;
	int r = slurm_read_shared(&c, &warning, e);

	if (r < 0)
		return r;
	slurm_snapshot(&c, clock_now_ns(), ret_snapshot);
	ret_snapshot->warning = mem_steal(&warning);
	return 0;
}

static int snapshot(struct source *s, struct snapshot *ret_snapshot, struct err *e)
{
	int r = 0;

	if (s->config->slurm) {
		r = slurm_now(ret_snapshot, e);
		if (r == 0)
			slurm_nodes_ask(s->config->nodes, ret_snapshot);
		return r;
	}
	if (!s->pool)
		demo_snapshot(clock_now_ns(), s->config->demo_gpus, ret_snapshot);
	else
		follow_host(s);
	if (s->pool)
		r = pool_snapshot(s->pool, ret_snapshot, e);
	if (r == 0 && s->pool)
		pool_forecast_snapshot(s->pool, ret_snapshot);
	return r;
}

static void set_text(json_t *object, const char *name, const char *text)
{
	AUTO_FREE char *valid = text_utf8(text);

	json_object_set_new(object, name, valid ? json_string(valid) : json_null());
}

/* The caller frees it. */
static char *own_name(const struct source *s)
{
	return s->config->demo ? mem_strdup("demo") : host_name();
}

static json_t *host_json(const struct source *s, const struct snapshot *snap)
{
	AUTO_FREE char *host = own_name(s);
	const struct scan *scan = &snap->seen.scan;
	json_t *object = json_object();

	set_text(object, "host", host);
	set_text(object, "version", CANHAZGPU_VERSION);
	json_object_set_new(object, "gpus", json_integer((json_int_t)snap->views_count));
	set_text(object, "provider", scan->provider ? scan->provider : snap->state.provider);
	set_text(object, "driver_version", scan->driver_version);
	json_object_set_new(object, "demo", json_boolean(s->config->demo));
	set_text(object, "warning", snap->warning);
	json_object_set_new(object, "interval_seconds",
			    json_real((double)s->config->interval_ns / 1e9));
	set_text(object, "documentation",
		 s->config->documentation_url ? s->config->documentation_url : DOCUMENTATION);
	set_text(object, "source", s->config->source_url);
	return object;
}

/* FNV-1a: two snapshots that show the same have the same; nobody gains from making them collide. */
static uint64_t hash(uint64_t value, const struct str *text)
{
	for (size_t i = 0; i < text->length; i++)
		value = (value ^ (unsigned char)text->text[i]) * UINT64_C(0x100000001b3);
	return value;
}

/*
 * A number for what the snapshot shows. The documents are made once more as if the time were zero,
 * so that "5 s ago" is always the same.
 */
static int fingerprint(const struct source *s, struct snapshot *snap, uint64_t *ret_value,
		       struct err *e)
{
	AUTO(str_clear) struct str text = {0};
	int64_t now_ns = snap->now_ns;
	int r;

	snap->now_ns = 0;
	r = add_document(&text, view_status_json(snap), e);
	if (r == 0)
		r = add_document(&text, view_queue_json(snap), e);
	if (r == 0)
		r = add_document(&text, host_json(s, snap), e);
	snap->now_ns = now_ns;
	*ret_value = hash(UINT64_C(0xcbf29ce484222325), &text);
	return r;
}

/* What has happened since the last refresh, as messages of a stream. A store that tells no events
   keeps nobody from the documents. */
static void add_news(struct source *s, struct str *text)
{
	static const struct event_filter all;
	AUTO(event_list_clear) struct event_list list = {0};
	struct err e = {0};

	if (!s->pool || pool_events(s->pool, &all, s->events_ns, *s->event ? s->event : NULL,
				    EVENTS_SENT_MAX, &list, &e) < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		struct json_out o = {.to = text, .ascii = true};

		str_addf(text, "event: log\nid: %s\ndata: ", list.events[i].id);
		view_event_json(&o, &list.events[i], false);
		str_add(text, "\n\n");
		memcpy(s->event, list.events[i].id, sizeof(s->event));
	}
}

/* The documents, and this host's row in the list of hosts. */
static int add_documents(struct source *s, const struct snapshot *snap, struct source_texts *t,
			 struct err *e)
{
	json_t *gpus = view_status_json(snap), *queue = view_queue_json(snap);
	AUTO_FREE char *host = own_name(s);
	json_t *row = host_row_json(&(struct host_row){
		.name = host,
		.version = CANHAZGPU_VERSION,
		.status = FOLLOW_UP,
		.gpus = gpus,
		.entries = json_object_get(queue, "entries"),
	});
	int r = add_document(&t->texts[ANSWER_ROWS], row, e);

	if (r == 0)
		r = add_document(&t->texts[ANSWER_STATUS], json_incref(gpus), e);
	if (r == 0)
		r = add_document(&t->texts[ANSWER_QUEUE], json_incref(queue), e);
	if (r == 0)
		r = add_document(&t->texts[ANSWER_HOST], host_json(s, snap), e);
	json_decref(gpus);
	json_decref(queue);
	return r;
}

int source_refresh(struct source *s, struct source_texts *ret_texts, struct err *e)
{
	AUTO(snapshot_clear) struct snapshot snap = {0};
	AUTO(timeline_clear) struct timeline since = {0};
	int64_t begin_ns = clock_now_ns();
	int r = snapshot(s, &snap, e);

	if (r < 0)
		return r;
	r = fingerprint(s, &snap, &ret_texts->fingerprint, e);
	if (r == 0)
		r = add_documents(s, &snap, ret_texts, e);
	if (r < 0)
		return r;
	/* What was reserved since the last refresh, for a counter that loses nothing. */
	if (s->pool)
		pool_timeline_of(s->pool, &snap.state, s->metrics.counted_ns, snap.now_ns, &since,
				 NULL);
	else if (s->config->slurm)
		timeline_init(&since, s->metrics.counted_ns, snap.now_ns, snap.views_count);
	else
		demo_timeline(s->metrics.counted_ns, snap.now_ns, s->config->demo_gpus, &since);
	if (s->pool)
		pool_look_snapshot(s->pool, &snap, NULL);
	add_news(s, &ret_texts->texts[ANSWER_EVENTS]);
	metrics_count(&s->metrics, &since);
	metrics_write(&s->metrics, &snap, begin_ns, &ret_texts->texts[ANSWER_METRICS]);
	return 0;
}

/* ---- the history ---- */

/* The period of a question: see QUESTION_MONTHS. */
static int question_period(int days, struct period *ret_period, struct err *e)
{
	int64_t now_ns = clock_now_ns();
	char month[16];
	int months = days - QUESTION_MONTHS;

	if (days <= QUESTION_DAYS_MAX) {
		*ret_period = period_of_days(days, now_ns);
		return 0;
	}
	snprintf(month, sizeof(month), "%04d-%02d", months / 12, months % 12 + 1);
	return period_of_month(month, now_ns, ret_period, e);
}

int source_report(struct source *s, int days, enum usage_by by, struct str *ret_text, struct err *e)
{
	AUTO(report_clear) struct report report = {0};
	struct report_request request = {.by = by, .idle = true};
	int r = question_period(days, &request.period, e);

	if (r < 0)
		return r;
	if (s->config->slurm)
		r = slurm_usage(&request, &report, e);
	else if (s->pool)
		r = pool_report(s->pool, &request, &report, e);
	else
		demo_report(&request.period, by, s->config->demo_gpus, &report);
	return r < 0 ? r : add_document(ret_text, view_report_json(&report), e);
}

/* Those that run. */
static int slurm_timeline(int64_t from_ns, int64_t now_ns, struct timeline *ret_timeline,
			  struct err *e)
{
	AUTO(snapshot_clear) struct snapshot snap = {0};
	int r = slurm_now(&snap, e);

	if (r < 0)
		return r;
	timeline_init(ret_timeline, from_ns, now_ns, snap.views_count);
	for (size_t i = 0; i < snap.state.reservations_count; i++)
		timeline_add_running(ret_timeline, snap.state.reservations[i], now_ns);
	return 0;
}

int source_timeline(struct source *s, int days, struct str *ret_text, struct err *e)
{
	AUTO(timeline_clear) struct timeline t = {0};
	int64_t now_ns = clock_now_ns(), from_ns = now_ns - days * NS_PER_DAY;
	json_t *document;
	int r = 0;

	if (s->config->slurm)
		r = slurm_timeline(from_ns, now_ns, &t, e);
	else if (s->pool)
		r = pool_timeline(s->pool, from_ns, now_ns, &t, e);
	else
		demo_timeline(from_ns, now_ns, s->config->demo_gpus, &t);
	if (r < 0)
		return r;
	document = view_timeline_json(&t);
	if (s->config->slurm)
		set_text(document, "note", SLURM_PAST);
	return add_document(ret_text, document, e);
}

int source_events(struct source *s, int days, struct str *ret_text, struct err *e)
{
	static const struct event_filter all;
	AUTO(event_list_clear) struct event_list list = {0};
	int64_t since_ns = clock_now_ns() - days * NS_PER_DAY;
	struct json_out o = {.to = ret_text, .ascii = true};
	int r = 0;

	if (s->config->slurm)
		return err_set(e, EOPNOTSUPP,
			       "there are no events with Slurm: what happened to jobs is in its "
			       "accounting ('sacct')");
	if (s->pool)
		r = pool_events(s->pool, &all, since_ns, NULL, EVENTS_MAX, &list, e);
	if (r < 0)
		return r;
	view_events_json_begin(&o);
	for (size_t i = 0; i < list.count; i++)
		view_event_json(&o, &list.events[i], false);
	view_events_json_end(&o, list.cut);
	return 0;
}

int source_watch(struct source *s)
{
	return s->pool ? pool_watch(s->pool) : -1;
}

bool source_watch_drain(struct source *s)
{
	return pool_watch_drain(s->pool);
}
