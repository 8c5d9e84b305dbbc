/* How the program is installed, for `canhazgpu doctor`; see doctor.h. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "cmd/doctor.h"
#include "cmd/store_url.h"
#include "host/process.h"

#define PROGRAM "canhazgpu"

#define INSTALL_AGAIN "fix it with 'systemd-tmpfiles --create', or install canhazgpu again"

#if defined(__clang__)
#define COMPILER "clang " TEXT(__clang_major__)
#else
#define COMPILER "gcc " __VERSION__
#endif
#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

/* Which file this is; "" where /proc does not say. */
static void own_path(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	path[n > 0 ? n : 0] = '\0';
}

/* An account that may write the program, or replace it, has the rights of everybody that runs it.
 */
static void examine_writable(const char *path, struct findings *f)
{
	AUTO_FREE char *directory = mem_printf("%.*s", (int)(strrchr(path, '/') - path + 1), path);
	AUTO_FREE char *advice = mem_printf("chmod o-w '%s'", path);
	AUTO_FREE char *advice_above = mem_printf("chmod o-w '%s'", directory);
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH))
		findings_extend(f, FINDING_FAILED, advice, "everybody can write to it");
	if (stat(directory, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		findings_extend(f, FINDING_FAILED, advice_above, "everybody can replace it");
}

/* A group by its name, or by its number where it has none. The caller frees it. */
static char *group_shown(gid_t gid)
{
	char *name = host_group_name(gid);

	return name ? name : mem_printf("%u", (unsigned)gid);
}

/* Whether it lies where only root puts programs: not in somebody's home, or in a build folder. */
static bool is_roots(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid == 0 && privilege_path_is_root_controlled(path);
}

/* Without the bit: one that somebody has for himself, or an installed one that has lost it (chmod
   -R, a copy). Root sees which, and would not notice: the pool is open to root. */
static void examine_without_group(const char *path, struct findings *f)
{
	AUTO_FREE char *advice = NULL, *group = NULL;
	struct stat st;

	if (getuid() != 0 || !is_roots(path) || access(SYSTEM_DATABASE, F_OK) < 0 ||
	    stat(SYSTEM_DIRECTORY, &st) < 0 || st.st_gid == 0) {
		findings_extend(f, FINDING_OK, NULL, "not set-group-id (a personal installation)");
		return;
	}
	group = group_shown(st.st_gid);
	advice = mem_printf("chgrp %s '%s' && chmod 2755 '%s'", group, path, path);
	findings_extend(
		f, FINDING_WARNING, advice,
		"not set-group-id: with this program others than root cannot reach the pool "
		"in " SYSTEM_DIRECTORY);
}

/* The set-group-id bit, and whether the kernel heeded it. */
static void examine_group(const char *path, struct findings *f)
{
	AUTO_FREE char *why = NULL, *group = NULL;
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0 || !(st.st_mode & S_ISGID)) {
		examine_without_group(path, f);
		return;
	}
	group = host_group_name(st.st_gid);
	if (!group && !privilege_in_user_namespace())
		findings_extend(f, FINDING_FAILED, "install it again, which creates the group",
				"its group %u has no name", (unsigned)st.st_gid);
	if (privilege_is_held() || getgid() == st.st_gid ||
	    (getuid() == 0 && !privilege_in_user_namespace())) {
		findings_extend(f, FINDING_OK, NULL, "set-group-id %s",
				group ? group : "without a name");
		return;
	}
	why = privilege_problem(st.st_gid);
	findings_extend(f, FINDING_FAILED, NULL,
			"set-group-id has no effect, so the host's pool cannot be reached: %s",
			why);
}

void doctor_program(struct findings *f)
{
	char path[PATH_MAX];

	own_path(path);
	findings_add(f, "version", FINDING_OK, NULL, PROGRAM " %s, %s, jansson %s",
		     CANHAZGPU_VERSION, COMPILER, JANSSON_VERSION);
	findings_add(f, "program", FINDING_OK, NULL, "%s",
		     *path ? path : "/proc does not show where it is");
	if (*path)
		examine_writable(path, f);
	examine_group(path, f);
}

