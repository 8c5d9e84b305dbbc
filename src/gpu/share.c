/*
 * One scan for however many ask; see share.h.
 *
 * Whoever has the lock scans, and writes the result before giving it up; a process that is killed
 * loses it, and the next one scans. While it scans it writes into the lock's file since when, and
 * that it runs: a holder that was stopped, or is late (share_holder_is_late), is not waited for,
 * and another file takes the place of its lock. (Two that scan by mistake cost time, nothing else.)
 */
#include "gpu/share.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gpu/child.h"
#include "gpu/patience.h"
#include "gpu/scanners.h"
#include "gpu/share_files.h"
#include "gpu/share_stamp.h"
#include "gpu/wire.h"
#include "host/process.h"

/* Of the names of all files here, those of scanners.c included. */
#define PREFIX "canhazgpu-scan"

/* The pause between two looks at a scan that is running. */
#define PAUSE_FIRST_NS NS_PER_MS
#define PAUSE_LAST_NS (16 * NS_PER_MS)

/* A holder that has written nothing new at so many looks, in about 2 s, does not run. Looks, not
   time: on a machine that stood still it has had no more chance than the one who looks. */
#define SILENT_LOOKS 128
#define BEAT_NS (250 * NS_PER_MS)

struct share {
	struct share_directory directory;
	char *scope;
	char *name, *lock_name; /* of the files */
	char *boot_id;
	int lock_fd;      /* -1: not open */
	bool is_held;     /* this process has the lock */
	int64_t held_ns;  /* since then (monotonic) */
	struct stat seen; /* the result that was read last */
	struct share_joiner joiner;
	char beat[SHARE_HOLDER_SIZE]; /* what the holder has written last ... */
	int looks;                    /* ... and how often that was seen */
	struct share_question question;
	struct patience patience;
};

/* ---- what decides what a scan shows ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211U; /* FNV-1a */
	return (hash ^ 0xff) * 1099511628211U;
}

/* The devices of that folder which this account may open so: the driver shows no others. Their
   order in the folder does not matter. */
static uint64_t hash_devices(const char *folder, int mode)
{
	DIR *list = opendir(folder);
	const struct dirent *entry;
	uint64_t sum = 0;

	while (list && (entry = readdir(list))) {
		AUTO_FREE char *path = NULL;

		if (!share_stamp_counts_device(entry->d_name))
			continue;
		path = mem_printf("%s/%s", folder, entry->d_name);
		if (access(path, mode) == 0)
			sum += hash_text(0, path);
	}
	if (list)
		closedir(list);
	return sum;
}

/*
 * The same for all whose scans show the same: who may read the same devices, also by the rules of
 * their control group, and counts processes alike. (root may read more of an instance of a GPU.)
 * LD_LIBRARY_PATH can name another driver library; the set-group-id program does not see it.
 */
static char *scope_of(const struct gpu_backend *backend, const struct gpu_options *options)
{
	AUTO_FREE char *namespace = host_pid_namespace();
	uint64_t hash = 14695981039346656037U;

	hash = hash_text(hash, namespace);
	hash = hash_text(hash, geteuid() == 0 ? "root" : "");
	hash = hash_text(hash, getenv("LD_LIBRARY_PATH"));
	hash = hash_text(hash, options->sysfs_root);
	hash ^= hash_devices("/dev", R_OK | W_OK) + 3 * hash_devices("/dev/nvidia-caps", R_OK);
	return mem_printf("%s-%016" PRIx64, backend->name, hash);
}

static void share_open(struct share *s, const struct gpu_backend *backend,
		       const struct gpu_options *options)
{
	*s = (struct share){.directory = {.fd = -1}, .lock_fd = -1};
	patience_begin(&s->patience, backend, options);
	share_directory_open(&s->directory, options->share_directory);
	if (s->directory.fd < 0)
		return;
	s->scope = scope_of(backend, options);
	s->name = mem_printf(PREFIX "-%s", s->scope);
	s->lock_name = mem_printf("%s.lock", s->name);
	s->boot_id = host_boot_id();
	s->question = (struct share_question){
		.boot_id = s->boot_id,
		.scope = s->scope,
		.uid = (int64_t)getuid(),
		.gpus_count = options->present_count,
		.asked_ns = clock_boot_ns(),
		.since_wall_ns = options->since_ns,
		.fresh = options->fresh,
	};
	s->joiner = (struct share_joiner){
		.uid = s->question.uid,
		.limit_ns = s->patience.deadline_ns - s->patience.begin_ns,
		.late_uid = -1,
	};
}

static void share_clear(struct share *s)
{
	patience_end(&s->patience);
	mem_auto_close(&s->lock_fd);
	share_directory_close(&s->directory);
	free(s->scope);
	free(s->name);
	free(s->lock_name);
	free(s->boot_id);
}

