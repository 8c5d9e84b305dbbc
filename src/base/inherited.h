/*
 * What this process was started with, and what a command that it becomes gets again: the
 * environment as the kernel wrote it, and the signals whose handling was changed.
 *
 * A set-group-id program finds less in `environ` than its caller gave: the dynamic loader has taken
 * out what would be unsafe for it (LD_LIBRARY_PATH, TMPDIR, GLIBC_TUNABLES, ...). The bytes are
 * still on the initial stack. They are for the command alone: nothing here puts them into
 * `environ`, so that getenv and the libraries of this process never see them.
 */
#ifndef BASE_INHERITED_H
#define BASE_INHERITED_H

#include <stddef.h>

/*
 * For main, before anything changes the environment: remembers where it lies. From here on a file
 * that would become larger than `ulimit -f` allows is an error (EFBIG) and not the end of the
 * process, and children can be waited for, also where the caller ignores SIGCHLD.
 */
void inherited_keep(int argc, char **argv);

/* An environment in the making, for execve. */
struct environment {
	char **entries; /* ends with NULL. Most are borrowed from the initial stack */
	size_t count;
	char **own; /* entries that were made here */
	size_t own_count;
};

/*
 * What this process was given, byte for byte and in order: duplicates, entries without '=', empty
 * ones. Call it after privilege_drop, and give the result to execve alone. Where the initial stack
 * does not look as expected, it is what `environ` holds. environment_clear it.
 */
struct environment environment_inherited(void);

/* Puts name=value where name was first, or at the end; there is no second one afterwards. NULL
   takes the name away. */
void environment_set(struct environment *env, const char *name, const char *value);

void environment_clear(struct environment *env);

/* Handles signals again as this process was told to when it was started. For just before exec. */
void inherited_restore_signals(void);

#endif
