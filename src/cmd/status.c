/* canhazgpu status: the reservations, checked against what really runs. */
#include "cmd/status.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/output.h"
#include "host/leave.h"
#include "host/tree.h"
#include "pool/look.h"
#include "view/status.h"
#include "view/topology.h"

int status_check(const struct settings *settings, struct err *e)
{
	if (settings_flag(settings, "status.topology") &&
	    (settings_flag(settings, "status.summary") || settings_int(settings, "status.watch")))
		return err_usage(e, "--topology can be used with --json alone");
	if (settings_flag(settings, "status.mine") && (settings_flag(settings, "status.summary") ||
						       settings_flag(settings, "status.topology")))
		return err_usage(e, "--mine cannot be used with --summary or --topology");
	if (!settings_flag(settings, "status.json"))
		return 0;
	if (settings_flag(settings, "status.summary"))
		return err_usage(e, "--json and --summary cannot be used together");
	if (settings_int(settings, "status.watch"))
		return err_usage(e, "--json and --watch cannot be used together");
	return 0;
}

int status_snapshot(const struct invocation *in, struct pool *pool, struct snapshot *ret_snapshot,
		    struct err *e)
{
	AUTO_FREE char *account = NULL;
	struct plan_actor actor;
	int r = pool_snapshot(pool, ret_snapshot, e);

	if (r < 0)
		return r;
	pool_forecast_snapshot(pool, ret_snapshot);
	if (!settings_flag(in->settings, "status.mine"))
		return 0;
	actor = actor_get(in, &account);
	snapshot_keep_mine(ret_snapshot, &actor);
	return 0;
}

bool status_has_line(const struct settings *settings)
{
	return settings_flag(settings, "status.summary") ||
	       (isatty(STDOUT_FILENO) && !settings_flag(settings, "status.mine"));
}

/* A store that is away, or busy, is not waited for longer. */
#define RECORD_LIMIT_S 3

/*
 * Records what the snapshot has seen of the use of reserved GPUs, once a minute at most. In a
 * process of its own, which nobody waits for: that takes longer than all the rest. Without a word:
 * some users may look and not write. Not within a run: its supervisor looks, and would take that
 * process for one of the run.
 */
static void status_record(const struct invocation *in, const struct snapshot *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	pid_t child = s->look_due && !getenv(HOST_TREE_MARKER) ? fork() : -1;

	if (child != 0)
		return;
	if (pool_open_from(in, &pool, NULL) < 0)
		_exit(0);
	host_leave(-1);
	alarm(RECORD_LIMIT_S);
	pool_look_snapshot(pool, s, NULL);
	pool = pool_close(pool);
	_exit(0);
}

/* Shows it once. The pool is closed then. */
static int status_once(const struct invocation *in, struct pool **pool, struct err *e)
{
	const struct settings *settings = in->settings;
	AUTO(snapshot_clear) struct snapshot s = {0};
	const struct status_style style = {
		.summary = settings_flag(settings, "status.summary"),
		.line = status_has_line(settings),
		.color = color_wanted(settings, STDOUT_FILENO),
	};
	int r = status_snapshot(in, *pool, &s, e);

	*pool = pool_close(*pool);
	if (r < 0)
		return r;
	if (s.warning)
		fprintf(stderr, "Warning: %s\n", s.warning);
	if (s.difference)
		fprintf(stderr, "Note: %s\n", s.difference);
	if (settings_flag(settings, "status.json"))
		r = print_json(view_status_json(&s), e);
	else
		status_print(&s, stdout, &style);
	status_record(in, &s);
	return r;
}

/* How the GPUs are linked, as it was recorded. */
static int status_topology(const struct settings *settings, struct pool *pool, struct err *e)
{
	AUTO(topology_clear) struct topology topology = {0};
	AUTO_FREE char *text = NULL;
	bool known;
	int r = pool_topology(pool, &topology, &known, e);

	if (r < 0)
		return r;
	if (!known)
		fprintf(stderr, "Note: how these GPUs are linked is not recorded; 'canhazgpu admin "
				"--refresh' does it where the driver tells\n");
	if (settings_flag(settings, "status.json"))
		return print_json(view_topology_json(&topology), e);
	text = view_topology_text(&topology);
	fputs(text, stdout);
	return 0;
}

static int status_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	int watch = (int)settings_int(in->settings, "status.watch");
	int r = status_check(in->settings, e);

	if (hosts_are_wanted(in))
		return r < 0 ? r : hosts_show_status(in, e);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r < 0)
		return r;
	if (settings_flag(in->settings, "status.topology"))
		return status_topology(in->settings, pool, e);
	if (settings_flag(in->settings, "status.fresh"))
		pool_scan_afresh(pool);
	if (watch)
		return status_watch(in, pool, watch, settings_flag(in->settings, "status.summary"),
				    e);
	return status_once(in, &pool, e);
}

static const struct option_spec status_options[] = {
	HOSTS_OPTIONS,
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output status as JSON array instead of table format"},
	{.name = "mine",
	 .type = OPTION_FLAG,
	 .help = "Show only GPUs that you hold, or use without a reservation"},
	{.name = "summary",
	 .letter = 's',
	 .type = OPTION_FLAG,
	 .help = "Show how many GPUs are available, in use and in unreserved use, and when the "
		 "next one is free"},
	{.name = "topology",
	 .type = OPTION_FLAG,
	 .help = "Show how the GPUs are linked, and their NUMA nodes"},
	{.name = "fresh",
	 .type = OPTION_FLAG,
	 .help = "Ask the driver again, even if another command has done so within a second"},
	{.name = "watch",
	 .letter = 'w',
	 .type = OPTION_INT,
	 .argument = "SECONDS",
	 .min = 1,
	 .max = 86400,
	 .argument_optional = true,
	 .implied = "2",
	 .help = "Repeat every SECONDS (2), and at each change of the pool, until q or Ctrl-C"},
	{.name = NULL},
};

const struct command cmd_status = {
	.name = "status",
	.summary = "Show current GPU allocation status",
	.usage =
		"[--json] [--mine | --summary | --topology] [--fresh] [--watch [SECONDS]] [--all | --host HOST]",
	.description =
		"AVAILABLE GPUs are free and idle, IN_USE ones are reserved, UNRESERVED ones\n"
		"are used without a reservation, DRAINED ones are out of service, and the use\n"
		"of ERROR ones is unknown. Only AVAILABLE GPUs are handed out.",
	.examples = "  canhazgpu status --watch\n"
		    "  canhazgpu status --json",
	.options = status_options,
	.run = status_run,
};
