/* canhazgpu queue: the waiting requests in their order, and what each waits for. */
#include "cmd/command.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/output.h"
#include "view/queue.h"

static void print_table(const struct settings *settings, const struct snapshot *s)
{
	AUTO(table_freep) struct table *table = view_queue_table(s);

	if (!s->state.queue_count) {
		printf("No requests are waiting.\n");
		return;
	}
	table_print(table, stdout, color_wanted(settings, STDOUT_FILENO));
}

static int print_explanation(const struct snapshot *s, const char *id, struct err *e)
{
	AUTO_FREE char *text = NULL;
	int r = view_explain(s, id, &text, e);

	return r == 0 ? print_text(text, e) : r;
}

static int queue_run(const struct invocation *in, struct err *e)
{
	const char *id = settings_text(in->settings, "queue.explain");
	bool json = settings_flag(in->settings, "queue.json");
	AUTO(snapshot_clear) struct snapshot s = {0};
	AUTO(pool_closep) struct pool *pool = NULL;
	int r;

	/* Only where both were asked for: a file may say that it is to be JSON by default. */
	if (json && id && settings_origin(in->settings, "queue.json") == ORIGIN_FLAG)
		return err_usage(e, "--json and --explain cannot be used together");
	if (hosts_are_wanted(in))
		return hosts_show_queue(in, e);
	r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_snapshot(pool, &s, e);
	if (r < 0)
		return r;
	pool_forecast_snapshot(pool, &s);
	if (s.warning)
		fprintf(stderr, "Warning: %s\n", s.warning);
	if (s.state.queue_unreadable)
		fprintf(stderr, "Warning: %zu more request%s cannot be read\n",
			s.state.queue_unreadable, str_plural(s.state.queue_unreadable));
	if (id)
		return print_explanation(&s, id, e);
	if (json)
		return print_json(view_queue_json(&s), e);
	print_table(in->settings, &s);
	return 0;
}

static const struct option_spec queue_options[] = {
	HOSTS_OPTIONS,
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output the queue as JSON instead of table format"},
	{.name = "explain",
	 .type = OPTION_TEXT,
	 .argument = "ID",
	 .not_configurable = true,
	 .list = LIST_REQUESTS,
	 .help = "Explain why the request with this ID is waiting (the beginning of the ID "
		 "is enough)"},
	{.name = NULL},
};

const struct command cmd_queue = {
	.name = "queue",
	.summary = "Show the requests that are waiting for GPUs",
	.usage = "[--json | --explain ID] [--all | --host HOST]",
	.description =
		"Lists the waiting requests of 'canhazgpu run --wait' and 'canhazgpu reserve\n"
		"--wait', first come, first served. Allocated is how many of the requested\n"
		"GPUs are already collected. The start of a request is estimated from\n"
		"expiries, time limits and the past runs of those who hold GPUs. 'canhazgpu\n"
		"cancel ID' cancels a request.",
	.examples = "  canhazgpu queue\n"
		    "  canhazgpu queue --explain 1a2b3c4d",
	.options = queue_options,
	.run = queue_run,
};
