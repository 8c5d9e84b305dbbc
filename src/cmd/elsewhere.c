/* Commands that are carried out on another host; see elsewhere.h. */
#include "cmd/elsewhere.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "cmd/hosts.h"
#include "cmd/notice.h"
#include "host/command.h"
#include "remote/ssh.h"

/* A terminal there for one that is here as a whole: where a part is a file or a pipe, the output of
   programs must reach it byte for byte. */
static bool has_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

/* Becomes that program, as it is found here, with these words. */
static int become(const char *program, const struct words *words, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO(environment_clear) struct environment env = {0};
	int r = host_command_locate(program, &path, e);

	if (r == 0)
		r = privilege_drop(e);
	if (r < 0)
		return r;
	env = environment_inherited();
	inherited_restore_signals();
	execve(path, words->items, env.entries);
	if (errno == E2BIG && strcmp(program, HOSTS_SELF) != 0)
		return err_set(
			e, E2BIG,
			"the command line is too long to be passed on by %s, which gets it as "
			"one argument: the kernel allows 128 KiB (put what is long into a "
			"file)",
			program);
	return err_sys(e, errno, "%s", path);
}

/* The pool of another host is its own business. */
static int check_global(const struct settings *s, struct err *e)
{
	static const char *const keys[] = {"store", "redis.host", "redis.port", "redis.db"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (settings_origin(s, keys[i]) == ORIGIN_FLAG)
			return err_usage(e,
					 "--host cannot be used with --%s: the pool of that host "
					 "is meant",
					 i ? "redis-..." : keys[i]);
	}
	return 0;
}

/* The command as it was given here, without those options and with these. */
static void repeat_command(const struct invocation *in, const char *left_out,
			   const struct words *more, struct words *words)
{
	words_add(words, in->command->name);
	hosts_add_options(words, in->settings, in->command->name, in->command->options, left_out);
	for (size_t i = 0; more && i < more->count; i++)
		words_add(words, more->items[i]);
	if (in->words_count)
		words_add(words, "--");
	for (int i = 0; i < in->words_count; i++)
		words_add(words, in->words[i]);
}

int elsewhere_become_here(const struct invocation *in, const char *left_out,
			  const struct words *more, struct err *e)
{
	AUTO(words_clear) struct words words = {0};

	words_add(&words, "canhazgpu");
	hosts_add_options(&words, in->settings, NULL, global_options, "");
	repeat_command(in, left_out, more, &words);
	return become(HOSTS_SELF, &words, e);
}

int elsewhere_become(const struct invocation *in, const struct remote *host, const char *left_out,
		     const struct words *more, struct err *e)
{
	AUTO(words_clear) struct words words = {0}, line = {0};
	AUTO_FREE char *directory = in->command->stop_at_word ? getcwd(NULL, 0) : NULL;
	int r = check_global(in->settings, e);

	if (r < 0)
		return r;
	if (in->command->stop_at_word && !directory)
		notice("Note: the directory in which you are is not there any more: the command "
		       "starts in your home directory on %s\n",
		       host->name);
	words_add(&words, "canhazgpu");
	hosts_add_options(&words, in->settings, NULL, global_options, "config strict-config ");
	repeat_command(in, left_out, more, &words);
	ssh_for_command(host, (const char *const *)words.items, directory, has_terminal(), &line);
	return become(line.items[0], &line, e);
}

int elsewhere_go(const struct invocation *in, struct err *e)
{
	AUTO_FREE char *key = mem_printf("%s.host", in->command->name);
	const char *name = settings_text(in->settings, key);
	AUTO(remotes_clear) struct remotes known = {0}, list = {0};
	int r;

	if (!name || hosts_is_here(name))
		return 0;
	if (in->command == &cmd_run && !in->words_count)
		return err_usage(e, "no command given: canhazgpu run %s", in->command->usage);
	if (remotes_is_any(name) && in->command != &cmd_run)
		return err_usage(e, "'" REMOTE_ANY "' can be used with 'canhazgpu run' alone");
	if (in->command == &cmd_reserve && settings_flag(in->settings, "reserve.export"))
		return err_usage(e, "--export cannot be used with --host: the GPUs are not here");
	if (remotes_is_any(name))
		return elsewhere_go_anywhere(in, e);
	r = remotes_parse(settings_text(in->settings, "hosts"), &known, e);
	if (r == 0)
		r = remotes_add(&list, &known, name, e);
	if (r < 0)
		return r;
	/* What is printed there may be taken for what is to be typed here. */
	if (in->command == &cmd_reserve && !settings_flag(in->settings, "reserve.short") &&
	    !settings_flag(in->settings, "reserve.id"))
		notice("On host %s (the GPUs can be used in a shell there):\n", name);
	return elsewhere_become(in, &list.items[0], "host ", NULL, e);
}
