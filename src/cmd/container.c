/* Containers that a command starts; see container.h. */
#include "cmd/container.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/process.h"
#include "host/tree.h"

/* What was typed before the command, up to `--`, as words for a shell. */
static void add_own_words(struct str *line, const struct invocation *in)
{
	size_t length = 0, words = 0, count = 0;
	AUTO_FREE char *text = host_process_arguments(getpid(), &length);

	for (size_t i = 0; text && i < length; i += strlen(text + i) + 1)
		count++;
	for (size_t i = 0; text && i < length; i += strlen(text + i) + 1) {
		bool last = ++words + (size_t)in->words_count >= count;

		if (words + (size_t)in->words_count > count || (last && !strcmp(text + i, "--")))
			break;
		str_add_shell_word(line, words == 1 ? "canhazgpu" : text + i);
		str_add(line, " ");
	}
	if (!settings_flag(in->settings, "run.container"))
		str_add(line, "--container ");
	str_add(line, "--");
}

static int refuse_gpus(const struct invocation *in, const char *option, char **words, struct err *e)
{
	AUTO(str_clear) struct str line = {0};

	add_own_words(&line, in);
	for (size_t i = 0; words[i]; i++) {
		str_add(&line, " ");
		str_add_shell_word(&line, words[i]);
	}
	return err_usage(e, "'%s' gives the container other GPUs than the reserved ones; type: %s",
			 option, str_text(&line));
}

int container_check(const struct invocation *in, struct container *c, struct err *e)
{
	AUTO_FREE char *option = NULL;
	AUTO_FREE char **without = NULL;
	bool wanted = settings_flag(in->settings, "run.container");

	if (!engine_find(in->words, &c->call)) {
		if (wanted && settings_origin(in->settings, "run.container") == ORIGIN_FLAG)
			return err_usage(e,
					 "--container: '%s' does not start a container by 'docker "
					 "run', 'podman run', 'nerdctl run' or 'apptainer exec'",
					 in->words[0]);
		return 0;
	}
	c->inserts = wanted;
	if (engine_gives_gpus(in->words, &c->call, wanted, &option, &without))
		return refuse_gpus(in, option, without, e);
	return 0;
}

/* A directory that only this account can write, for a file that must not be there before. */
static char *private_directory(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	AUTO_FREE char *path =
		mem_printf("%s/canhazgpu-XXXXXX", runtime && *runtime == '/' ? runtime : "/tmp");

	return mkdtemp(path) ? mem_steal(&path) : NULL;
}

/* Tells the supervisor how to find the container. */
static void fill_orders(struct container *c, const struct invocation *in, struct orders *o)
{
	const char *users = engine_cid_file(in->words, &c->call);

	if (users) {
		o->cid_file = file_absolute_path(users);
	} else if (!c->call.is_apptainer && (c->directory = private_directory()) != NULL) {
		o->cid_directory = mem_strdup(c->directory);
		o->cid_file = mem_printf("%s/id", c->directory);
	}
	o->container_kill = engine_kill_words(in->words, &c->call);
}

void container_prepare(struct container *c, const struct invocation *in,
		       const struct pool_grant *grant, struct orders *o)
{
	AUTO_FREE char *variable = mem_printf("%s=%s", HOST_TREE_MARKER, grant->reservation->id);
	struct engine_gpus gpus = {.vendor = grant->vendor,
				   .ids = grant->numbers,
				   .uuids = grant->uuids,
				   .variable = variable};

	if (!c->inserts)
		return;
	if (o)
		fill_orders(c, in, o);
	if (c->directory)
		gpus.cid_file = o->cid_file;
	c->words = engine_insert(in->words, &c->call, &gpus);
}

void container_clear(struct container *c)
{
	if (c->directory)
		rmdir(c->directory);
	free(c->directory);
	engine_words_free(c->words);
	*c = (struct container){0};
}
