/*
 * The scanning processes of all invocations, so that those that hang in the kernel are counted: a
 * killed process that does not die holds on to the driver, and each further one makes it worse.
 * They are listed in files beside the shared scans (share_files.h), which only the program writes,
 * one for each pid namespace.
 */
#ifndef GPU_SCANNERS_H
#define GPU_SCANNERS_H

#include "base/err.h"
#include "base/nouns.h"
#include "gpu/share_files.h"

/* The most that may hang in a pid namespace, and of one account unless it is root's: nobody can
   spoil the driver for others alone. */
#define SCANNERS_HANGING_MAX 4
#define SCANNERS_HANGING_OF_ACCOUNT_MAX 2

struct scanner {
	struct process_ref process;
	uid_t uid; /* of the account that it was started for */
};

/* Whether a process hangs: it was killed, and is still there. `status` is the text of its
   /proc/<pid>/status. Pure. */
bool scanner_hangs(const char *status);

/* Whether so many hang that this account must not start another. Pure. */
bool scanners_are_too_many(const struct scanner *hanging, size_t count, uid_t uid);

/* 0, or -EBUSY with the number and one pid: the driver hangs. */
int scanners_check(const struct share_directory *d, const char *vendor, struct err *e);

/* Lists a process that was started just now, and takes it off the list: one that is gone, or never
   was there, is harmless. */
void scanners_add(const struct share_directory *d, pid_t pid);
void scanners_remove(const struct share_directory *d, pid_t pid);

#endif
