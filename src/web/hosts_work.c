/*
 * Following other hosts; see hosts_work.h. The server asks for news, and is answered when there are
 * some: the documents of one host after the other, with the last of them the rows of all.
 */
#include "web/hosts_work.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "remote/follow.h"
#include "web/host_row.h"
#include "web/work.h"
#include "web/worker.h"

/* A question without news is answered after so long: the server sees that this process lives. */
#define PATIENCE_NS (10 * NS_PER_SECOND)
/* What comes at nearly the same time is done at once. */
#define BREATH_NS (25 * NS_PER_MS)
/* All rows are sent no more often, unless another host has answered for the first time. */
#define ROWS_NS (NS_PER_SECOND / 2)

struct hosts_work {
	const struct web_config *config;
	int fd;
	struct follower *follower; /* NULL: there is no libcurl */
	struct err problem;        /* why */
	json_t **rows;
	char **row_texts;
	struct question question;
	bool asked, fresh;         /* fresh: the server has not seen all rows */
	int64_t asked_ns, rows_ns; /* when it was asked last, and sent all rows */
	int undecided;             /* ... of which so many were not known */
};

static void add_json(struct str *text, const json_t *document)
{
	AUTO_FREE char *dump =
		json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII);

	str_addf(text, "%s\n", dump ? dump : "null");
}

static int64_t sum(const json_t *entries, const char *name)
{
	int64_t total = 0;

	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *member = json_object_get(json_array_get(entries, i), name);
		double value = json_is_array(member) ? (double)json_array_size(member)
						     : json_number_value(member);

		total += value > 0 && value < 1e6 ? (int64_t)value : 0;
	}
	return total;
}

static void add_queue(struct str *text, const json_t *entries)
{
	json_t *document = json_object();

	json_object_set_new(document, "entries", entries ? json_deep_copy(entries) : json_array());
	json_object_set_new(document, "total_waiting",
			    json_integer((json_int_t)json_array_size(entries)));
	json_object_set_new(document, "total_gpus_requested",
			    json_integer(sum(entries, "requested")));
	json_object_set_new(document, "total_gpus_allocated",
			    json_integer(sum(entries, "allocated")));
	add_json(text, document);
	json_decref(document);
}

/* What the host says of itself, under the name that it has here, and with what the page counts on.
 */
static void add_host(struct str *text, const char *name, const struct followed *known)
{
	static const char *const members[] = {"version",         "provider",      "driver_version",
					      "warning",         "documentation", "source",
					      "interval_seconds"};
	json_t *document = known->documents[FOLLOW_HOST]
				   ? json_deep_copy(known->documents[FOLLOW_HOST])
				   : json_object();

	json_object_set_new(document, "host", json_string(name));
	json_object_set_new(
		document, "gpus",
		json_integer((json_int_t)json_array_size(known->documents[FOLLOW_GPUS])));
	json_object_set_new(document, "demo",
			    json_boolean(json_is_true(json_object_get(document, "demo"))));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!json_object_get(document, members[i]))
			json_object_set_new(document, members[i], json_null());
	}
	add_json(text, document);
	json_decref(document);
}

static void set_row(struct hosts_work *w, size_t i, const struct followed *known)
{
	const struct web_host *host = &w->config->hosts[i];
	const json_t *about = known->documents[FOLLOW_HOST];

	json_decref(w->rows[i]);
	free(w->row_texts[i]);
	w->rows[i] = host_row_json(&(struct host_row){
		.name = host->name,
		.label = host->label,
		.url = host->url,
		.version = json_string_value(json_object_get(about, "version")),
		.status = known->status,
		.problem = known->problem,
		.seen_ns = known->seen_ns,
		.gpus = known->documents[FOLLOW_GPUS],
		.entries = known->documents[FOLLOW_QUEUE],
	});
	w->row_texts[i] = json_dumps(w->rows[i], JSON_COMPACT | JSON_ENSURE_ASCII);
}

/* Without libcurl all are away, for that reason. */
static void set_rows(struct hosts_work *w)
{
	struct followed none = {.status = w->follower ? FOLLOW_CONNECTING : FOLLOW_AWAY,
				.problem = w->problem.text};

	w->rows = mem_alloc(w->config->hosts_count + 1, sizeof(*w->rows));
	w->row_texts = mem_alloc(w->config->hosts_count + 1, sizeof(*w->row_texts));
	w->undecided = -1;
	for (size_t i = 0; i < w->config->hosts_count; i++)
		set_row(w, i, &none);
	w->fresh = true;
}

/* The rows as they stand between the brackets of a list. */
static void add_rows(const struct hosts_work *w, struct str *text)
{
	for (size_t i = 0; i < w->config->hosts_count; i++) {
		str_add(text, i ? "," : "");
		str_add(text, w->row_texts[i] ? w->row_texts[i] : "null");
	}
}

