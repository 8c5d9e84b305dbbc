/* The internal command that `run` and `adopt` start: see supervise/launch.h. */
#include "cmd/command.h"

#include "base/clock.h"
#include "base/mem.h"
#include "supervise/launch.h"
#include "supervise/supervise.h"

/* How long usage records are kept on this host, by its administrator's file alone; 0: forever,
   since that file cannot be read. */
static int64_t host_history_ns(void)
{
	AUTO(settings_freep) struct settings *s = settings_new();

	commands_declare(s);
	if (settings_load_system_files(s, false, NULL) < 0)
		return 0;
	return settings_int(s, "history.days") * NS_PER_DAY;
}

/* Drops old usage records. Orders may be forged, and dropping what others have in the history is
   for the administrator to decide: by the file as it is now, which may be weeks after the orders.
 */
static void trim(struct pool_config *config)
{
	AUTO(pool_closep) struct pool *pool = NULL;

	if (!config->history_set_by_user)
		config->history_keep_ns = host_history_ns();
	if (pool_open(config, &pool, NULL) == 0)
		pool_trim(pool, NULL);
}

/* Called by main without an invocation: its settings come with its orders. */
static int supervise_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	int r;

	(void)in;
	r = supervise(&config, e);
	if (config.store_url)
		trim(&config);
	return r;
}

const struct command cmd_supervise = {
	.name = SUPERVISE_NAME,
	.summary = "Watch the command of a run",
	.usage = "",
	.hidden = true,
	.run = supervise_run,
};
