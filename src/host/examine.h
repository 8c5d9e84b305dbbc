/*
 * What `canhazgpu doctor` wants to know of this host: its clock, its limits, and what it shows of
 * processes. Each adds its findings and never fails.
 */
#ifndef HOST_EXAMINE_H
#define HOST_EXAMINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/finding.h"

void host_examine_system(struct findings *f); /* kernel, distribution */
void host_examine_kernel(struct findings *f); /* what it lacks that there is another way for */
void host_examine_clock(struct findings *f);
void host_examine_limits(struct findings *f);
void host_examine_inotify(struct findings *f);
void host_examine_processes(struct findings *f);

/*
 * The mode in which /proc hides other accounts' processes, in the text of /proc/self/mountinfo: the
 * value of hidepid (of the last mount on /proc, which covers the others); "" where nothing is
 * hidden. Never longer than size - 1.
 */
void host_mountinfo_hidepid(const char *text, char *value, size_t size);

/* The value of NAME= in the text of /etc/os-release, without quotes; NULL: not there. The caller
   frees it. */
char *host_os_release(const char *text, const char *name);

/* Whether a kind of file system, by the f_type of statfs, is served over a network, and its name;
   NULL: one of this host, or an unknown one. */
const char *host_network_file_system(uint64_t type);

/* Whether files in it are gone after a restart of the host, or with the container: its name, or
   NULL. */
const char *host_passing_file_system(uint64_t type);

#endif