/* The documents of one host that is new. Returns its number, -1: none is. */
static int add_news(struct hosts_work *w, struct str *texts)
{
	struct followed known;
	size_t i;

	if (!w->follower || !follower_next(w->follower, &i, &known))
		return -1;
	set_row(w, i, &known);
	w->fresh = true;
	if (known.status == FOLLOW_UP) {
		add_json(&texts[ANSWER_STATUS], known.documents[FOLLOW_GPUS]);
		add_queue(&texts[ANSWER_QUEUE], known.documents[FOLLOW_QUEUE]);
		add_host(&texts[ANSWER_HOST], w->config->hosts[i].name, &known);
	} else if (known.status == FOLLOW_AWAY && known.problem) {
		str_add(&texts[ANSWER_EVENTS], known.problem);
	}
	return (int)i;
}

static int count_undecided(const struct hosts_work *w)
{
	return w->follower ? (int)follower_undecided(w->follower) : 0;
}

/* Whether the server gets all rows: what is new of hosts goes first. */
static bool rows_are_due(const struct hosts_work *w, int64_t now_ns)
{
	if (!w->fresh || (w->follower && follower_has_news(w->follower)))
		return false;
	return now_ns >= w->rows_ns + ROWS_NS || count_undecided(w) != w->undecided;
}

static bool reply(struct hosts_work *w)
{
	struct str texts[ANSWER_TEXTS] = {0};
	struct answer_head head = {.host = add_news(w, texts)};
	AUTO(str_clear) struct str whole = {0};

	head.undecided = count_undecided(w);
	if (rows_are_due(w, clock_monotonic_ns())) {
		w->rows_ns = clock_monotonic_ns();
		w->undecided = head.undecided;
		add_rows(w, &texts[ANSWER_ROWS]);
		host_rows_metrics(w->rows, w->config->hosts_count, &texts[ANSWER_METRICS]);
		w->fresh = false;
	}
	for (int i = 0; i < ANSWER_TEXTS; i++)
		head.lengths[i] = (uint32_t)texts[i].length;
	str_add_bytes(&whole, &head, sizeof(head));
	for (int i = 0; i < ANSWER_TEXTS; i++) {
		str_add(&whole, str_text(&texts[i]));
		str_clear(&texts[i]);
	}
	w->asked = false;
	return work_write(w->fd, whole.text, whole.length);
}

/* Whether there is a reason to answer now. */
static bool must_reply(const struct hosts_work *w, int64_t now_ns)
{
	return w->asked && (!w->question.days || rows_are_due(w, now_ns) ||
			    now_ns >= w->asked_ns + PATIENCE_NS ||
			    (w->follower && follower_has_news(w->follower)));
}

/* Waits until a time, or until there is a question or something on a connection. False: the server
   is gone. */
static bool wait_for_work(struct hosts_work *w, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	int64_t ms = until_ns <= now_ns ? 0 : (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	struct pollfd fds[] = {
		{.fd = w->fd, .events = POLLIN},
		{.fd = w->follower ? follower_fd(w->follower) : -1, .events = POLLIN}};

	poll(fds, 2, ms > 60000 ? 60000 : (int)ms);
	if (!fds[0].revents)
		return true;
	if (recv(w->fd, &w->question, sizeof(w->question), MSG_WAITALL) != sizeof(w->question))
		return false;
	w->asked = true;
	w->asked_ns = clock_monotonic_ns();
	if (w->follower)
		follower_want(w->follower, w->question.days != 0);
	return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void work_on_hosts(const struct web_config *config, int fd)
{
	struct hosts_work w = {.config = config, .fd = fd};
	const struct timespec breath = {.tv_nsec = BREATH_NS};
	int64_t until_ns = 0;

	if (follower_new(config->hosts_limit_ns, &w.follower, &w.problem) == 0) {
		for (size_t i = 0; i < config->hosts_count; i++) {
			const struct web_host *host = &config->hosts[i];
			const struct remote_server server = {host->url, host->token, host->ca_file};

			follower_add(w.follower, &server);
		}
	}
	set_rows(&w);
	while (wait_for_work(&w, until_ns)) {
		/* News that wait go before what makes more of them. */
		if (!must_reply(&w, clock_monotonic_ns())) {
			nanosleep(&breath, NULL);
			until_ns = w.follower ? follower_run(w.follower) : INT64_MAX;
		}
		if (must_reply(&w, clock_monotonic_ns()) && !reply(&w))
			break;
		if (w.asked)
			until_ns = earlier(until_ns, w.asked_ns + PATIENCE_NS);
		if (w.asked && w.fresh)
			until_ns = earlier(until_ns, w.rows_ns + ROWS_NS);
	}
	_exit(EXIT_SUCCESS);
}
