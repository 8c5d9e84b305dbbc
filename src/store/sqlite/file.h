/* The files around a database and their modes. Used by sqlite.c and the tests. */
#ifndef STORE_SQLITE_FILE_H
#define STORE_SQLITE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * The mode for a database in the directory of path: 0660 where the directory is set-group-id and
 * its group may write there (the files then belong to that group: the shared pool of a host), else
 * 0600. Group-writable alone is not enough: with a umask of 002 people's own directories are.
 */
mode_t sqlite_file_mode(const char *path);

/* Whether it is the pool in the directory of the installed program: see base/privilege.h. */
bool sqlite_file_is_installed(const char *path);

/*
 * The path to use for that one. In the directory of the installed program it is without links: an
 * account that can replace one would have the group open files of its own. The caller frees it.
 */
char *sqlite_file_path(const char *path);

/* Creates an empty file of exactly that mode whatever the umask. One that exists stays as it is. */
int sqlite_file_create(const char *path, mode_t mode, struct err *e);

/* Creates the directories above path that are missing, for this account only (0700). */
int sqlite_file_make_parents(const char *path, struct err *e);

/*
 * Opens the gate file, and creates it where it is missing. Never for the database itself: closing
 * any descriptor of that drops the locks that SQLite holds in this process.
 */
int sqlite_file_open_gate(const char *path, mode_t mode, int *ret_fd, struct err *e);

/* Notifies everybody who watches the file (inotify, IN_ATTRIB) of a commit. */
void sqlite_file_touch(const char *path, mode_t mode);

/* The one message for a file that may not be opened or written; `what` is "read" or "write". */
int sqlite_file_refused(const char *what, const char *path, int code, struct err *e);

#endif
