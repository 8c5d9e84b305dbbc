/*
 * canhazgpu completion: prints the completion script of a shell; and the internal command by which
 * the scripts ask for the ids of the pool's GPUs, and of waiting requests.
 */
#include "cmd/command.h"
#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/context.h"
#include "conf/complete/complete.h"
#include "conf/remotes.h"
#include "pool/wait.h"

#define SHELLS "bash|zsh|fish"

static size_t commands_total(void)
{
	size_t n = 0;

	while (commands[n])
		n++;
	return n;
}

/* The names of all commands, "admin|help|..."; the caller frees it. */
static char *command_names(void)
{
	struct str out = {0};

	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->hidden)
			str_addf(&out, "%s%s", out.length ? "|" : "", commands[i]->name);
	}
	return str_steal(&out);
}

static int completion_run(const struct invocation *in, struct err *e)
{
	AUTO_FREE struct complete_command *list = mem_alloc(commands_total(), sizeof(*list));
	struct complete_input input = {.global = global_options, .commands = list};
	AUTO_FREE char *names = command_names();
	AUTO(str_clear) struct str out = {0};
	int r;

	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		if (c->hidden)
			continue;
		list[input.commands_count++] = (struct complete_command){
			.name = c->name,
			.summary = c->summary,
			.options = c->options,
			.runs_command = c->stop_at_word,
			.words = c == &cmd_help         ? names
				 : c == &cmd_completion ? SHELLS
							: NULL,
			.list = c == &cmd_cancel ? LIST_OWN_REQUESTS : NULL,
			.takes_file = c == &cmd_backup || c == &cmd_restore,
		};
	}
	r = complete_script(&input, in->words[0], &out, e);
	return r == 0 ? print_text(str_text(&out), e) : r;
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "Print the completion script of a shell",
	.usage = SHELLS,
	.description = "'make install' puts the scripts where the shells look for them.",
	.examples = "  source <(canhazgpu completion bash)\n"
		    "  canhazgpu completion fish > ~/.config/fish/completions/canhazgpu.fish",
	.words_min = 1,
	.words_max = 1,
	.run = completion_run,
};

static void print_gpu_ids(struct pool *pool)
{
	char **names = NULL;
	size_t count = 0;

	pool_gpu_names(pool, &names, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		printf("%s\n", names[i]);
		free(names[i]);
	}
	free(names);
}

/* As much of each id as `queue` shows, and as is enough. */
static void print_requests(struct pool *pool, const struct plan_actor *actor)
{
	AUTO_FREE struct pool_request *requests = NULL;
	size_t count = 0;

	pool_requests(pool, actor, &requests, &count, NULL);
	for (size_t i = 0; i < count; i++) {
		/* Other programs may have written anything. */
		if (strspn(requests[i].id, "0123456789abcdef") >= 8)
			printf("%.8s\n", requests[i].id);
	}
}

static void print_hosts(const struct settings *s)
{
	AUTO(remotes_clear) struct remotes remotes = {0};

	(void)remotes_parse(settings_text(s, "hosts"), &remotes, NULL);
	for (size_t i = 0; i < remotes.count; i++)
		printf("%s\n", remotes.items[i].name);
}

/* Prints a list, one per line; nothing, silently, where there is no pool. */
static int complete_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *account = NULL;
	struct plan_actor actor = actor_get(in, &account);
	const char *list = in->words[0];
	bool requests = !strcmp(list, LIST_REQUESTS), own = !strcmp(list, LIST_OWN_REQUESTS);

	if (!strcmp(list, LIST_HOSTS)) {
		print_hosts(in->settings);
		return 0;
	}
	if (!requests && !own && strcmp(list, "gpu-ids") != 0)
		return err_usage(e, "unknown list '%.60s'", list);
	if (pool_open_from(in, &pool, NULL) < 0)
		return 0;
	if (requests || own)
		print_requests(pool, own ? &actor : NULL);
	else
		print_gpu_ids(pool);
	return 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.summary = "List what completion scripts ask for",
	.usage = "gpu-ids|" LIST_REQUESTS "|" LIST_OWN_REQUESTS "|" LIST_HOSTS,
	.words_min = 1,
	.words_max = 1,
	.hidden = true,
	.run = complete_run,
};
