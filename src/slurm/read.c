/* The two questions of a status, and the file with the last answers; see read.h. */
#include "slurm/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "slurm/call.h"

/* Of a cluster so large that its answers are larger, the last one is not kept. */
#define KEPT_MAX ((off_t)16 << 20)

/* How old they are before they are replaced. */
#define KEEP_AGAIN_S 2

/* How often it is looked whether another process has its answer. */
#define LOCK_AGAIN_NS (20 * NS_PER_MS)

/* Stands between the two answers. No program of Slurm prints it: JSON has it escaped. */
#define SEPARATOR '\036'

struct answers {
	char *squeue, *sinfo;
};

static void answers_clear(struct answers *a)
{
	free(a->squeue);
	free(a->sinfo);
}

static int ask(int64_t deadline_ns, struct answers *ret_answers, struct err *e)
{
	static char squeue[] = "squeue", sinfo[] = "sinfo", json[] = "--json", all[] = "--all",
		    nodes[] = "--Node";
	struct slurm_call jobs, hosts;
	struct err second = {0};
	int status, r, r2;

	r = slurm_start((char *const[]){squeue, all, json, NULL}, &jobs, e);
	if (r < 0)
		return r;
	r2 = slurm_start((char *const[]){sinfo, all, nodes, json, NULL}, &hosts, &second);
	r = slurm_finish(&jobs, deadline_ns, &ret_answers->squeue, &status, e);
	if (r2 == 0)
		r2 = slurm_finish(&hosts, deadline_ns, &ret_answers->sinfo, &status, &second);
	if (r == 0 && r2 < 0) {
		*e = second;
		return r2;
	}
	return r;
}

/* FNV-1a: another cluster has another file. */
static uint64_t cluster_hash(void)
{
	const char *conf = getenv("SLURM_CONF");
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (; conf && *conf; conf++)
		value = (value ^ (unsigned char)*conf) * UINT64_C(0x100000001b3);
	return value;
}

/* Where the last answers are: this account's own. NULL: nowhere. */
static char *kept_path(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
	AUTO_FREE char *directory = NULL;

	if (runtime && *runtime == '/')
		directory = mem_printf("%s/canhazgpu", runtime);
	else if (home && *home == '/')
		directory = mem_printf("%s/.cache/canhazgpu", home);
	if (!directory)
		return NULL;
	if (mkdir(directory, 0700) < 0 && errno == ENOENT) {
		*strrchr(directory, '/') = '\0';
		mkdir(directory, 0700);
		directory[strlen(directory)] = '/';
		mkdir(directory, 0700);
	}
	return mem_printf("%s/slurm-%016llx", directory, (unsigned long long)cluster_hash());
}

/* The last answers, and when they were kept. */
static int read_kept(const char *path, struct answers *ret_answers, int64_t *ret_taken_ns)
{
	AUTO_CLOSE int fd = path ? file_open_as_user(path, O_NOFOLLOW) : -1;
	AUTO_FREE char *text = NULL;
	char *separator;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != getuid() ||
	    st.st_size > KEPT_MAX)
		return -ENOENT;
	text = mem_alloc((size_t)st.st_size + 1, 1);
	if (read(fd, text, (size_t)st.st_size) != st.st_size)
		return -EIO;
	separator = strchr(text, SEPARATOR);
	if (!separator)
		return -EBADMSG;
	*separator = '\0';
	ret_answers->squeue = mem_strdup(text);
	ret_answers->sinfo = mem_strdup(separator + 1);
	*ret_taken_ns = st.st_mtim.tv_sec * NS_PER_SECOND + st.st_mtim.tv_nsec;
	return 0;
}

/* Keeps them, unless that was done a moment ago; the file's time is when Slurm was asked. Whole or
   not at all; if the disk has lost it after a crash, nobody misses it, so nobody waits for the
   disk. */
static void keep(const char *path, const struct answers *a, int64_t asked_ns)
{
	AUTO_FREE char *temporary = NULL;
	AUTO_CLOSE int fd = -1;
	AUTO(str_clear) struct str text = {0};
	const struct timespec asked = {.tv_sec = asked_ns / NS_PER_SECOND,
				       .tv_nsec = asked_ns % NS_PER_SECOND};
	const struct timespec times[2] = {asked, asked};
	struct stat st;
	time_t now = (time_t)(clock_now_ns() / NS_PER_SECOND);

	if (!path ||
	    (lstat(path, &st) == 0 && st.st_mtime <= now && now - st.st_mtime < KEEP_AGAIN_S))
		return;
	str_add(&text, a->squeue);
	str_addf(&text, "%c%s", SEPARATOR, a->sinfo);
	if (text.length > (size_t)KEPT_MAX)
		return;
	temporary = mem_printf("%s.%d", path, (int)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, text.text, text.length) != (ssize_t)text.length || futimens(fd, times) < 0 ||
	    rename(temporary, path) < 0)
		unlink(temporary);
}

