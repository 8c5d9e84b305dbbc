/* Finds the file behind a command's name, as the shell does, without running it. */
#include "host/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/interpreter.h"

/* Whether the file can be executed: 0, or why not as a negative errno. */
static int check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	/* By the real ids: whatever this program was given for itself is gone before the command
	 * runs. */
	return access(path, X_OK) < 0 ? -errno : 0;
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

/* Fills e with 126, and the reason after the name. */
static int not_executable(const char *name, int r, struct err *e)
{
	err_sys(e, -r, "%s", name);
	return err_exit_status(e, EXIT_STATUS_NOT_EXECUTABLE);
}

/* The search path; the system's own where the variable is not set. */
static char *search_path(void)
{
	const char *path = getenv("PATH");
	size_t size;
	char *standard;

	if (path)
		return mem_strdup(path);
	size = confstr(_CS_PATH, NULL, 0);
	standard = mem_alloc(size + 1, 1);
	confstr(_CS_PATH, standard, size);
	return standard;
}

/* Tries each directory of PATH; an empty element is the current directory. */
static int find_in_path(const char *name, char **ret_path, struct err *e)
{
	AUTO_FREE char *path = search_path();
	int found = 0; /* why a file that is there cannot be executed */

	for (const char *p = path;;) {
		size_t length = strcspn(p, ":");
		AUTO_FREE char *file = length ? mem_printf("%.*s/%s", (int)length, p, name)
					      : mem_printf("./%s", name);
		struct stat st;
		int r = check(file);

		if (r == 0) {
			*ret_path = mem_steal(&file);
			return 0;
		}
		/* A directory of PATH that may not be searched says nothing about the command. */
		if (!found && stat(file, &st) == 0)
			found = r;
		if (p[length] == '\0')
			break;
		p += length + 1;
	}
	if (found)
		return not_executable(name, found, e);
	err_set(e, ENOENT, "%s: command not found", name);
	return err_exit_status(e, EXIT_STATUS_NOT_FOUND);
}

int host_command_find(const char *name, char **ret_path, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = host_command_locate(name, &path, e);

	if (r == 0)
		r = host_interpreter_check(path, e);
	if (r == 0)
		*ret_path = mem_steal(&path);
	return r;
}

int host_command_locate(const char *name, char **ret_path, struct err *e)
{
	int r;

	if (!*name) {
		err_set(e, ENOENT, "'': command not found");
		return err_exit_status(e, EXIT_STATUS_NOT_FOUND);
	}
	if (!strchr(name, '/'))
		return find_in_path(name, ret_path, e);
	r = check(name);
	if (is_absent(r)) {
		err_sys(e, -r, "%s", name);
		return err_exit_status(e, EXIT_STATUS_NOT_FOUND);
	}
	if (r < 0)
		return not_executable(name, r, e);
	*ret_path = mem_strdup(name);
	return 0;
}
