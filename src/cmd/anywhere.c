/*
 * `canhazgpu run --host any`: asks all hosts, takes the GPUs on the best one for a moment by a
 * manual reservation, and becomes the run there, which claims it. Where another request was faster,
 * the next host is tried; with --wait the run queues on the best one, after another look.
 */
#include "cmd/elsewhere.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "base/text.h"
#include "cmd/hold.h"
#include "cmd/hosts.h"
#include "cmd/notice.h"
#include "plan/destination.h"
#include "plan/kind.h"

/* How much longer other hosts are waited for than one that has what is asked for. */
#define PATIENCE_NS NS_PER_SECOND

/* The options of a run that a reservation has, too; they count from wherever they are set here, as
   the host was chosen by them. The first two are not about which GPUs. */
static const char *const wishes[] = {"note",       "user",   "gpus",      "type",
				     "min-memory", "linked", "same-numa", NULL};
#define WISHES_OF_CLAIM 2

/* Those, and what has no meaning or another one there. */
#define LEFT_OUT "note user gpus gpu-ids type min-memory linked same-numa wait nonblock host "

/* What cannot be asked of whichever host. */
static const char *const of_one_host[] = {"gpu-ids", "claim", NULL};

struct survey {
	struct hosts status, queues;
	struct destination *hosts; /* one for each */
	struct destination_choice *choices;
	size_t count;
};

static void survey_clear(struct survey *s)
{
	for (size_t i = 0; i < s->count; i++)
		free((void *)s->hosts[i].gpus);
	free(s->hosts);
	free(s->choices);
	hosts_clear(&s->status);
	hosts_clear(&s->queues);
	*s = (struct survey){0};
}

static void read_gpus(const json_t *rows, struct destination *host)
{
	size_t count = json_array_size(rows);
	struct destination_gpu *gpus = mem_alloc(count + 1, sizeof(*gpus));

	for (size_t i = 0; i < count; i++) {
		struct remote_gpu gpu;

		remote_gpu_read(json_array_get(rows, i), &gpu);
		if (gpu.state == REMOTE_OTHER || gpu.excluded)
			continue;
		gpus[host->count++] = (struct destination_gpu){
			.model = gpu.gpu_model,
			.memory_mb = gpu.memory_mb,
			.idle = gpu.state == REMOTE_AVAILABLE,
			.free_ns = hold_has(&gpu) ? TIME_NONE : gpu.ends_ns,
		};
	}
	host->gpus = gpus;
}

static void read_queue(const json_t *rows, struct destination *host)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct remote_request request;

		remote_request_read(json_array_get(rows, i), &request);
		if (request.requested > request.allocated)
			host->waiting += (size_t)(request.requested - request.allocated);
	}
}

/* Whether a host that has just answered has enough. (What others wait for there is not known yet.)
 */
struct wanted {
	const struct plan_request *request;
	size_t hosts;
};

static bool is_enough(const struct remote_call *call, size_t which, void *argument)
{
	const struct wanted *wanted = argument;
	struct destination host = {0};
	struct destination_choice choice = {.when = DESTINATION_NEVER};
	json_t *rows = NULL;

	if (which >= wanted->hosts || call->problem ||
	    remote_read(REMOTE_STATUS, str_text(&call->answer), call->answer.length, &rows, NULL) <
		    0)
		return false;
	read_gpus(rows, &host);
	plan_destinations(wanted->request, clock_now_ns(), &host, 1, 0, &choice);
	free((void *)host.gpus);
	json_decref(rows);
	return choice.when == DESTINATION_NOW;
}

/* Asks each host for its status and its queue, both at the same time; `thorough`: however long one
   takes. Those that were away before are not waited for again. */