/* ---- somebody else's scan ---- */

/* Takes the scan that is there, if it will do. False: it does not. */
static bool take(struct share *s, struct scan *ret_scan, int *ret_result, struct err *e)
{
	AUTO(share_stamp_clear) struct share_stamp stamp = {0};
	AUTO_FREE char *text = share_file_read(&s->directory, s->name, &s->seen);
	const char *scan;

	if (!text || share_stamp_read(text, &stamp, &scan) < 0)
		return false;
	s->question.now_ns = clock_boot_ns();
	s->question.now_wall_ns = clock_now_ns();
	if (!share_stamp_answers(&stamp, &s->question))
		return false;
	*ret_result = gpu_wire_unpack(scan, strlen(scan), ret_scan, e);
	if (*ret_result == 0)
		ret_scan->begun_ns = stamp.begin_wall_ns;
	return *ret_result != -EBADMSG;
}

static void beat(struct share *s)
{
	const struct share_holder self = {s->joiner.uid, s->held_ns, clock_monotonic_ns()};
	char text[SHARE_HOLDER_SIZE];

	if (!s->is_held)
		return;
	share_holder_write(&self, text);
	(void)!pwrite(s->lock_fd, text, strlen(text), 0);
}

/* Whether to wait for the holder of the lock: it runs, as far as this can be seen, and has not done
   so for too long. */
static bool is_worth_waiting(struct share *s)
{
	char text[sizeof(s->beat)] = "";
	struct share_holder holder;

	(void)!pread(s->lock_fd, text, sizeof(text) - 1, 0);
	if (strcmp(text, s->beat) != 0)
		s->looks = 0;
	memcpy(s->beat, text, sizeof(text));
	/* What is seen once may be of a holder before this one. */
	if (s->looks > 0 && share_holder_read(text, &holder) &&
	    share_holder_is_late(&holder, &s->joiner, clock_monotonic_ns())) {
		s->joiner.late_uid = holder.uid;
		return false;
	}
	return s->looks++ < SILENT_LOOKS;
}

static bool try_lock(struct share *s)
{
	if (s->lock_fd < 0)
		s->lock_fd = share_file_open(&s->directory, s->lock_name);
	s->is_held = s->lock_fd >= 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0;
	s->held_ns = clock_monotonic_ns();
	beat(s);
	return s->is_held;
}

/*
 * Waits for a scan that another process takes. 1: there is none that will do, and this process
 * scans, with the lock if it could be had; 0 or negative: *ret_scan, or the error.
 */
static int join(struct share *s, struct scan *ret_scan, struct err *e)
{
	int64_t pause_ns = PAUSE_FIRST_NS;
	int r = 0;

	while (s->directory.fd >= 0) {
		if (take(s, ret_scan, &r, e))
			return r;
		if (try_lock(s)) {
			/* The last holder may have ended since. */
			return take(s, ret_scan, &r, e) ? r : 1;
		}
		if (s->lock_fd < 0)
			return 1;
		if (!patience_lasts(&s->patience))
			return err_set(e, ETIMEDOUT,
				       "the %s driver did not answer another query within %d ms",
				       s->patience.backend->name, s->patience.timeout_ms);
		if (!is_worth_waiting(s)) {
			if (!share_file_retire(&s->directory, s->lock_name, s->lock_fd))
				return 1;
			mem_auto_close(&s->lock_fd);
			s->looks = 0;
			continue;
		}
		if (patience_pause(&s->patience, pause_ns) < 0)
			return err_set(e, EINTR, "interrupted");
		if (pause_ns < PAUSE_LAST_NS)
			pause_ns *= 2;
	}
	return 1;
}

/* ---- our own ---- */

/* Whether it shows all that there is to see, and nothing of this account had a part in it: a
   program from its PATH did not answer. */
static bool is_complete(const struct gpu_backend *backend, const struct scan *scan)
{
	if (!gpu_is_trusted(backend, scan) || scan->hidden)
		return false;
	for (size_t i = 0; i < scan->gpus_count; i++) {
		const struct gpu *g = &scan->gpus[i];

		/* One in MIG mode is used by its instances alone. */
		if (g->problem || g->instances_problem ||
		    (!g->mig && (!g->memory_used_mb.known || !g->processes_known)))
			return false;
	}
	return true;
}

/* As a pool counts them: a GPU in MIG mode by its instances. */
static int64_t count_units(const struct scan *scan)
{
	int64_t count = 0;

	for (size_t i = 0; i < scan->gpus_count; i++)
		count += !scan->gpus[i].mig;
	return count;
}

