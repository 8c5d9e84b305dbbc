/*
 * What the files of src/host share: reading /proc/<pid>/..., and the readers of its texts, which
 * are pure so that tests and fuzzers can feed them anything. Nobody above src/host needs this
 * header.
 */
#ifndef HOST_PROC_H
#define HOST_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/process.h"

/*
 * Reads /proc/<pid>/<file> into buffer (cut at size - 1 bytes) and adds a NUL. Returns the length
 * or a negative errno; -ESRCH where there is no such process.
 */
ssize_t host_proc_read(pid_t pid, const char *file, char *buffer, size_t size);

/* Like host_proc_read for a text of any length up to limit bytes; the caller frees *ret_text. */
int host_proc_read_all(pid_t pid, const char *file, size_t limit, char **ret_text,
		       size_t *ret_length);

/* The text of /proc/<pid>/stat; all of process_info but the uid, start_ticks as it stands there. */
bool host_stat_parse(const char *text, struct process_info *ret_info);

/* The real uid in the text of /proc/<pid>/status. */
bool host_status_uid(const char *text, uid_t *ret_uid);

/* Whether the signal is in the mask of that name ("SigIgn") in the text of /proc/<pid>/status. */
bool host_status_has_signal(const char *text, const char *mask, int signal);

/* How far CLOCK_BOOTTIME is ahead of the host's, by the text of /proc/<pid>/timens_offsets. */
int64_t host_timens_boot_ns(const char *text);

/*
 * What /proc shows of a start to a process in a time namespace is shifted by that namespace's
 * offset. Starts are compared across namespaces: this makes one of them one of the host's.
 */
uint64_t host_ticks_of_host(uint64_t ticks);

/* CLOCK_BOOTTIME of the host, to compare with such starts. */
int64_t host_boot_ns(void);

/* Whether that process has ended: a zombie only waits to be asked for its exit status. */
bool host_state_is_gone(char state);

/* Whether it is stopped, by Ctrl-Z or a debugger. */
bool host_state_is_stopped(char state);

/* The value of `name` in a block of NAME=value strings, each closed by NUL; NULL: not there. */
const char *host_environ_find(const char *block, size_t length, const char *name);

/* The container in the text of /proc/<pid>/cgroup (see host_process_container). The caller frees
 * it. */
char *host_cgroup_container(const char *text);

/* Whether that text names a container by its whole id. What only watches one does not run in it. */
bool host_cgroup_has(const char *text, const char *id);

/* /proc/<pid>/status lists the groups of a process, up to 65,536, before its signals. */
#define HOST_STATUS_MAX ((size_t)1 << 20)

/* The most that the kernel lets a process have as arguments and environment, and then some. */
#define HOST_ENVIRON_MAX ((size_t)8 << 20)

#endif
