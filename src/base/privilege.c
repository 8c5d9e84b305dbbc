/* The group of the installed program; see privilege.h. */
#include "base/privilege.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

#define NO_GROUP ((gid_t)-1)

static gid_t reserved = NO_GROUP; /* the group; NO_GROUP: there is none */
static unsigned depth;            /* how often it was entered */

static void set_effective(gid_t group)
{
	/* Both are groups of this process: the kernel cannot refuse. */
	if (setresgid(NO_GROUP, group, NO_GROUP) < 0)
		abort();
}

void privilege_init(void)
{
	if (getegid() == getgid())
		return;
	reserved = getegid();
	set_effective(getgid());
}

/* Whether nobody but root can put something else in the place of what that directory holds. */
static bool is_fixed(const char *directory)
{
	struct stat st;
	bool others;

	if (lstat(directory, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != 0)
		return false;
	others = (st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != 0);
	return !others || (st.st_mode & S_ISVTX);
}

/* From the root down: what lies in a directory that is fixed cannot be exchanged afterwards. */
bool privilege_path_is_root_controlled(const char *path)
{
	AUTO_FREE char *way = mem_strdup(path);

	if (*way != '/' || !is_fixed("/"))
		return false;
	for (char *slash = way; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (!is_fixed(way))
			return false;
		*slash = '/';
	}
	return true;
}

static bool is_directory_of(const char *directory, gid_t group)
{
	struct stat st;

	return group != NO_GROUP && privilege_path_is_root_controlled(directory) &&
	       lstat(directory, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	       st.st_gid == group && (st.st_mode & S_ISGID) && !(st.st_mode & S_IWOTH);
}

bool privilege_applies_to(const char *directory)
{
	return is_directory_of(directory, reserved);
}

bool privilege_shares(const char *directory, gid_t *ret_group)
{
	gid_t group = reserved;

	/* Without one, the own. That of root is no program's. */
	if (group == NO_GROUP && getgid() != 0)
		group = getgid();
	if (!is_directory_of(directory, group))
		return false;
	*ret_group = group;
	return true;
}

bool privilege_is_held(void)
{
	return reserved != NO_GROUP;
}

bool privilege_is_of_group(gid_t group)
{
	return reserved != NO_GROUP && group == reserved;
}

void privilege_raise(void)
{
	if (reserved != NO_GROUP && depth++ == 0)
		set_effective(reserved);
}

void privilege_lower(void)
{
	if (reserved != NO_GROUP && --depth == 0)
		set_effective(getgid());
}

int privilege_drop(struct err *e)
{
	if (setresgid(getgid(), getgid(), getgid()) < 0)
		return err_sys(e, errno, "cannot drop the program's group");
	reserved = NO_GROUP;
	depth = 0;
	return 0;
}

bool privilege_is_of_program(gid_t group)
{
	struct stat program;

	return stat("/proc/self/exe", &program) == 0 && program.st_gid == group &&
	       (program.st_mode & S_ISGID);
}

bool privilege_is_installed(void)
{
	struct stat st;

	return reserved != NO_GROUP ||
	       (stat("/proc/self/exe", &st) == 0 && (st.st_mode & S_ISGID) != 0);
}

/* From the file of this host: to ask a service could take long. */
static char *group_name(gid_t group)
{
	AUTO_FCLOSE FILE *file = fopen("/etc/group", "re");
	const struct group *entry = NULL;

	while (file && (entry = fgetgrent(file)) && entry->gr_gid != group)
		continue;
	return entry ? mem_strdup(entry->gr_name) : mem_printf("gid %u", (unsigned)group);
}

/* Who traces this process: "strace (pid 4711)". NULL: nobody does. */
static char *tracer(void)
{
	AUTO_FCLOSE FILE *status = fopen("/proc/self/status", "re"), *comm = NULL;
	AUTO_FREE char *path = NULL;
	char line[256], name[64] = "";
	int pid = 0;

	while (status && !pid && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "TracerPid: %d", &pid) == 1 && !pid)
			break;
	}
	if (!pid)
		return NULL;
	path = mem_printf("/proc/%d/comm", pid);
	comm = fopen(path, "re");
	if (comm && fgets(name, sizeof(name), comm))
		name[strcspn(name, "\n")] = '\0';
	return mem_printf("%s (pid %d)", *name ? name : "a process", pid);
}

bool privilege_in_user_namespace(void)
{
	AUTO_FCLOSE FILE *map = fopen("/proc/self/gid_map", "re");
	unsigned long inside, outside, count;

	/* The first one maps all numbers to themselves. */
	return map && !(fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 &&
			outside == 0 && count == UINT32_MAX);
}

char *privilege_problem(gid_t group)
{
	AUTO_FREE char *shown = group_name(group);
	AUTO_FREE char *traced_by = NULL;
	struct statvfs system;

	if (!privilege_is_of_program(group))
		return mem_printf(
			"it belongs to the group '%s', and this program was not installed "
			"with that group: use the installed canhazgpu, ask the "
			"administrator for access, or use a pool of your own with --store",
			shown);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1)
		return mem_printf("no_new_privs is set here, so the program does not get its "
				  "group '%s': start it outside this container or unit, or "
				  "without NoNewPrivileges",
				  shown);
	if (statvfs("/proc/self/exe", &system) == 0 && (system.f_flag & ST_NOSUID))
		return mem_printf("the program is on a file system mounted nosuid, so it does not "
				  "get its group '%s': install it elsewhere, or remount that file "
				  "system with suid",
				  shown);
	traced_by = tracer();
	if (traced_by)
		return mem_printf(
			"%s traces this program, so it does not get its group '%s': trace "
			"the command instead, as in 'canhazgpu run -- strace COMMAND', "
			"or trace as root",
			traced_by, shown);
	if (reserved != group && privilege_in_user_namespace())
		return mem_strdup("in this user namespace (a rootless container, unshare) the "
				  "program's group does not exist, so it does not get it: start it "
				  "outside");
	if (reserved != group && getgid() != group)
		return mem_printf("the kernel did not give this program its group '%s': a tracer "
				  "(strace, gdb) that started it, or a security policy, prevents "
				  "that",
				  shown);
	return mem_printf("it belongs to the group '%s', and its mode was changed, or that of a "
			  "file in it or of a directory above it (see 'canhazgpu doctor')",
			  shown);
}