/* The last answer, however old; with a warning where there is a reason. */
static int read_last(const char *path, const struct err *why, struct slurm_cluster *ret_cluster,
		     char **ret_warning)
{
	AUTO(answers_clear) struct answers a = {0};
	char age[CLOCK_DURATION_SIZE], when[CLOCK_MINUTE_SIZE];
	int64_t taken_ns = TIME_NONE;
	int r = read_kept(path, &a, &taken_ns);

	if (r == 0)
		r = slurm_cluster_read(a.squeue, a.sinfo, ret_cluster, NULL);
	if (r < 0)
		return r;
	ret_cluster->taken_ns = taken_ns;
	if (why)
		*ret_warning = mem_printf("%s; this is what it said at %s, %s ago", why->text,
					  clock_local_minute(taken_ns, when),
					  clock_duration(clock_now_ns() - taken_ns, age));
	return 0;
}

static int read_now(const char *path, int64_t deadline_ns, struct slurm_cluster *ret_cluster,
		    char **ret_warning, struct err *e)
{
	AUTO(answers_clear) struct answers a = {0};
	int64_t asked_ns = clock_now_ns();
	struct err why = {0};
	int r = ask(deadline_ns, &a, &why);

	if (r == 0)
		r = slurm_cluster_read(a.squeue, a.sinfo, ret_cluster, &why);
	if (r == 0) {
		ret_cluster->taken_ns = asked_ns;
		keep(path, &a, asked_ns);
		return 0;
	}
	if (read_last(path, &why, ret_cluster, ret_warning) == 0)
		return 0;
	if (e)
		*e = why;
	return r;
}

int slurm_read(struct slurm_cluster *ret_cluster, char **ret_warning, struct err *e)
{
	AUTO_FREE char *path = kept_path();

	*ret_warning = NULL;
	return read_now(path, clock_monotonic_ns() + SLURM_LIMIT_NS, ret_cluster, ret_warning, e);
}

/* ---- for those who watch ---- */

/* An empty file has only been made. */
static int64_t age_of(const char *path)
{
	struct stat st;
	int64_t age_ns = -1;

	if (path && lstat(path, &st) == 0 && st.st_size > 0)
		age_ns = clock_now_ns() - st.st_mtim.tv_sec * NS_PER_SECOND - st.st_mtim.tv_nsec;
	/* The clock was set back: it says nothing. */
	return age_ns >= 0 ? age_ns : INT64_MAX;
}

static void pause_for(int64_t ns)
{
	const struct timespec pause = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};

	nanosleep(&pause, NULL);
}

/* Returns 0 or a negative error: -ETIMEDOUT where another process has it, others where the file
   system has no locks. */
static int lock(int fd, int64_t deadline_ns)
{
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		pause_for(LOCK_AGAIN_NS);
	}
	return 0;
}

int slurm_read_shared(struct slurm_cluster *ret_cluster, char **ret_warning, struct err *e)
{
	/* Its lock is held by the process that asks, its time is that of the last question. */
	AUTO_FREE char *path = kept_path(), *turn = path ? mem_printf("%s.asked", path) : NULL;
	int64_t answer_ns = age_of(path), asked_ns = age_of(turn), deadline_ns;
	int64_t age_ns = asked_ns < answer_ns ? asked_ns : answer_ns;
	AUTO_CLOSE int fd = -1;
	struct err why = {0};
	int r = 0;

	*ret_warning = NULL;
	/* In a moment, rather than this again until the next time. */
	if (age_ns < SLURM_POLL_NS && age_ns > SLURM_POLL_NS - NS_PER_SECOND)
		pause_for(SLURM_POLL_NS - age_ns);
	deadline_ns = clock_monotonic_ns() + SLURM_LIMIT_NS;
	if (turn)
		fd = open(turn, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		r = lock(fd, deadline_ns);
	/* Who has had the lock for longer than that does not ask: it is stopped (Ctrl-Z). Then, and
	   without locks, the time of the last question alone says whose turn it is. */
	if (r == -ETIMEDOUT && answer_ns < 3 * SLURM_POLL_NS) {
		err_set(&why, ETIMEDOUT, "Slurm does not answer another process of this account");
	} else {
		if (r < 0)
			deadline_ns = clock_monotonic_ns() + SLURM_LIMIT_NS;
		answer_ns = age_of(path);
		asked_ns = age_of(turn);
	}
	if (!why.code && answer_ns < SLURM_POLL_NS &&
	    read_last(path, NULL, ret_cluster, ret_warning) == 0)
		return 0;
	if (!why.code && asked_ns < SLURM_POLL_NS && answer_ns != INT64_MAX)
		err_set(&why, EIO, "Slurm has not answered another process of this account");
	if (why.code && read_last(path, &why, ret_cluster, ret_warning) == 0)
		return 0;
	if (fd >= 0 && pwrite(fd, "\n", 1, 0) < 0)
		mem_auto_close(&fd);
	return read_now(path, deadline_ns, ret_cluster, ret_warning, e);
}
