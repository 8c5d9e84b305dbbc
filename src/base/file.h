/* Opening files that the user names. */
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

#endif
