/*
 * canhazgpu adopt: makes a reservation for processes that already run. A supervisor keeps it as
 * long as they live, as for a run.
 */
#include "cmd/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "host/process.h"
#include "host/tree.h"
#include "supervise/launch.h"
#include "view/status.h"

/* The processes, and whose they are. */
struct adoptees {
	struct process_ref *processes;
	size_t count;
	uid_t uid;
	char *account;
};

static void adoptees_clear(struct adoptees *a)
{
	free(a->processes);
	free(a->account);
	*a = (struct adoptees){0};
}

/* Whose a process is: the caller's, or for root anybody's, but of one account all of them. */
static int adoptees_check_owner(struct adoptees *a, const struct process_info *info, struct err *e)
{
	AUTO_FREE char *owner = NULL;

	if (getuid() != 0 && info->uid != getuid()) {
		owner = host_account_name(info->uid);
		return err_set(e, EPERM, "process %d is of %s, not yours", (int)info->pid, owner);
	}
	if (a->count && info->uid != a->uid) {
		owner = host_account_name(info->uid);
		return err_set(e, EINVAL,
			       "process %d is of %s, process %d of %s: adopt those of each account "
			       "for themselves",
			       (int)a->processes[0].pid, a->account, (int)info->pid, owner);
	}
	if (!a->count) {
		a->uid = info->uid;
		a->account = host_account_name(info->uid);
	}
	return 0;
}

static int adoptees_add(struct adoptees *a, const char *word, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct process_ref process;
	struct process_info info;
	int64_t pid;
	int r;

	if (parse_int(word, 1, INT32_MAX, &pid, NULL) < 0)
		return err_usage(e, "'%.60s' is not a process id", word);
	for (size_t i = 0; i < a->count; i++) {
		if (a->processes[i].pid == (pid_t)pid)
			return err_usage(e, "process %d is given twice", (int)pid);
	}
	if (host_process_read((pid_t)pid, &info, NULL) < 0)
		return err_set(e, ESRCH, "there is no process %d that you can see", (int)pid);
	process = (struct process_ref){.pid = info.pid, .start_ticks = info.start_ticks};
	/* Threads have numbers, too, and zombies: neither can be waited for. */
	r = host_pidfd_open(&process, &fd, e);
	if (r == 0)
		r = adoptees_check_owner(a, &info, e);
	if (r < 0)
		return r;
	a->processes = mem_resize(a->processes, a->count + 1, sizeof(*a->processes));
	a->processes[a->count++] = process;
	return 0;
}

/* Tells the supervisor everything, and waits until it watches. */
static int adopt_supervise(const struct invocation *in, struct launch *launch,
			   const struct adoptees *a, const struct reservation *r, struct err *e)
{
	AUTO(orders_clear)
	struct orders orders = {
		.reservation = reservation_copy(r),
		.grace_ns = settings_duration_ns(in->settings, "run.grace"),
		.heartbeat_ns = settings_duration_ns(in->settings, "run.heartbeat"),
		.kill_on_lost = !strcmp(settings_text(in->settings, "adopt.on-lost"), "kill"),
		.adopted = mem_alloc(a->count, sizeof(*a->processes)),
		.adopted_count = a->count,
	};
	int status = pool_config_from(in->settings, &orders.pool, e);

	memcpy(orders.adopted, a->processes, a->count * sizeof(*a->processes));
	return status < 0 ? status : launch_orders(launch, &orders, e);
}

/* Reserves, with a supervisor that is there before the reservation is. */
static int adopt_reserve(const struct invocation *in, const struct adoptees *a,
			 struct plan_request *request, struct pool_grant *grant, struct err *e)
{
	AUTO(launch_clear) struct launch launch = LAUNCH_NONE;
	AUTO(pool_closep) struct pool *pool = NULL;
	int r = launch_begin(&launch, e);

