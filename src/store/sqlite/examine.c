/* What `canhazgpu doctor` wants to know of a SQLite store: its files, its disk, and whether the
 * database is whole and can be read and written. See store_examine in store.h. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "host/examine.h"
#include "host/process.h"
#include "store/sqlite/file.h"
#include "store/sqlite/sqlite.h"

/* Checking the whole database blocks others: it is given up after this time. */
#define CHECK_LIMIT_NS (2 * NS_PER_SECOND)
#define CHECK_STEPS 1000

/* A commit needs about as much as the database has; less than this is soon used up. */
#define SPACE_LITTLE ((uint64_t)16 << 20)
#define SPACE_NONE ((uint64_t)256 << 10)

/* The nearest directory above the database that is there; the caller frees it. */
static char *nearest_directory(const char *path)
{
	char *directory = mem_strdup(path);
	struct stat st;

	do {
		char *slash = strrchr(directory, '/');

		slash[slash == directory ? 1 : 0] = '\0';
	} while (directory[1] && stat(directory, &st) < 0);
	return directory;
}

/* What a file of the store has to be. */
struct file_rule {
	bool shared; /* of a group: all its members change it */
	gid_t group; /* which one that is */
	uid_t owner; /* where it is not shared; root looks at what others own */
};

/* What is wrong with the mode; NULL: nothing. */
static const char *mode_problem(const struct file_rule *rule, mode_t mode)
{
	if (mode & S_IWOTH)
		return "everybody can write to";
	if (mode & (S_IROTH | S_IXOTH))
		return "everybody can read";
	if (rule->shared && (mode & 0060) != 0060)
		return "the group cannot write to";
	if (!rule->shared && (mode & S_IWGRP))
		return "the group can write to";
	return (mode & 0600) != 0600 ? "its owner cannot write to" : NULL;
}

/* One file, with the line that mends it. */
static void examine_file(struct findings *f, const struct file_rule *rule, const char *path)
{
	AUTO_FREE char *advice = NULL, *name = NULL;
	const char *problem;
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != EACCES)
			findings_extend(f, FINDING_FAILED, NULL, "%s: %s", path, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		advice = mem_printf("mv '%s' '%s.old'", path, path);
		findings_extend(f, FINDING_FAILED, advice, "%s is not a regular file", path);
		return;
	}
	problem = mode_problem(rule, st.st_mode);
	if (problem) {
		advice = mem_printf("chmod %s '%s'", rule->shared ? "0660" : "0600", path);
		findings_extend(f, FINDING_FAILED, advice, "%s %s", problem, path);
	}
	if (rule->shared && st.st_gid != rule->group) {
		free(advice);
		name = host_group_name(rule->group);
		advice = name ? mem_printf("chgrp %s '%s'", name, path)
			      : mem_printf("chgrp %u '%s'", (unsigned)rule->group, path);
		findings_extend(f, FINDING_FAILED, advice,
				"the group of %s is not that of its directory", path);
	}
	if (!rule->shared && st.st_uid != rule->owner && getuid() != 0) {
		free(advice);
		advice = mem_printf("sudo chown %u '%s'", (unsigned)rule->owner, path);
		findings_extend(f, FINDING_FAILED, advice, "%s does not belong to you", path);
	}
}

/* The database and what can lie beside it. */
static void examine_database_files(struct findings *f, const struct file_rule *rule,
				   const char *path)
{
	static const char *const endings[] = {SQLITE_FILE_ENDINGS};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		AUTO_FREE char *file = mem_printf("%s%s", path, endings[i]);

		examine_file(f, rule, file);
	}
}

/* Shared scans (gpu/share.h). A directory that cannot be read has its own finding. */
static void examine_scan_files(struct findings *f, const struct file_rule *rule,
			       const char *directory)
{
	DIR *list = opendir(directory);
	const struct dirent *entry;

	while (list && (entry = readdir(list))) {
		AUTO_FREE char *file = NULL;

		if (strncmp(entry->d_name, "canhazgpu-scan", strlen("canhazgpu-scan")) != 0)
			continue;
		file = mem_printf("%s/%s", directory, entry->d_name);
		examine_file(f, rule, file);
	}
	if (list)
		closedir(list);
}

static void examine_files(struct findings *f, struct sqlite_store *s)
{
	AUTO_FREE char *directory = nearest_directory(s->path), *advice = NULL;
	struct file_rule rule = {.shared = sqlite_file_mode(s->path) == 0660, .owner = getuid()};
	struct stat st;

	/* In the installed directory they are the group's, also while its mode is wrong, which has
	   a finding of its own. */
	s->installed = sqlite_file_is_installed(s->path);
	rule.shared |= s->installed;
	if (s->installed)
		privilege_raise();
	findings_add(f, "store-files", FINDING_OK, NULL, "%s",
		     s->installed  ? "the group's, in the installed directory"
		     : rule.shared ? "shared by the group of the directory"
				   : "of one account only");
	if (stat(directory, &st) == 0) {
		rule.group = st.st_gid;
		advice = mem_printf("chmod o-w '%s'", directory);
		if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
			findings_extend(f, FINDING_FAILED, advice,
					"everybody can replace files in %s", directory);
	}
	examine_database_files(f, &rule, s->path);
	examine_scan_files(f, &rule, directory);
	if (s->installed)
		privilege_lower();
}