/* A driver that did not answer may answer the next one. */
static bool is_worth_keeping(int result)
{
	return result != -ETIMEDOUT && result != -EBUSY && result != -EINTR && result != -EAGAIN;
}

/* Whoever was late, so that others have scanned since, must not replace theirs. */
static bool is_newest(struct share *s, const struct share_stamp *stamp)
{
	AUTO(share_stamp_clear) struct share_stamp there = {0};
	AUTO_FREE char *text = share_file_read(&s->directory, s->name, &(struct stat){0});
	const char *scan;

	return !text || share_stamp_read(text, &there, &scan) < 0 ||
	       share_stamp_replaces(stamp, &there);
}

/* Keeps a result for those who wait for it; the next one may scan. */
static void keep(struct share *s, struct share_stamp *stamp, const struct scan *scan, int result,
		 const struct err *e)
{
	AUTO_FREE char *wire = NULL, *text = NULL;

	if (!s->is_held || !is_worth_keeping(result) || !is_newest(s, stamp))
		return;
	wire = gpu_wire_pack(scan, result < 0 ? e : NULL);
	if (result == 0) {
		stamp->complete = is_complete(s->patience.backend, scan);
		stamp->gpus_count = count_units(scan);
	}
	text = share_stamp_write(stamp, wire);
	share_file_replace(&s->directory, s->name, text);
	if (!s->seen.st_ino) /* the first one of its name */
		share_files_expire(&s->directory, PREFIX);
	mem_auto_close(&s->lock_fd);
	s->is_held = false;
}

/* Its user may stop the child as well. */
static bool is_stopped(const struct gpu_child *child)
{
	struct process_info info = {0};

	return host_process_stat(child->host.pid, &info) == 0 && info.state == 'T';
}

/*
 * Waits for the child's answer, and shows all others meanwhile that both run. *ret_is_taken:
 * whoever was late has an answer first, which is in *ret_scan, or *e with *ret_result.
 */
static int await(struct share *s, struct gpu_child *child, bool *ret_is_taken,
		 struct scan *ret_scan, int *ret_result, struct err *e)
{
	int r = -ETIMEDOUT;

	*ret_is_taken = false;
	while (r == -ETIMEDOUT && patience_lasts(&s->patience)) {
		int64_t until_ns = clock_monotonic_ns() + BEAT_NS;

		if (!is_stopped(child))
			beat(s);
		*ret_is_taken = s->joiner.late_uid >= 0 && take(s, ret_scan, ret_result, e);
		if (*ret_is_taken)
			return -ECANCELED;
		r = gpu_child_collect(child, until_ns < s->patience.deadline_ns
						     ? until_ns
						     : s->patience.deadline_ns);
	}
	/* This process was stopped, and what the child said before is old. */
	return r == 0 && !patience_lasts(&s->patience) ? -ETIMEDOUT : r;
}

static int scan(struct share *s, const struct gpu_options *options, struct scan *ret_scan,
		struct err *e)
{
	struct share_stamp stamp = {
		.boot_id = s->boot_id,
		.scope = s->scope,
		.uid = s->question.uid,
		.begin_ns = clock_boot_ns(),
		.begin_wall_ns = clock_now_ns(),
	};
	struct gpu_child child;
	bool is_gone, is_taken, is_answered;
	int r = scanners_check(&s->directory, s->patience.backend->name, e), collected, why;

	if (r == 0)
		r = gpu_child_begin(&child, s->patience.backend, options, e);
	if (r < 0)
		return r;
	scanners_add(&s->directory, child.host.pid);
	collected = await(s, &child, &is_taken, ret_scan, &r, e);
	if (!is_taken)
		r = collected == 0 ? gpu_child_read(&child, ret_scan, &stamp.end_ns, e) : -EBADMSG;
	is_answered = r != -EBADMSG;
	/* At first: some drivers take seconds to let go of a process. */
	if (is_answered && !is_taken)
		keep(s, &stamp, ret_scan, r, e);
	why = gpu_child_end(&child, collected, s->patience.deadline_ns, &is_gone,
			    is_answered ? NULL : e);
	if (is_gone)
		scanners_remove(&s->directory, child.host.pid);
	if (is_answered)
		return r;
	stamp.end_ns = clock_boot_ns();
	keep(s, &stamp, ret_scan, why, e);
	return why;
}

int gpu_share_scan(const struct gpu_backend *backend, const struct gpu_options *options,
		   struct scan *ret_scan, struct err *e)
{
	AUTO(share_clear) struct share s;
	int r;

	share_open(&s, backend, options);
	r = join(&s, ret_scan, e);
	return r == 1 ? scan(&s, options, ret_scan, e) : r;
}
