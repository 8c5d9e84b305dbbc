/* canhazgpu migrate: copies a pool to another store. */
#include "cmd/command.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/store_url.h"
#include "pool/migrate.h"

static int migrate_run(const struct invocation *in, struct err *e)
{
	AUTO(migration_clear) struct migration m = {0};
	AUTO_FREE char *from = NULL, *to = NULL, *account = NULL;
	const struct plan_actor actor = actor_get(in, &account);
	const char *from_text = settings_text(in->settings, "migrate.from");
	const char *to_text = settings_text(in->settings, "migrate.to");
	bool dry = settings_flag(in->settings, "migrate.dry-run");
	int r;

	if (!from_text || !to_text)
		return err_usage(e, "both --from and --to are needed (see 'canhazgpu migrate "
				    "--help')");
	r = store_url_complete(in->settings, from_text, &from, e);
	if (r == 0)
		r = store_url_complete(in->settings, to_text, &to, e);
	if (r == 0)
		r = pool_migrate(from, to, &actor, dry, &m, e);
	if (r < 0)
		return r;
	printf("%s %zu GPU%s, %zu reservation%s, %zu waiting request%s and %zu usage record%s\n"
	       "from %s\nto   %s\n",
	       dry ? "Would copy" : "Copied", m.gpus, str_plural(m.gpus), m.reservations,
	       str_plural(m.reservations), m.waiting, str_plural(m.waiting), m.records,
	       str_plural(m.records), m.from, m.to);
	if (m.unreadable)
		fprintf(stderr,
			"Warning: %zu usage records or waiting requests in %s are unreadable, and "
			"%s\n",
			m.unreadable, m.from, dry ? "would not be copied" : "were not copied");
	if (m.running)
		fprintf(stderr,
			"Warning: %zu reservations belong to commands that were started on the old "
			"store. The new one frees\ntheir GPUs when they end, if they run on this "
			"host; elsewhere, some 6 minutes after their last heartbeat.\n",
			m.running);
	if (m.waiting)
		fprintf(stderr,
			"Warning: %zu requests are still waiting on the old store. As long as "
			"they do, requests behind them do not get\n"
			"their GPUs on the new one: end them, or remove them from the queue of "
			"the new store with 'canhazgpu cancel'.\n",
			m.waiting);
	return 0;
}

static const struct option_spec migrate_options[] = {
	{.name = "from",
	 .type = OPTION_TEXT,
	 .argument = "URL",
	 .help = "Store to copy from, as for --store"},
	{.name = "to",
	 .type = OPTION_TEXT,
	 .argument = "URL",
	 .help = "Store to copy to; it must be empty"},
	{.name = "dry-run", .type = OPTION_FLAG, .help = "Only report what would be copied"},
	{.name = NULL},
};

const struct command cmd_migrate = {
	.name = "migrate",
	.summary = "Copy a pool with its history to another store",
	.usage = "--from URL --to URL [--dry-run]",
	.description = "Copies GPUs, reservations, queue and usage history. The old store is not\n"
		       "changed; two pools are never merged. Nobody should reserve meanwhile, and\n"
		       "everybody must use the new store afterwards.",
	.examples =
		"  canhazgpu migrate --from redis://localhost:6379/0 --to sqlite:/var/lib/canhazgpu/canhazgpu.db --dry-run\n"
		"  canhazgpu migrate --from redis://localhost:6379/0 --to sqlite:/var/lib/canhazgpu/canhazgpu.db",
	.options = migrate_options,
	.run = migrate_run,
};
