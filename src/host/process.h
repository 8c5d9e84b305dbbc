/*
 * Facts about processes and accounts of this host, from /proc and NSS. A process is named by pid
 * and start time (struct process_ref), so a reused pid is never taken for the old process.
 */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include "base/err.h"
#include "base/nouns.h"

struct process_info {
	pid_t pid, ppid, pgrp, session;
	uid_t uid;            /* real uid */
	dev_t terminal;       /* number of its controlling terminal; 0: none */
	uint64_t start_ticks; /* clock ticks after boot, by the host's clock */
	char state;           /* R, S, D, T, Z, ... */
	char name[64];        /* comm: may hold spaces, parentheses, anything; hostile text */
};

/* -ESRCH where there is no such process (a zombie still has its facts, state 'Z'). */
int host_process_read(pid_t pid, struct process_info *ret_info, struct err *e);

/* All of process_info but the uid (0): half the price, for reading many processes. Or -ESRCH, ...
 */
int host_process_stat(pid_t pid, struct process_info *ret_info);

enum host_life {
	HOST_GONE,
	HOST_ALIVE,
	HOST_HIDDEN, /* something has that pid, but /proc does not show what (hidepid), or cannot be
			read */
};

/*
 * Whether that very process lives: same pid, same start time, no zombie. A process that may not be
 * signalled (set-uid, another account) is as alive as any. pid 0 is gone.
 */
enum host_life host_process_life(const struct process_ref *ref);

/* Whether it is that very process, and stopped, as by Ctrl-Z. (One that is traced is so for
   moments, which do not count.) */
bool host_process_is_stopped(const struct process_ref *ref);

/* Whether the process ignores a signal. One that is gone, or cannot be read, does not. */
bool host_process_ignores(pid_t pid, int signal);

/* When a process with that start time began, on the clock as it is now. Whole seconds, so that it
   is the same whenever it is asked for. */
int64_t host_start_time_ns(uint64_t start_ticks);

/* The reference of a living pid. -ESRCH. */
int host_process_ref(pid_t pid, struct process_ref *ret_ref, struct err *e);

/*
 * The arguments as the process sees them, separated by NUL as in /proc/<pid>/cmdline, at most 64
 * KiB; *ret_length bytes and one more NUL. The caller frees it. NULL where it may not be read.
 */
char *host_process_arguments(pid_t pid, size_t *ret_length);

/* The value of a variable in the environment the process started with; NULL: not there, or not
   readable (other accounts, set-uid). The caller frees it. */
char *host_process_variable(pid_t pid, const char *name);

/* The container id (12 hex digits of a docker, podman, containerd, cri-o or lxc cgroup) that a
   process runs in; NULL: none. The caller frees it. */
char *host_process_container(pid_t pid);

/*
 * Whether a process is in other pids than the caller's, without a user namespace of its own: in
 * something that root has started (systemd-nspawn, a container whose control group does not say
 * so). Its uid is then one of the inside. In a user namespace the kernel translates it.
 */
bool host_process_is_inside(pid_t pid);

/* Whether a process runs in the container of that id (64 hex digits), however deep. */
bool host_process_is_in_container(pid_t pid, const char *id);

/* Every pid in /proc. The caller frees *ret_pids. */
int host_process_list(pid_t **ret_pids, size_t *ret_count, struct err *e);

/*
 * Name of an account, "uid 1234" where it has none. The caller frees it. This and the next ones
 * look into /etc/passwd or /etc/group first and then ask the name services (NSS), at most 2 s in a
 * minute in all: whatever these have not told by then has no name.
 */
char *host_account_name(uid_t uid);

/* The uid of an account by its name, or by its number. -ENOENT. */
int host_account_find(const char *name, uid_t *ret_uid);

/* Name of a group; NULL: it has none. The caller frees it. */
char *host_group_name(gid_t gid);

/* Whether there is a group of that name. */
bool host_group_exists(const char *name);

/* Whether this process is in that group: its real group or a supplementary one, as the kernel has
   them. */
bool host_in_group(const char *name);

enum host_member { HOST_NO_MEMBER, HOST_MEMBER, HOST_MEMBER_UNKNOWN };

/*
 * Whether an account is in each of these groups, its own or a supplementary one: by what the system
 * knows of the account, not by what the process has, since processes can drop groups. Unknown: the
 * account is not known, or a name service does not answer in time. A group that does not exist has
 * no members.
 */
void host_account_groups(uid_t uid, const char *const *names, size_t count,
			 enum host_member *ret_members);

/* The pid namespace of this process, "pid:[4026532201]", where it is not the host's own; NULL: it
   is, or the kernel does not say. The caller frees it. */
char *host_pid_namespace(void);

/* gethostname; never fails ("localhost" if the kernel does not say). The caller frees it. */
char *host_name(void);

/* /etc/machine-id; NULL where it is missing or not set yet, and in a pid namespace of its own: a
   container has that of its image, which says nothing of the host. The caller frees it. */
char *host_machine_id(void);

/* /proc/sys/kernel/random/boot_id: differs after each boot. The caller frees it. */
char *host_boot_id(void);

/* The name of this process's CLOCK_BOOTTIME, which a time namespace can shift: the boot id, and the
   namespace unless it is the host's own. "" where the kernel tells no boot id. */
void host_clock_name(const char *boot_id, char name[CLOCK_NAME_SIZE]);

#endif
