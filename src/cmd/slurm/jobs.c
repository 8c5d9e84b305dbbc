/* `reserve`, `release` and `cancel` on a cluster: salloc and scancel. */
#include "cmd/slurm/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/slurm/client.h"
#include "cmd/slurm/request.h"
#include "host/command.h"
#include "host/process.h"
#include "slurm/jobs.h"

/* ---- reserve ---- */

static int reserve_words(const struct invocation *in, int64_t duration_ns,
			 struct slurm_names *words, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = host_command_locate("salloc", &path, NULL);

	if (r < 0)
		return err_set(e, ENOENT,
			       "salloc is not there: this host has no client programs of "
			       "Slurm in PATH (engine: slurm)");
	slurm_names_add(words, path);
	slurm_names_add(words, "--no-shell");
	r = slurm_request(in, duration_ns, false, words, e);
	slurm_names_add(words, "--job-name=" SLURM_RESERVATION_NAME);
	return r;
}

static void print_reservation(const struct invocation *in, const struct slurm_client *c,
			      int64_t duration_ns)
{
	bool to_export = settings_flag(in->settings, "reserve.export");
	FILE *out = to_export ? stderr : stdout;
	char time[CLOCK_DURATION_SIZE];
	long long job = (long long)c->job_id;

	if (settings_flag(in->settings, "reserve.short")) {
		printf("%lld\n", job);
		return;
	}
	fprintf(out, "Reserved %zu GPU(s) for %s: job %lld\n", c->gpus,
		clock_duration(duration_ns, time), job);
	if (to_export) {
		printf("export SLURM_JOB_ID=%lld SLURM_GPUS_ON_NODE=%zu\n", job, c->gpus);
		return;
	}
	printf("To use them, run:\n"
	       "  canhazgpu run --gpus %zu -- COMMAND\n"
	       "  srun --jobid=%lld --overlap --gres=gpu:%zu --pty bash\n"
	       "They are released by 'canhazgpu release'.\n",
	       c->gpus, job, c->gpus);
}

int slurm_reserve(const struct invocation *in, struct err *e)
{
	AUTO(slurm_client_clear) struct slurm_client c = {.errors_fd = -1, .input_fd = -1};
	AUTO(slurm_names_clear) struct slurm_names words = {0};
	AUTO(environment_clear) struct environment env = {0};
	AUTO_FREE char **argv = NULL;
	int64_t duration_ns = settings_duration_ns(in->settings, "reserve.duration");
	int status, r;

	if (settings_flag(in->settings, "reserve.export") &&
	    settings_flag(in->settings, "reserve.short"))
		return err_usage(e, "--export and --short: only one of them at a time");
	r = host_check(in, e);
	if (r == 0)
		r = privilege_drop(e);
	if (r == 0)
		r = reserve_words(in, duration_ns, &words, e);
	if (r == 0)
		r = slurm_check(e);
	if (r < 0)
		return r;
	env = slurm_environment();
	argv = slurm_argv(&words);
	c.path = words.items[0];
	c.argv = argv;
	c.environment = env.entries;
	c.name = SLURM_RESERVATION_NAME;
	c.reserves = true;
	c.gpus = (size_t)slurm_request_gpus(in);
	c.waits = slurm_request_waits(in, &c.wait_ns);
	r = slurm_client_run(&c, &status, e);
	if (r < 0)
		return r;
	slurm_client_end_by_signal(&c);
	if (!c.has_started || status != 0)
		r = slurm_client_refused(&c, e);
	if (r == 0 && !c.has_started)
		r = err_set(e, EIO, "salloc ended with status %d, without a reason", status);
	if (r < 0)
		return r;
	print_reservation(in, &c, duration_ns);
	if (fflush(stdout) == 0)
		return 0;
	/* Nobody has been told of it. */
	r = err_sys(e, errno, "cannot write the output");
	(void)slurm_job_end(&c.job_id, 1, NULL);
	return r;
}

/* ---- release ---- */

int slurm_release(const struct invocation *in, struct err *e)
{
	const char *account = settings_text(in->settings, "release.user");
	AUTO_FREE struct slurm_held *held = NULL;
	AUTO_FREE int64_t *ids = NULL;
	AUTO_FREE char *number = NULL;
	size_t count, gpus = 0;
	uid_t uid;
	int r;

	/* squeue takes a list of names, and an unknown one for nobody. */
	if (account && host_account_find(account, &uid) < 0)
		return err_set(e, ENOENT, "there is no account '%.60s'", account);
	if (account)
		number = mem_printf("%ju", (uintmax_t)uid);
	r = slurm_reservations(number, &held, &count, e);
	if (r < 0)
		return r;
	ids = mem_alloc(count + 1, sizeof(*ids));
	for (size_t i = 0; i < count; i++) {
		ids[i] = held[i].id;
		gpus += held[i].gpus;
	}
	r = slurm_job_end(ids, count, e);
	if (r < 0)
		return r;
	if (!count && account) {
		AUTO_FREE char *shown = text_shown(account);

		printf("No reserved GPUs found for %s\n", shown);
		return 0;
	}
	if (!count) {
		printf("No manually reserved GPUs found for current user\n");
		return 0;
	}
	printf("Released %zu GPU(s): job", gpus);
	for (size_t i = 0; i < count; i++)
		printf("%s %" PRId64, i ? "," : "", ids[i]);
	putchar('\n');
	return 0;
}

/* ---- cancel ---- */

/* One's only pending job. */
static int find_only(struct slurm_found *ret_found, struct err *e)
{
	AUTO_FREE struct slurm_found *found = NULL;
	size_t count;
	int r = slurm_pending(&found, &count, e);

	if (r < 0)
		return r;
	if (!count)
		return err_set(e, ENOENT, "you have no waiting requests");
	if (count > 1)
		return err_usage(e,
				 "you have %zu waiting requests: name one ('canhazgpu queue' "
				 "lists them)",
				 count);
	*ret_found = found[0];
	return 0;
}

static int find_own(const char *id, struct slurm_found *ret_found, struct err *e)
{
	AUTO_FREE char *owner = NULL;
	int r = slurm_job_find(id, ret_found, e);

	if (r < 0 || ret_found->uid == getuid() || getuid() == 0)
		return r;
	owner = host_account_name(ret_found->uid);
	return err_set(e, EPERM, "job %s belongs to %s: only they and Slurm's operators can end it",
		       id, owner);
}

int slurm_cancel(const struct invocation *in, struct err *e)
{
	size_t count = in->words_count ? (size_t)in->words_count : 1;
	AUTO_FREE struct slurm_found *found = mem_alloc(count, sizeof(*found));
	AUTO_FREE int64_t *ids = mem_alloc(count, sizeof(*ids));
	int r = in->words_count ? 0 : find_only(&found[0], e);

	/* All or none. */
	for (size_t i = 0; r == 0 && i < (size_t)in->words_count; i++)
		r = find_own(in->words[i], &found[i], e);
	for (size_t i = 0; i < count; i++)
		ids[i] = found[i].id;
	if (r == 0)
		r = slurm_job_end(ids, count, e);
	for (size_t i = 0; r == 0 && i < count; i++)
		printf(found[i].pending ? "Cancelled request %" PRId64 "\n"
					: "Ended job %" PRId64 "\n",
		       ids[i]);
	return r;
}
