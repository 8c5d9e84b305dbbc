/* canhazgpu cancel: removes waiting requests from the queue. */
#include "cmd/command.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cmd/context.h"
#include "cmd/hosts.h"
#include "cmd/output.h"
#include "cmd/telling.h"
#include "pool/wait.h"

static int cancel_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE struct pool_cancelled *cancelled = NULL;
	AUTO_FREE char *account = NULL;
	struct plan_actor actor = actor_get(in, &account);
	/* Without an id: the only one of one's own. */
	char *const only[] = {NULL};
	char *const *ids = in->words_count ? in->words : only;
	size_t count = in->words_count ? (size_t)in->words_count : 1;
	int r;

	r = pool_open_from(in, &pool, e);
	if (r == 0)
		r = pool_cancel(pool, &actor, ids, count, &cancelled, e);
	if (r < 0)
		return r;
	tell_others(in, pool);
	print_cancelled(cancelled, count);
	return 0;
}

static const struct option_spec cancel_options[] = {
	HOST_OPTION("Cancel on that host, by ssh"),
	{.name = NULL},
};

const struct command cmd_cancel = {
	.name = "cancel",
	.summary = "Cancel waiting requests",
	.usage = "[ID]... [--host HOST]",
	.description =
		"Removes requests of 'canhazgpu run --wait' and 'canhazgpu reserve --wait'\n"
		"from the queue. What was collected for a request goes to the next one at\n"
		"once, and its process ends with an error. The beginning of an ID is enough if\n"
		"it is unambiguous. Either all the requests are cancelled or none. Without an\n"
		"ID, your only request is cancelled.\n"
		"Administrators can cancel anybody's.",
	.examples = "  canhazgpu cancel\n"
		    "  canhazgpu cancel 1a2b3c4d",
	.options = cancel_options,
	.words_max = -1,
	.goes_elsewhere = true,
	.run = cancel_run,
};
