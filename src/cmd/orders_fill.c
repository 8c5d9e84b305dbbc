/* The orders of a supervisor, from the settings; see orders_fill.h. */
#include "cmd/orders_fill.h"

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/request.h"

/* Of a command line, so much is told. */
#define NOTIFY_WORDS_MAX 60

/* What was wrong with the value of an option, named. */
static int bad_value(const char *option, struct err *e)
{
	err_prefix(e, "%s", option);
	return err_exit_status(e, EXIT_STATUS_USAGE);
}

/* --signal-before D[:SIGNAL], which must come before the time limit. */
static int read_warning(const char *text, struct orders *o, struct err *e)
{
	const char *colon = strchr(text, ':');
	AUTO_FREE char *duration = mem_printf("%.*s", (int)strcspn(text, ":"), text);
	int r = parse_duration(duration, &o->warn_before_ns, e);

	o->warn_signal = SIGUSR1;
	if (r == 0 && colon)
		r = parse_signal(colon + 1, &o->warn_signal, e);
	if (r < 0)
		return bad_value("--signal-before", e);
	if (!o->timeout_ns)
		return err_usage(e, "--signal-before needs --timeout");
	if (o->warn_before_ns >= o->timeout_ns)
		return err_usage(e, "--signal-before: %s is not shorter than --timeout", duration);
	return 0;
}

/* The beginning of the command line, for people. The caller frees it. */
static char *command_line(const struct invocation *in)
{
	AUTO(str_clear) struct str line = {0};

	for (int i = 0; i < in->words_count && line.length < NOTIFY_WORDS_MAX; i++)
		str_addf(&line, "%s%s", i ? " " : "", in->words[i]);
	return line.length > NOTIFY_WORDS_MAX
		       ? mem_printf("%.*s...", NOTIFY_WORDS_MAX, str_text(&line))
		       : str_steal(&line);
}

/* What a supervisor has to know of a run, beside what it knows of all. */
static int add_run(const struct invocation *in, struct orders *o, struct err *e)
{
	const char *notify = request_notify(in);
	const char *until = settings_text(in->settings, "run.until");
	const char *before = settings_text(in->settings, "run.signal-before");
	const char *signal = settings_text(in->settings, "run.timeout-signal");

	if (notify) {
		o->notify = mem_strdup(notify);
		o->notify_what = command_line(in);
		o->sendmail = mem_strdup(settings_text(in->settings, "tell.sendmail"));
	}
	o->linger_ns = settings_duration_ns(in->settings, "run.linger");
	if (!strcmp(until, "command"))
		o->until = UNTIL_COMMAND;
	else if (!strcmp(until, "tree"))
		o->until = UNTIL_TREE;
	if (parse_signal(signal, &o->stop_signal, e) < 0)
		return bad_value("run.timeout-signal", e);
	return before ? read_warning(before, o, e) : 0;
}

/* The time limit: what is asked for, within what the host allows. */
static int64_t time_limit_ns(const struct invocation *in, const struct plan_policy *policy)
{
	AUTO_FREE char *account = NULL;
	struct plan_actor actor = actor_get(in, &account);
	int64_t longest_ns = plan_longest_run_ns(policy, &actor), asked_ns = 0;

	if (in->command == &cmd_run)
		asked_ns = settings_duration_ns(in->settings, "run.timeout");
	if (longest_ns == INT64_MAX || (asked_ns && asked_ns <= longest_ns))
		return asked_ns;
	return longest_ns;
}

int orders_fill(const struct invocation *in, struct orders *o, struct err *e)
{
	AUTO_FREE char *on_lost = mem_printf("%s.on-lost", in->command->name);
	int r = pool_config_from(in, &o->pool, e);

	if (r < 0)
		return r;
	o->timeout_ns = time_limit_ns(in, &o->pool.policy);
	o->grace_ns = settings_duration_ns(in->settings, "run.grace");
	o->stop_signal = SIGINT;
	o->until = UNTIL_GPUS;
	o->heartbeat_ns = settings_duration_ns(in->settings, "run.heartbeat");
	o->kill_on_lost = !strcmp(settings_text(in->settings, on_lost), "kill");
	return in->command == &cmd_run ? add_run(in, o, e) : 0;
}
