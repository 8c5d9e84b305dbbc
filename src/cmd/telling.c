/* Telling others what a command has done; see telling.h. */
#include "cmd/telling.h"

#include "base/mem.h"
#include "cmd/notice.h"
#include "tell/deliver.h"
#include "tell/pass.h"

struct tell_options tell_options_from(const struct settings *s)
{
	return (struct tell_options){
		.sendmail = settings_text(s, "tell.sendmail"),
		.hook_user = settings_text(s, "tell.hook-user"),
		.hook_limit_ns = settings_duration_ns(s, "tell.hook-timeout"),
	};
}

void tell_others(const struct invocation *in, struct pool *pool)
{
	const struct tell_options options = tell_options_from(in->settings);

	(void)tell_pass(pool, &options, TELL_OTHERS, NULL);
}

void tell_warn(const struct invocation *in, const char *channel)
{
	const struct tell_options options = tell_options_from(in->settings);
	AUTO_FREE char *problem = channel ? tell_channel_problem(&options, channel) : NULL;

	if (problem)
		notice("Warning: --notify: %s\n", problem);
}
