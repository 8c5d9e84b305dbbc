/*
 * A control group of its own for a run, where the caller may make one (cgroup v2, in a part of the
 * tree that was delegated to the account, as below user@.service): then it is exactly known which
 * processes belong to the run, however they were started. Elsewhere there is none, which is no
 * error: host/tree.h has other means.
 */
#ifndef HOST_CGROUP_H
#define HOST_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes a group of that name below the one that this process is in; its directory, which the caller
   frees, or NULL where that is not possible or not for us to do. */
char *host_cgroup_make(const char *name);

/* Moves this process there. False: it stays where it is. */
bool host_cgroup_enter(const char *path);

/* The processes in the group and in those below it. None where it is gone. The caller frees
 *ret_pids. */
void host_cgroup_list(const char *path, pid_t **ret_pids, size_t *ret_count);

/* Kills all of them at once. False where the kernel cannot (before 5.14). */
bool host_cgroup_kill(const char *path);

/* Removes the group and those below it that are empty. */
void host_cgroup_remove(const char *path);

/* For tests: the group of a process in the text of its /proc/<pid>/cgroup, below the mount point
   that the text of /proc/self/mountinfo tells; NULL: none. The caller frees it. */
char *host_cgroup_path(const char *cgroup, const char *mountinfo);

#endif
