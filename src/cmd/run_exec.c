/* Becoming the command; see run_exec.h. */
#include "cmd/run_exec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "host/tree.h"

/* What this process was given, with the variables that make the command use these GPUs and no
   others. */
static struct environment run_environment(const struct pool_grant *grant)
{
	struct environment env = environment_inherited();

	for (size_t i = 0; i < grant->variables_count; i++)
		environment_set(&env, grant->variables[i].name, grant->variables[i].value);
	environment_set(&env, HOST_TREE_MARKER, grant->reservation->id);
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

int run_exec(char *path, char **words, const struct pool_grant *grant, struct err *e)
{
	AUTO(environment_clear) struct environment env = {0};
	int r = privilege_drop(e);

	if (r < 0)
		return r;
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
