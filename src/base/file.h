/* Files that the user names, and the standard handles that a caller has closed. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

/*
 * Opens for reading, close-on-exec, with the user's own rights: an installed program is
 * set-group-id, and its group must not read for the user what the user may not read. `flags` are
 * more of open's, or 0. A file descriptor that the caller closes, or -1 and errno.
 */
int file_open_as_user(const char *path, int flags);

/* The same as a stream; NULL and errno. */
FILE *file_stream_as_user(const char *path);

/* The path as it is seen from any directory: a supervisor works in /. NULL gives NULL. The caller
   frees it. */
char *file_absolute_path(const char *path);

/*
 * Where the caller has closed a standard handle, a file of ours would get its number, and a message
 * would be written into it: the database, a socket. What this puts there fails like a closed one,
 * and is closed on exec. For main, before anything is opened.
 */
void file_occupy_standard_handles(void);

#endif