void doctor_path(const char *path, struct findings *f)
{
	AUTO(str_clear) struct str found = {0};
	struct stat first = {0}, st;
	size_t count = 0;
	bool is_own = false;

	for (const char *at = path; at && *at; at += strcspn(at, ":"), at += *at == ':') {
		AUTO_FREE char *file = mem_printf("%.*s/" PROGRAM, (int)strcspn(at, ":"), at);

		if (*at == ':' || access(file, X_OK) < 0 || stat(file, &st) < 0 ||
		    !S_ISREG(st.st_mode) ||
		    (count && st.st_ino == first.st_ino && st.st_dev == first.st_dev))
			continue;
		if (!count++) {
			struct stat own = {0};

			first = st;
			is_own = stat("/proc/self/exe", &own) == 0 && own.st_ino == st.st_ino &&
				 own.st_dev == st.st_dev;
		}
		str_addf(&found, "%s%s", found.length ? ", " : "", file);
	}
	if (!count)
		findings_add(f, "path", FINDING_NOTE, NULL, "no " PROGRAM " is in PATH");
	else if (count > 1)
		findings_add(f, "path", FINDING_WARNING, "remove all but one, or order PATH",
			     "several in PATH: %s", str_text(&found));
	else if (!is_own)
		findings_add(f, "path", FINDING_WARNING, NULL,
			     "PATH leads to a different program: %s", str_text(&found));
	else
		findings_add(f, "path", FINDING_OK, NULL, "%s", str_text(&found));
}

/* Where others can change a directory above it, a user could replace it by one of their own: then
   the group is not used. */
static void examine_path_above(const struct stat *st, struct findings *f)
{
	char path[PATH_MAX];

	if (st->st_uid != 0 || (st->st_mode & 02072) != 02070 || !privilege_is_of_group(st->st_gid))
		return;
	if (!realpath(SYSTEM_DIRECTORY, path) || !privilege_applies_to(path))
		findings_extend(f, FINDING_FAILED,
				"make root the owner of all directories above it, and let nobody "
				"else write there",
				"users other than root can replace it");
}

/* Who owns it and who may do what there. */
static void examine_directory(const struct stat *st, struct findings *f)
{
	struct stat program;

	if (!S_ISDIR(st->st_mode))
		findings_extend(f, FINDING_FAILED, INSTALL_AGAIN, "it is not a directory");
	if (st->st_mode & S_IWOTH)
		findings_extend(f, FINDING_FAILED, "chmod 2770 " SYSTEM_DIRECTORY,
				"everybody can write there");
	if ((st->st_mode & 02070) != 02070)
		findings_extend(f, FINDING_FAILED, "chmod 2770 " SYSTEM_DIRECTORY,
				"it is not set-group-id, or its group cannot write there");
	if (privilege_in_user_namespace()) {
		findings_extend(f, FINDING_NOTE, NULL,
				"this user namespace does not show its real owner");
		return;
	}
	if (st->st_uid != 0)
		findings_extend(f, FINDING_FAILED, "chown root " SYSTEM_DIRECTORY,
				"it does not belong to root");
	if (privilege_is_installed() && stat("/proc/self/exe", &program) == 0 &&
	    program.st_gid != st->st_gid) {
		AUTO_FREE char *group = group_shown(program.st_gid);
		AUTO_FREE char *advice = mem_printf("chgrp %s " SYSTEM_DIRECTORY, group);

		findings_extend(f, FINDING_FAILED, advice,
				"its group is not that of the program (%s)", group);
	}
	examine_path_above(st, f);
}

void doctor_directory(struct findings *f)
{
	AUTO_FREE char *owner = NULL, *group = NULL;
	struct stat st;

	if (stat(SYSTEM_DIRECTORY, &st) < 0) {
		findings_add(f, "directory",
			     privilege_is_installed() ? FINDING_FAILED : FINDING_NOTE,
			     privilege_is_installed() ? INSTALL_AGAIN : NULL,
			     SYSTEM_DIRECTORY ", for a pool shared by all users, does not exist");
		return;
	}
	owner = host_account_name(st.st_uid);
	group = group_shown(st.st_gid);
	findings_add(f, "directory", FINDING_OK, NULL, SYSTEM_DIRECTORY " %04o %s:%s",
		     (unsigned)st.st_mode & 07777, owner, group);
	examine_directory(&st, f);
}
