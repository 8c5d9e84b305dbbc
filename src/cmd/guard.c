/* canhazgpu guard: one pass over idle and unreserved GPUs, for a timer. */
#include "cmd/command.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "cmd/telling.h"
#include "pool/guard_config.h"
#include "tell/pass.h"
#include "view/guard.h"

static int show(const struct invocation *in, const struct pool_guarded *guarded, bool dry_run,
		struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (settings_flag(in->settings, "guard.json"))
		return print_json(view_guard_json(guarded, dry_run), e);
	text = view_guard_text(guarded, dry_run);
	/* A timer fills no log with that. */
	if (dry_run && !*text)
		return print_text("nothing to do\n", e);
	return print_text(text, e);
}

/* Those whom it concerns. */
static int tell(const struct invocation *in, struct pool *pool, struct err *e)
{
	const struct tell_options options = tell_options_from(in->settings);

	return tell_pass(pool, &options, TELL_NEWS, e);
}

static int guard_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(guard_config_clear) struct guard_config config = {.has_hours = false};
	AUTO(pool_guarded_clear) struct pool_guarded guarded = {.sent = NULL};
	bool dry_run = settings_flag(in->settings, "guard.dry-run");
	AUTO_FREE char *account = NULL;
	struct plan_actor actor = actor_get(in, &account);
	int r = host_check(in, e);

	if (r == 0)
		r = guard_config_from(in->settings, &config, e);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_guard(pool, &actor, &config, dry_run, &guarded, e);
	if (r == 0)
		r = show(in, &guarded, dry_run, e);
	if (r == 0 && !dry_run)
		r = tell(in, pool, e);
	return r;
}

static const struct option_spec guard_options[] = {
	{.name = "dry-run",
	 .letter = 'n',
	 .type = OPTION_FLAG,
	 .help = "Change nothing; say what would be done, what not, and why"},
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output what is done as JSON instead of lines"},
	{.name = NULL},
};

const struct command cmd_guard = {
	.name = "guard",
	.summary = "Warn about idle and unreserved GPUs, and act by the administrator's rules",
	.usage = "[OPTIONS]",
	.description =
		"One pass: records who uses GPUs without a reservation and which GPUs fail,\n"
		"says when reservations end soon, and applies the rules that guard.* sets in\n"
		"the system's configuration: warns about idle GPUs and unreserved use, then\n"
		"releases reservations or stops processes. Without rules nobody is bothered.\n"
		"A timer runs it every minute (canhazgpu-guard.timer). Administrators may run\n"
		"it; only root's pass sends signals. Everybody may ask with --dry-run.",
	.examples = "  canhazgpu guard --dry-run\n"
		    "  sudo canhazgpu guard --json",
	.options = guard_options,
	.run = guard_run,
};