static void examine_disk(struct findings *f, const struct sqlite_store *s)
{
	AUTO_FREE char *directory = nearest_directory(s->path);
	const char *network, *passing;
	struct statvfs space;
	struct statfs kind;
	uint64_t left;

	if (statfs(directory, &kind) < 0 || statvfs(directory, &space) < 0) {
		findings_add(f, "disk", FINDING_WARNING, NULL, "%s: %s", directory,
			     strerror(errno));
		return;
	}
	left = (uint64_t)space.f_bavail * space.f_frsize;
	findings_add(f, "disk",
		     left < SPACE_NONE     ? FINDING_FAILED
		     : left < SPACE_LITTLE ? FINDING_WARNING
					   : FINDING_OK,
		     left < SPACE_LITTLE ? "free some space, or move the pool with 'canhazgpu "
					   "migrate'"
					 : NULL,
		     "%" PRIu64 " MiB are free in %s", left >> 20, directory);
	if (space.f_files && !space.f_favail)
		findings_extend(f, FINDING_FAILED, "remove files", "no more files can be created");
	if (space.f_flag & ST_RDONLY)
		findings_extend(f, FINDING_FAILED, "remount it read-write", "it is read-only");
	network = host_network_file_system((uint64_t)kind.f_type);
	passing = host_passing_file_system((uint64_t)kind.f_type);
	if (network)
		findings_extend(f, FINDING_WARNING,
				"keep the pool on a disk of this host: name one with --store, or "
				"use Redis",
				"%s, which may be served over a network: locks are not reliable "
				"there",
				network);
	else if (passing)
		findings_extend(f, FINDING_WARNING, "keep the pool on a disk",
				"%s: the pool may be gone after a restart", passing);
}

static int stop_late(void *argument)
{
	const int64_t *deadline_ns = argument;

	return clock_monotonic_ns() > *deadline_ns;
}

/* Whether the pages and rows of the database hang together. In a session. */
static void examine_integrity(struct findings *f, struct sqlite_store *s)
{
	int64_t deadline_ns = clock_monotonic_ns() + CHECK_LIMIT_NS;
	struct err e = {0};
	struct sql q;
	int r;

	sqlite3_progress_handler(s->db, CHECK_STEPS, stop_late, &deadline_ns);
	q = sql_of(s, "PRAGMA quick_check(1)");
	r = sql_step(&q, &e);
	if (r < 0 && clock_monotonic_ns() > deadline_ns)
		findings_add(f, "store-integrity", FINDING_NOTE, NULL,
			     "the database is too large for a quick check (run 'PRAGMA "
			     "quick_check' in sqlite3)");
	else if (r < 0)
		findings_add(f, "store-integrity", FINDING_FAILED, NULL, "%s", e.text);
	else if (r > 0 && strcmp(sql_column_text(&q, 0), "ok") != 0)
		findings_add(f, "store-integrity", FINDING_FAILED,
			     "restore a backup, or move it away and run 'canhazgpu admin'",
			     "%s is damaged: %s", s->path, sql_column_text(&q, 0));
	else
		findings_add(f, "store-integrity", FINDING_OK, NULL, "the database is intact");
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
}

/* Writes, and takes it back: needs all that a commit needs, but the disk's space. */
static void examine_write(struct findings *f, struct sqlite_store *s)
{
	int64_t begin_ns = clock_monotonic_ns();
	struct err e = {0};
	int r = sqlite_begin(s, SESSION_WRITE, &e);

	if (r > 0)
		r = sql_script(s, "PRAGMA application_id = 1", &e);
	sqlite_end(s);
	if (r < 0)
		findings_add(f, "store-write", FINDING_FAILED, NULL, "%s", e.text);
	else
		findings_add(f, "store-write", FINDING_OK, NULL,
			     "a change was begun and rolled back in %.1f ms",
			     (double)(clock_monotonic_ns() - begin_ns) / NS_PER_MS);
}

void sqlite_examine(struct store *base, struct findings *f)
{
	struct sqlite_store *s = sqlite_of(base);
	struct err e = {0};
	int64_t version = 0;
	int r = sqlite_begin(s, SESSION_READ, &e);

	if (r > 0)
		r = sql_number(s, "PRAGMA user_version", &version, &e) < 0 ? -EIO : 1;
	if (r < 0)
		findings_add(f, "store", FINDING_FAILED, NULL, "%s", e.text);
	else if (r == 0)
		findings_add(f, "store", FINDING_NOTE, "'canhazgpu admin' creates it",
			     "%s does not exist yet", base->url);
	else
		findings_add(f, "store", FINDING_OK, NULL, "%s, format %" PRId64 ", SQLite %s",
			     base->url, version, sqlite3_libversion());
	if (r > 0)
		examine_integrity(f, s);
	sqlite_end(s);
	examine_files(f, s);
	examine_disk(f, s);
	if (r > 0)
		examine_write(f, s);
}
