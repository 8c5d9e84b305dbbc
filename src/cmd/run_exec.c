/* Becoming the command; see run_exec.h. */
#include "cmd/run_exec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/words.h"
#include "host/command.h"
#include "host/hangup.h"
#include "host/tree.h"
#include "host/wrapper.h"

/* The reservation's marker, and the same for containers, which take the prefix off. */
static const char *const markers[] = {HOST_TREE_MARKER, "APPTAINERENV_" HOST_TREE_MARKER,
				      "SINGULARITYENV_" HOST_TREE_MARKER};

/* What this process was given, with the variables that make the command use these GPUs and no
   others. */
static struct environment run_environment(const struct pool_grant *grant)
{
	struct environment env = environment_inherited();

	for (size_t i = 0; i < grant->variables_count; i++)
		environment_set(&env, grant->variables[i].name, grant->variables[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++)
		environment_set(&env, markers[i], grant->reservation->id);
	environment_set(&env, HOST_HANGUP_VARIABLE, NULL);
	return env;
}

/* A script without #!: as execvp and the shells do. Comes back only if that fails. */
static void run_exec_shell(char *path, char **words, char **environment)
{
	AUTO_FREE char **shell = NULL;
	char sh[] = "sh";
	size_t count = 0;

	while (words[count])
		count++;
	shell = mem_alloc(count + 2, sizeof(char *));
	shell[0] = sh;
	shell[1] = path;
	memcpy(shell + 2, words + 1, count * sizeof(char *));
	execve("/bin/sh", shell, environment);
}

/* The variables that a wrapper has to pass on, separated by commas. The caller frees it. */
static char *variable_names(const struct pool_grant *grant)
{
	struct str names = {0};

	for (size_t i = 0; i < grant->variables_count; i++) {
		if (grant->variables[i].value)
			str_addf(&names, "%s,", grant->variables[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++)
		str_addf(&names, "%s%s", i ? "," : "", markers[i]);
	return str_steal(&names);
}

/* Refuses a program that would start the command without the variables, with the line to type. */
static int check_wrapper(const struct invocation *in, enum wrapper wrapper, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE char *variables = NULL, *names = NULL;

	if (wrapper == WRAPPER_NONE)
		return 0;
	/* What is wrong with the pool is told when GPUs are asked for. */
	(void)pool_open_from(in, &pool, NULL);
	variables = pool_variable_names(pool);
	names = mem_printf("%s," HOST_TREE_MARKER, variables);
	return wrapper_check(wrapper, in->words, names, e);
}

/* Adds what was probably meant to the error for a command that does not exist. */
static int not_found(const struct invocation *in, struct err *e)
{
	AUTO_FREE char *hint = words_run_hint(
		in->command->options, words_valueless(in->command, in->settings), in->words);
	struct err found = *e;

	if (!hint)
		return -found.code;
	err_set(e, found.code, "%.600s (%s)", found.text, hint);
	return err_exit_status(e, found.exit_status);
}

int run_find(const struct invocation *in, char **ret_path, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = host_command_find(in->words[0], &path, e);

	if (r < 0 && e->exit_status == EXIT_STATUS_NOT_FOUND)
		return not_found(in, e);
	if (r == 0)
		r = check_wrapper(in, wrapper_of(path), e);
	if (r == 0)
		*ret_path = mem_steal(&path);
	return r;
}

int run_exec(char *path, char **words, const struct pool_grant *grant, struct err *e)
{
	AUTO(environment_clear) struct environment env = {0};
	AUTO_FREE char *names = variable_names(grant), *option = NULL;
	AUTO_FREE char **changed = NULL;
	int r = privilege_drop(e);

	if (r < 0)
		return r;
	wrapper_words(wrapper_of(path), words, names, &changed, &option);
	if (changed)
		words = changed;
	/* Only now: what the loader has taken from us is nothing for a program with its group. */
	env = run_environment(grant);
	inherited_restore_signals();
	execve(path, words, env.entries);
	if (errno == ENOEXEC)
		run_exec_shell(path, words, env.entries);
	r = errno;
	err_sys(e, r, "%s", path);
	return err_exit_status(e, r == ENOENT ? EXIT_STATUS_NOT_FOUND : EXIT_STATUS_NOT_EXECUTABLE);
}
