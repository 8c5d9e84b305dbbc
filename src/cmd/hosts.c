/* Which hosts are asked, and how; see hosts.h. */
#include "cmd/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/context.h"
#include "host/process.h"

void hosts_question_clear(struct hosts_question *q)
{
	words_clear(&q->words);
	free(q->path);
}

void hosts_clear(struct hosts *h)
{
	for (size_t i = 0; i < h->list.count; i++) {
		if (h->calls)
			remote_call_clear(&h->calls[i]);
		if (h->replies)
			json_decref(h->replies[i].document);
	}
	free(h->calls);
	free(h->replies);
	remotes_clear(&h->list);
	*h = (struct hosts){0};
}

static bool is_set(const struct invocation *in, const char *option)
{
	AUTO_FREE char *key = mem_printf("%s.%s", in->command->name, option);

	return settings_is_set(in->settings, key);
}

bool hosts_are_wanted(const struct invocation *in)
{
	return is_set(in, "all") || is_set(in, "host");
}

int64_t hosts_timeout_ns(const struct invocation *in)
{
	return settings_duration_ns(in->settings, "host-timeout");
}

bool hosts_is_here(const char *name)
{
	AUTO_FREE char *own = host_name();

	return remotes_is_own(name, own);
}

/* Whether there is a pool here: a host from which people go to others needs none. */
static bool has_pool(const struct invocation *in)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	char **names = NULL;
	size_t count = 0;

	if (pool_open_from(in, &pool, NULL) < 0 || pool_gpu_names(pool, &names, &count, NULL) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return count > 0;
}

static bool lists_this_host(const struct remotes *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (hosts_is_here(list->items[i].name))
			return true;
	}
	return false;
}