	if (r == 0)
		r = pool_open_from(in->settings, &pool, e);
	if (r < 0)
		return r;
	request->holder = (struct holder){.host = pool_host_label(),
					  .boot_id = host_boot_id(),
					  .command = a->processes[0],
					  .supervisor = launch.supervisor};
	r = pool_adopt(pool, request, a->processes, a->count, grant, e);
	if (r < 0)
		return r;
	r = adopt_supervise(in, &launch, a, grant->reservation, e);
	if (r < 0)
		pool_end(pool, &request->actor, grant->reservation->id, clock_now_ns(), NULL);
	return r;
}

static void print_adopted(const struct adoptees *a, const struct reservation *r)
{
	AUTO_FREE char *list = describe_ids(r->gpus, r->gpus_count);
	AUTO(str_clear) struct str pids = {0};

	for (size_t i = 0; i < a->count; i++)
		str_addf(&pids, "%s%d", i ? ", " : "", (int)a->processes[i].pid);
	printf("Adopted PID %s on %zu GPU(s): %s\n", str_text(&pids), r->gpus_count, list);
}

static int adopt_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO(adoptees_clear) struct adoptees adoptees = {0};
	AUTO_FREE int *ids = NULL;
	AUTO_FREE char *name = NULL;
	struct plan_actor caller;
	char id[ID_SIZE];
	struct plan_request request = {
		.type = RESERVATION_RUN,
		.force = settings_flag(in->settings, "adopt.force"),
		.id = id,
	};
	int r;

	id_new(id);
	r = request_fill(in, &request, &ids, e);
	for (int i = 0; r == 0 && i < in->words_count; i++)
		r = adoptees_add(&adoptees, in->words[i], e);
	if (r < 0)
		return r;
	/* For the account of the processes, but with the caller's say: limits do not bind root. */
	caller = actor_get(&name);
	request.actor = (struct plan_actor){.uid = adoptees.uid,
					    .account = adoptees.account,
					    .administrator = plan_is_administrator(&caller)};
	r = adopt_reserve(in, &adoptees, &request, &grant, e);
	holder_clear(&request.holder);
	if (r < 0)
		return r;
	print_adopted(&adoptees, grant.reservation);
	return 0;
}

static const struct option_spec adopt_options[] = {
	{.name = "gpus",
	 .type = OPTION_INT,
	 .argument = "N",
	 .min = 1,
	 .max = POOL_GPUS_MAX,
	 .help = "How many GPUs they must be using (default: however many they use)"},
	{.name = "gpu-ids",
	 .letter = 'G',
	 .type = OPTION_IDS,
	 .argument = "IDS",
	 .help = "Exactly these GPUs (comma-separated, e.g., 1,3,5)"},
	REQUEST_OPTION_NOTE,
	REQUEST_OPTION_USER,
	{.name = "on-lost",
	 .type = OPTION_CHOICE,
	 .argument = "WHAT",
	 .choices = "warn|kill",
	 .fallback = "warn",
	 .help = "What to do with the processes when the reservation is taken away"},
	{.name = "force",
	 .type = OPTION_FLAG,
	 .help = "Take GPUs that somebody else uses without reservation, too"},
	{.name = NULL},
};

const struct command cmd_adopt = {
	.name = "adopt",
	.summary = "Reserve GPUs for processes that are running already",
	.usage =
		"PID... [--gpus N] [--gpu-ids IDS] [--note TEXT] [--user NAME] [--on-lost WHAT] [--force]",
	.description =
		"The processes, and what descends from them, get a reservation as if 'canhazgpu run' had "
		"started them:\nof the GPUs that they use, or of those that --gpu-ids names. It is over when all "
		"of these PIDs have ended\nand nothing that descends from them uses the GPUs any more. You can "
		"adopt your own processes, root\nanybody's; the reservation is their account's. What that "
		"account holds there by 'canhazgpu reserve' ends.",
	.options = adopt_options,
	.words_min = 1,
	.words_max = -1,
	.run = adopt_run,
};
