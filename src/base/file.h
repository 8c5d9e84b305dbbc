/* Files that the user names, and the standard handles that a caller has closed. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/*
 * Opens for reading, unless `flags` say otherwise, close-on-exec, with the user's own rights: an
 * installed program is set-group-id, and its group must not read for the user what the user may not
 * read. `flags` are more of open's, or 0. A file descriptor that the caller closes, or -1 and
 * errno.
 */
int file_open_as_user(const char *path, int flags);

/* The same as a stream; NULL and errno. */
FILE *file_stream_as_user(const char *path);

/* The first line of a file, opened like that, which `setting` names. The caller frees it. */
int file_read_password(const char *path, const char *setting, char **ret_password, struct err *e);

/* The path without links, also of a file that is not there yet; where its directory is not there
   either, as it is. The caller frees it. */
char *file_resolved_path(const char *path);

/*
 * Writes a file as a whole: beside it, then in its place (0600; a link stays one), so that there is
 * always the old one or the new one. Into what is no regular file it writes as it is. With the
 * user's own rights.
 */
int file_replace(const char *path, const void *bytes, size_t size, struct err *e);

/* The path as it is seen from any directory: a supervisor works in /. NULL gives NULL. The caller
   frees it. */
char *file_absolute_path(const char *path);

/* Closes all descriptors above the standard ones, but `kept` (-1: none). In a process that has
   just been forked. */
void file_close_all_but(int kept);

/* Whether the kernel closes many at once; else they are listed. */
bool file_has_close_range(void);

/*
 * Where the caller has closed a standard handle, a file of ours would get its number, and a message
 * would be written into it: the database, a socket. What this puts there fails like a closed one,
 * and is closed on exec. For main, before anything is opened.
 */
void file_occupy_standard_handles(void);

#endif