static int survey_hosts(const struct invocation *in, const struct plan_request *request,
			bool thorough, const struct survey *before, struct survey *s, struct err *e)
{
	AUTO(hosts_question_clear)
	struct hosts_question status = {.topic = REMOTE_STATUS, .path = mem_strdup("/api/status")};
	AUTO(hosts_question_clear)
	struct hosts_question queue = {.topic = REMOTE_QUEUE, .path = mem_strdup("/api/queue")};
	struct wanted wanted = {.request = request};
	const struct remote_patience patience = {is_enough, &wanted, PATIENCE_NS};
	int64_t now_ns;
	int r = hosts_list(in, &s->status, e);

	if (r == 0)
		r = hosts_list(in, &s->queues, e);
	if (r < 0)
		return r;
	hosts_pass_over(&s->status, &before->status);
	hosts_pass_over(&s->queues, &before->queues);
	words_add(&status.words, "status");
	words_add(&status.words, "--json");
	words_add(&queue.words, "queue");
	words_add(&queue.words, "--json");
	wanted.hosts = s->status.list.count;
	hosts_ask_both(in, &s->status, &status, &s->queues, &queue, hosts_timeout_ns(in),
		       thorough ? NULL : &patience);
	now_ns = clock_now_ns();
	s->count = s->status.list.count;
	s->hosts = mem_alloc(s->count + 1, sizeof(*s->hosts));
	s->choices = mem_alloc(s->count + 1, sizeof(*s->choices));
	for (size_t i = 0; i < s->count; i++) {
		read_gpus(s->status.replies[i].document, &s->hosts[i]);
		read_queue(s->queues.replies[i].document, &s->hosts[i]);
	}
	plan_destinations(request, now_ns, s->hosts, s->count, (size_t)getpid(), s->choices);
	return 0;
}

/* "--NAME=VALUE" for a setting of the run that has a value. */
static void add_setting(const struct settings *s, const char *name, struct words *words)
{
	AUTO_FREE char *key = mem_printf("run.%s", name);
	const char *value = settings_text(s, key);
	AUTO_FREE char *word = value ? mem_printf("--%s=%s", name, value) : NULL;

	if (word)
		words_add(words, word);
}

static void add_wishes(const struct settings *s, size_t count, struct words *words)
{
	for (size_t i = 0; i < count && wishes[i]; i++)
		add_setting(s, wishes[i], words);
}

static bool waits(const struct settings *s)
{
	return settings_text(s, "run.wait") && !settings_flag(s, "run.nonblock");
}

/* Says where the run goes, and becomes it there: the one that claims this reservation, or where
   `claim` is NULL one that asks for GPUs itself. Returns only with an error. */
static int enter(const struct invocation *in, const struct remote *host, const char *claim,
		 struct err *e)
{
	AUTO(words_clear) struct words more = {0};

	if (claim)
		words_addf(&more, "--claim=%s", claim);
	add_wishes(in->settings, claim ? WISHES_OF_CLAIM : ARRAY_SIZE(wishes), &more);
	if (!claim && waits(in->settings))
		add_setting(in->settings, "wait", &more);
	notice("Using host %s\n", host->name);
	if (hosts_is_here(host->name))
		return elsewhere_become_here(in, LEFT_OUT, &more, e);
	return elsewhere_become(in, host, LEFT_OUT, &more, e);
}

/* Tries a host that seems to have what is asked for. 0: it has not, and *why says so. */
static int try_host(const struct invocation *in, const struct remote *host, struct str *why,
		    struct err *e)
{
	AUTO(words_clear) struct words words = {0};
	AUTO_FREE char *id = NULL, *problem = NULL;

	add_wishes(in->settings, ARRAY_SIZE(wishes), &words);
	switch (hold_take(in, host, &words, &id, &problem)) {
	case HOLD_TAKEN:
		return enter(in, host, id, e);
	case HOLD_UNABLE:
		return enter(in, host, NULL, e);
	case HOLD_REFUSED:
		break;
	}
	str_addf(why, "%s%s: %.200s", why->length ? "; " : "", host->name, problem);
	return 0;
}

/* Why each of the others was not even tried. */
static void add_reasons(const struct survey *s, struct str *why)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct destination_choice *c = &s->choices[i];
		const struct host_reply *reply = &s->status.replies[c->host];

		if (c->when == DESTINATION_NOW)
			continue;
		str_addf(why, "%s%s: ", why->length ? "; " : "", reply->name);
		if (!reply->document)
			str_addf(why, "away (%.120s)", reply->problem);
		else
			str_addf(why, "%zu free of %zu that would fit", c->idle, c->fitting);
	}
}