static int add_named(const char *text, const struct remotes *known, struct remotes *list,
		     struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(text);
	char *rest = copy, *name;

	while ((name = strsep(&rest, ","))) {
		int r = *name ? remotes_add(list, known, name, e)
			      : err_usage(e, "--host needs the name of a host");

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_all(const struct invocation *in, const struct remotes *known, struct remotes *list,
		   struct err *e)
{
	AUTO_FREE char *own = host_name();
	int r = 0;

	own[strcspn(own, ".")] = '\0';
	if (!lists_this_host(known) && has_pool(in))
		r = remotes_add(list, known, own, e);
	for (size_t i = 0; r == 0 && i < known->count; i++)
		r = remotes_add(list, known, known->items[i].name, e);
	if (r == 0 && !list->count)
		return err_usage(e, "no other hosts are configured: 'hosts: [gpu1, gpu2]' in the "
				    "configuration names them (see docs/hosts.md)");
	return r;
}

int hosts_list(const struct invocation *in, struct hosts *ret, struct err *e)
{
	AUTO_FREE char *key = mem_printf("%s.host", in->command->name);
	const char *named = settings_text(in->settings, key);
	AUTO(remotes_clear) struct remotes known = {0};
	int r = remotes_parse(settings_text(in->settings, "hosts"), &known, e);

	*ret = (struct hosts){0};
	if (r < 0)
		return r;
	r = named && !remotes_is_any(named) ? add_named(named, &known, &ret->list, e)
					    : add_all(in, &known, &ret->list, e);
	ret->calls = mem_alloc(ret->list.count + 1, sizeof(*ret->calls));
	ret->replies = mem_alloc(ret->list.count + 1, sizeof(*ret->replies));
	for (size_t i = 0; i < ret->list.count; i++) {
		ret->calls[i].host = &ret->list.items[i];
		ret->replies[i].name = ret->list.items[i].name;
		ret->replies[i].label = ret->list.items[i].label;
	}
	return r;
}

static bool is_left_out(const char *list, const char *name)
{
	AUTO_FREE char *word = mem_printf(" %s ", name), *all = mem_printf(" %s", list);

	return strstr(all, word) != NULL;
}

void hosts_add_options(struct words *words, const struct settings *s, const char *prefix,
		       const struct option_spec *table, const char *left_out)
{
	for (; table && table->name; table++) {
		AUTO_FREE char *key = table->key ? mem_strdup(table->key)
				      : prefix   ? mem_printf("%s.%s", prefix, table->name)
						 : mem_strdup(table->name);
		AUTO_FREE char *word = NULL;
		const char *value;

		if (table->not_on_command_line || settings_origin(s, key) != ORIGIN_FLAG ||
		    is_left_out(left_out, table->name))
			continue;
		value = settings_text(s, key);
		if (!value)
			value = "false"; /* --wait=false */
		if ((table->type == OPTION_FLAG && !strcmp(value, "true")) ||
		    (table->argument_optional && table->implied && !strcmp(value, table->implied)))
			word = mem_printf("--%s", table->name);
		else
			word = mem_printf("--%s=%s", table->name, value);
		words_add(words, word);
	}
}

/* The words for this program, with the options that say which pool is meant. */
static void call_here(const struct invocation *in, const struct words *question,
		      struct remote_call *call)
{
	words_add(&call->words, HOSTS_SELF);
	hosts_add_options(&call->words, in->settings, NULL, global_options, "no-color ");
	for (size_t i = 0; i < question->count; i++)
		words_add(&call->words, question->items[i]);
}

static void call_url(const struct hosts_question *q, struct remote_call *call)
{
	if (q->path)
		remote_call_url(call, q->path);
	else
		call->problem = mem_strdup(q->path_missing);
}

void hosts_call(const struct invocation *in, const struct words *question, struct remote_call *call,
		int64_t timeout_ns)
{
	AUTO(words_clear) struct words words = {0};

	if (hosts_is_here(call->host->name)) {
		call_here(in, question, call);
		return;
	}
	words_add(&words, "canhazgpu");
	for (size_t i = 0; i < question->count; i++)
		words_add(&words, question->items[i]);
	ssh_for_question(call->host, (const char *const *)words.items, timeout_ns, &call->words);
	call->is_ssh = true;
}

static void read_reply(const struct remote_call *call, enum remote_topic topic,
		       struct host_reply *reply, char **ret_problem)
{
	struct err e = {0};

	if (!call->problem && remote_read(topic, str_text(&call->answer), call->answer.length,
					  &reply->document, &e) < 0)
		*ret_problem = mem_strdup(e.text);
}

static void prepare(const struct invocation *in, struct hosts *h, const struct hosts_question *q,
		    int64_t timeout_ns)
{
	for (size_t i = 0; i < h->list.count; i++) {
		if (h->calls[i].problem)
			continue;
		if (h->calls[i].host->url && !hosts_is_here(h->calls[i].host->name))
			call_url(q, &h->calls[i]);
		else
			hosts_call(in, &q->words, &h->calls[i], timeout_ns);
	}
}

static void finish(struct hosts *h, enum remote_topic topic)
{
	for (size_t i = 0; i < h->list.count; i++) {
		read_reply(&h->calls[i], topic, &h->replies[i], &h->calls[i].problem);
		h->replies[i].problem = h->calls[i].problem;
	}
}

void hosts_pass_over(struct hosts *h, const struct hosts *before)
{
	for (size_t i = 0; i < h->list.count && i < before->list.count; i++) {
		if (!before->replies[i].document && !before->calls[i].hurried)
			h->calls[i].problem = mem_strdup(before->calls[i].problem);
	}
}

void hosts_ask(const struct invocation *in, struct hosts *h, const struct hosts_question *q,
	       int64_t timeout_ns)
{
	prepare(in, h, q, timeout_ns);
	remote_ask(h->calls, h->list.count, timeout_ns, NULL);
	finish(h, q->topic);
}

void hosts_ask_both(const struct invocation *in, struct hosts *a, const struct hosts_question *qa,
		    struct hosts *b, const struct hosts_question *qb, int64_t timeout_ns,
		    const struct remote_patience *patience)
{
	size_t count = a->list.count;
	AUTO_FREE struct remote_call *all = mem_alloc(count + b->list.count + 1, sizeof(*all));

	prepare(in, a, qa, timeout_ns);
	prepare(in, b, qb, timeout_ns);
	memcpy(all, a->calls, count * sizeof(*all));
	memcpy(all + count, b->calls, b->list.count * sizeof(*all));
	remote_ask(all, count + b->list.count, timeout_ns, patience);
	memcpy(a->calls, all, count * sizeof(*all));
	memcpy(b->calls, all + count, b->list.count * sizeof(*all));
	finish(a, qa->topic);
	finish(b, qb->topic);
}
