/*
 * The files through which processes share a scan, and the only place that knows whether they can be
 * trusted. In a directory of the installed program's group they are that group's, and users reach
 * them through the program alone; anywhere else directory and files must belong to this account, so
 * that a user can fool nobody but himself. Whatever is not so is as if it were not there.
 */
#ifndef GPU_SHARE_FILES_H
#define GPU_SHARE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct share_directory {
	int fd; /* -1: there is none, or it cannot be trusted */
	bool is_groups;
	gid_t group; /* which one, if so */
};

void share_directory_open(struct share_directory *d, const char *path);
void share_directory_close(struct share_directory *d);

/* Opens a file to lock it, and creates it where it is missing. -1: it cannot be trusted. */
int share_file_open(const struct share_directory *d, const char *name);

/* Takes the name from a file that was opened, if it still has it. False: that was not possible. */
bool share_file_retire(const struct share_directory *d, const char *name, int fd);

/* The text of a file, unless it is the one that *seen describes, which is then updated. NULL: the
   same, none, or not to be trusted. The caller frees it. */
char *share_file_read(const struct share_directory *d, const char *name, struct stat *seen);

/* Replaces a file in one step. Failure (a full disk) is harmless: the old one stays. */
void share_file_replace(const struct share_directory *d, const char *name, const char *text);

/* Removes files whose name begins so and that nobody has changed for a day: there is a scan, with a
   lock, for each pid namespace, and containers come and go. */
void share_files_expire(const struct share_directory *d, const char *prefix);

#endif