/* Whether a host was not waited for, which may have what the others had no more. */
static bool has_hurried(const struct survey *s)
{
	bool hurried = false;

	for (size_t i = 0; i < s->count; i++)
		hurried |= s->status.calls[i].hurried || s->queues.calls[i].hurried;
	return hurried;
}

/* Asks all, and tries those hosts that have enough, one after the other. `search` has what came
   before, and gets what has come of this. */
static int survey_and_try(const struct invocation *in, const struct plan_request *request,
			  struct destination_search *search, struct survey *s, struct str *why,
			  struct err *e)
{
	AUTO(survey_clear) struct survey before = *s;
	int64_t begun_ns = clock_monotonic_ns();
	int r;

	*s = (struct survey){0};
	r = survey_hosts(in, request, search->hurried, &before, s, e);
	search->looks++;
	search->look_ns = clock_monotonic_ns() - begun_ns;
	search->hurried = has_hurried(s);
	search->lost = false;
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		if (s->choices[i].when != DESTINATION_NOW)
			continue;
		search->lost = true;
		r = try_host(in, &s->status.list.items[s->choices[i].host], why, e);
	}
	return r;
}

static void pause_for(int64_t ns)
{
	struct timespec left = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};

	while (ns > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

/* Looks until a host has what is asked for, or none is worth another look. Returns 0 where none
   will do; *s is what was seen last. */
static int search(const struct invocation *in, const struct plan_request *request, struct survey *s,
		  struct str *why, struct err *e)
{
	struct destination_search search = {.waits = waits(in->settings)};
	unsigned short seed[3] = {(unsigned short)getpid(), (unsigned short)clock_monotonic_ns()};
	int64_t pause_ns;

	for (;;) {
		int r = survey_and_try(in, request, &search, s, why, e);

		if (r < 0)
			return r;
		switch (plan_destination_next(&search, s->count ? &s->choices[0] : NULL,
					      erand48(seed), &pause_ns)) {
		case DESTINATION_LOOK:
			break;
		case DESTINATION_QUEUE:
			return enter(in, &s->status.list.items[s->choices[0].host], NULL, e);
		case DESTINATION_REFUSE:
			return 0;
		}
		pause_for(pause_ns);
		str_clear(why);
	}
}

/* Whether any host has what is asked for, as soon as it is free; one that does not answer may have.
 */
static bool has_such(const struct survey *s)
{
	for (size_t i = 0; i < s->status.list.count; i++) {
		if (!s->status.replies[i].document)
			return true;
	}
	return s->count && s->choices[0].when != DESTINATION_NEVER;
}

int elsewhere_go_anywhere(const struct invocation *in, struct err *e)
{
	AUTO(survey_clear) struct survey s = {0};
	AUTO(str_clear) struct str why = {0};
	AUTO_FREE char *kind = NULL;
	const struct plan_request request = {
		.count = (int)settings_int(in->settings, "run.gpus"),
		.gpu_type = settings_text(in->settings, "run.type"),
		.min_memory_mb = settings_size_mb(in->settings, "run.min-memory"),
	};
	int r;

	for (size_t i = 0; of_one_host[i]; i++) {
		AUTO_FREE char *key = mem_printf("run.%s", of_one_host[i]);

		if (settings_is_set(in->settings, key))
			return err_usage(
				e,
				"--%s means GPUs of one host: name it instead of '" REMOTE_ANY "'",
				of_one_host[i]);
	}
	r = search(in, &request, &s, &why, e);
	if (r < 0)
		return r;
	add_reasons(&s, &why);
	kind = plan_kind_text(request.gpu_type, request.min_memory_mb);
	return err_set(e, EBUSY, "no host has %d %sGPU%s%s%s (%.700s)", request.count,
		       has_such(&s) ? "free " : "", str_plural((size_t)request.count),
		       *kind ? " " : "", kind, str_text(&why));
}
