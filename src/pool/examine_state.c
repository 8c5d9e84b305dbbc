/* The state of the pool, compared with the GPUs and processes of this host; see examine_private.h.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "base/str.h"
#include "gpu/gpu.h"
#include "host/process.h"
#include "plan/guard.h"
#include "pool/examine_private.h"

/* Clocks of several hosts are never quite the same. */
#define FUTURE_NS (60 * NS_PER_SECOND)

void examine_host(const struct machine *recorded, enum machine_match match, const char *other,
		  struct findings *f)
{
	const char *name = recorded->name ? recorded->name : "unknown";

	switch (match) {
	case MACHINE_UNRECORDED:
		findings_add(f, "host", FINDING_NOTE, "the next change records this one",
			     "the pool does not say yet which host it belongs to");
		break;
	case MACHINE_SAME:
		findings_add(f, "host", FINDING_OK, NULL, "the pool is that of this host, %s",
			     name);
		break;
	case MACHINE_RENAMED:
		findings_add(f, "host", FINDING_OK, NULL,
			     "the pool is that of this host, recorded as %s", name);
		break;
	case MACHINE_REINSTALLED:
		findings_add(f, "host", FINDING_NOTE, "nothing to do: the next change records it",
			     "the machine id is another one than that of the pool's host, %s, but "
			     "the GPUs are the same",
			     name);
		break;
	case MACHINE_UNCERTAIN:
		findings_add(f, "host", FINDING_WARNING,
			     "give this host a machine id (systemd-machine-id-setup), unless this "
			     "is a container",
			     "whether this is the pool's host, %s, cannot be told", name);
		break;
	case MACHINE_OTHER:
		findings_add(f, "host", FINDING_FAILED,
			     "give this host a pool of its own with --store: see "
			     "docs/troubleshooting.md, 'The pool of another host'",
			     "%s", other);
		break;
	}
}

/* "0, 3 and 5 more" would be shorter, but whoever searches for one GPU has to find it. */
static void list_add(struct str *list, int gpu)
{
	str_addf(list, "%s%d", list->length ? "," : "", gpu);
}

/* The first GPU of those in a list says why: the others mostly say the same. */
struct group {
	struct str gpus;
	const char *why;
};

static void group_add(struct group *g, int gpu, const char *why)
{
	list_add(&g->gpus, gpu);
	if (!g->why)
		g->why = why;
}

static void group_clear(struct group *g)
{
	str_clear(&g->gpus);
}

static void examine_placed(const struct pool_state *state, const struct observation *o,
			   struct findings *f)
{
	AUTO(group_clear) struct group missing = {0}, unknown = {0}, moved = {0};
	AUTO(group_clear) struct group faulty = {0}, ailing = {0};

	for (size_t i = 0; i < o->count; i++) {
		const struct gpu *gpu = o->gpus[i];
		int id = state->slots[i].id;

		if (!gpu && state->slots[i].retired_ns != TIME_NONE)
			continue;
		if (!gpu)
			group_add(&missing, id, o->problems[i]);
		else if (o->use[i] >= USE_UNKNOWN && o->use[i] != USE_FAULTY)
			group_add(&unknown, id, o->problems[i]);
		if (gpu && gpu->health == HEALTH_FAULTY)
			group_add(&faulty, id, gpu->health_reason);
		if (gpu && gpu->health == HEALTH_WARNING)
			group_add(&ailing, id, gpu->health_reason);
		if (gpu && !gpu->profile && gpu->index != id)
			group_add(&moved, id, NULL);
	}
	if (missing.why)
		findings_extend(
			f, FINDING_FAILED,
			"look for it with the driver's tool and in the kernel's log; if it is gone "
			"for good, 'canhazgpu admin --refresh' retires it",
			"GPU %s of the pool: %s", str_text(&missing.gpus), missing.why);
	if (faulty.gpus.length)
		findings_extend(f, FINDING_FAILED,
				"it is not handed out until its driver is satisfied",
				"GPU %s is faulty: %s", str_text(&faulty.gpus),
				faulty.why ? faulty.why : "its driver says so");
	if (ailing.gpus.length)
		findings_extend(f, FINDING_WARNING, "it is handed out all the same",
				"GPU %s needs attention: %s", str_text(&ailing.gpus),
				ailing.why ? ailing.why : "its driver says so");
	if (unknown.why)
		findings_extend(f, FINDING_WARNING,
				"it is not handed out until the driver "
				"reports it",
				"the use of GPU %s is unknown: %s", str_text(&unknown.gpus),
				unknown.why);
	if (moved.gpus.length)
		findings_extend(f, FINDING_NOTE, "nothing to do: they are found by their UUID",
				"the driver and the pool have different numbers for GPU %s",
				str_text(&moved.gpus));
}

/* How the host's GPUs differ from the pool's. */
static void examine_units(const struct observation *o, const struct units *u, struct findings *f)
{
	if (u->counts[UNIT_ADDED])
		findings_extend(f, FINDING_NOTE, "'canhazgpu admin --refresh' gives them numbers",
				"the driver shows %zu more", u->counts[UNIT_ADDED]);
	if (u->counts[UNIT_BACK])
		findings_extend(f, FINDING_NOTE, "'canhazgpu admin --refresh' puts them to use",
				"%zu that were gone are back", u->counts[UNIT_BACK]);
	if (u->left_out)
		findings_extend(f, FINDING_WARNING, "look for them with the driver's tool",
				"the driver shows %zu more that cannot be told apart, or may be in "
				"MIG mode",
				u->left_out);
	for (size_t i = 0; i < o->scan.divided_count + o->scan.gpus_count; i++) {
		const struct gpu *card = i < o->scan.divided_count
						 ? &o->scan.divided[i]
						 : &o->scan.gpus[i - o->scan.divided_count];

		if (card->instances_problem)
			findings_extend(f, FINDING_WARNING, NULL, "GPU %d of the driver: %s",
					card->index, card->instances_problem);
	}
}

void examine_links(const struct pool_state *state, struct findings *f)
{
	AUTO(topology_clear) struct topology t = {0};
	AUTO_FREE int *islands = mem_alloc(state->slots_count, sizeof(*islands));
	AUTO(str_clear) struct str missing = {0};
	size_t count;

	if (state->slots_count < 2 || gpu_is_simulated(state->provider))
		return;
	plan_topology(state, &t);
	if (!t.count) {
		findings_add(f, "links", FINDING_NOTE,
			     "'canhazgpu admin --refresh' records it where the driver tells; "
			     "--linked and --same-numa need it",
			     "how the GPUs are linked is not recorded");
		return;
	}
	count = plan_find_islands(&t, islands);
	findings_add(f, "links", FINDING_OK, NULL,
		     "how the GPUs are linked is recorded: %zu groups have links of their own",
		     count);
	for (size_t i = 0; i < t.count; i++) {
		bool known = t.gpus[i].numa != NUMA_UNKNOWN;

		for (size_t k = 0; k < t.count && !known; k++)
			known = i != k && topology_link(&t, i, k) != LINK_UNKNOWN;
		if (!known && !state->slots[i].profile && state->slots[i].retired_ns == TIME_NONE)
			list_add(&missing, (int)i);
	}
	if (missing.length)
		findings_extend(f, FINDING_NOTE, "'canhazgpu admin --refresh' records it",
				"not of GPU %s", str_text(&missing));
}

void examine_gpus(const struct pool_state *state, const struct observation *o, struct findings *f)
{
	AUTO(units_clear) struct units u = {0};
	size_t found = 0, retired = 0;

	if (o->problem) {
		findings_add(f, "gpus", FINDING_FAILED, "see the check driver",
			     "nothing is known about the %zu GPU%s of the pool", o->count,
			     str_plural(o->count));
		return;
	}
	for (size_t i = 0; i < o->count; i++) {
		found += o->gpus[i] != NULL;
		retired += !o->gpus[i] && state->slots[i].retired_ns != TIME_NONE;
	}
	findings_add(f, "gpus", FINDING_OK, NULL, "%zu of the pool's %zu are present", found,
		     o->count - retired);
	if (o->scan.hidden)
		findings_extend(
			f, FINDING_WARNING,
			"a container, or a service's rules for devices, keeps them from this "
			"process, or they have failed: 'nvidia-smi' on the host tells",
			"%s", o->scan.hidden);
	examine_placed(state, o, f);
	plan_compare_units(state, &o->scan, o->taken_ns, &u);
	examine_units(o, &u, f);
}

void examine_times(const struct pool_state *state, int64_t newest_end_ns, int64_t now_ns,
		   struct findings *f)
{
	static const char advice[] =
		"set the clocks of this host and of those that share the pool correctly";
	AUTO(str_clear) struct str gpus = {0};

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct reservation *r = state->slots[i].reservation;

		if (r && (r->start_ns > now_ns + FUTURE_NS || r->heartbeat_ns > now_ns + FUTURE_NS))
			list_add(&gpus, state->slots[i].id);
	}
	if (gpus.length)
		findings_add(f, "times", FINDING_WARNING, advice,
			     "the reservation of GPU %s began, or was renewed, in the future",
			     str_text(&gpus));
	else if (newest_end_ns > now_ns + FUTURE_NS)
		findings_add(f, "times", FINDING_WARNING, advice,
			     "the history has an end in the future");
	else
		findings_add(f, "times", FINDING_OK, NULL, "all times in the pool are in the past");
}

static void examine_unreadable(const struct pool_state *state, struct findings *f)
{
	AUTO(group_clear) struct group bad = {0};

	for (size_t i = 0; i < state->slots_count; i++) {
		if (state->slots[i].problem)
			group_add(&bad, state->slots[i].id, state->slots[i].problem);
	}
	if (bad.why)
		findings_extend(f, FINDING_FAILED,
				"see docs/troubleshooting.md, 'The state of a GPU is unreadable'",
				"the state of GPU %s: %s", str_text(&bad.gpus), bad.why);
}

void examine_reservations(const struct observer *o, const struct pool_state *state,
			  struct findings *f)
{
	findings_add(f, "reservations", FINDING_OK, NULL, "%zu", state->reservations_count);
	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		const struct holder *h = &r->holder;
		int gpu = r->gpus_count ? r->gpus[0] : -1;

		if (r->type != RESERVATION_RUN || !observer_is_here(o, h) ||
		    host_process_life(&h->command) != HOST_ALIVE)
			continue;
		if (host_process_life(&h->supervisor) == HOST_GONE)
			findings_extend(
				f, FINDING_WARNING,
				"nothing to do: the first canhazgpu call after the command ends "
				"frees the GPUs; its time limit is not enforced",
				"the supervisor of the run on GPU %d (pid %d) has ended", gpu,
				(int)h->command.pid);
		else if (host_process_is_stopped(&h->supervisor))
			findings_extend(f, FINDING_WARNING, "continue it with kill -CONT",
					"the supervisor (pid %d) of the run on GPU %d is stopped",
					(int)h->supervisor.pid, gpu);
	}
	examine_unreadable(state, f);
}

void examine_queue(const struct observer *o, const struct pool_state *state, struct findings *f)
{
	findings_add(f, "queue", FINDING_OK, NULL, "%zu waiting", state->queue_count);
	for (size_t i = 0; i < state->queue_count; i++) {
		const struct holder *h = &state->queue[i].holder;

		if (observer_is_here(o, h) && host_process_is_stopped(&h->command))
			findings_extend(f, FINDING_WARNING,
					"continue it with kill -CONT, or end it",
					"request %zu in the queue (pid %d) is stopped", i + 1,
					(int)h->command.pid);
	}
	if (state->queue_unreadable)
		findings_extend(f, FINDING_WARNING, "see the pool's store",
				"%zu more are unreadable", state->queue_unreadable);
}

void examine_ignored(const struct observer *o, const struct pool_state *state, struct findings *f)
{
	AUTO_FREE bool *is_alive = observe_ignored(o, state);

	for (size_t i = 0; i < state->ignored_count; i++) {
		const struct ignored_process *p = &state->ignored[i];
		char since[CLOCK_MINUTE_SIZE];

		if (is_alive[i])
			findings_extend(f, FINDING_NOTE,
					"'canhazgpu admin --no-ignore-process' has it count again",
					"%" PRId64 " MB of process %d (%s) do not count as use, "
					"says %s since %s",
					p->memory_mb, (int)p->holder.command.pid,
					p->name ? p->name : "unknown",
					p->ignored_by ? p->ignored_by : "unknown",
					clock_local_minute(p->ignored_ns, since));
	}
}

/* Passes are a minute apart, from the timer; with cron, somebody may have chosen otherwise. The
   rest is for a slow driver. */
#define PASS_MISSED_NS (5 * NS_PER_MINUTE)
#define PASS_LATE_NS (15 * NS_PER_MINUTE)

/* The timer is part of an installation for all users, and works where systemd runs. */
static bool has_timer(void)
{
	return privilege_is_installed() && access("/run/systemd/system", F_OK) == 0;
}

/* What starts passes on this host, to be typed as it stands. The caller frees it. */
static char *passes_advice(void)
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (has_timer())
		return mem_strdup(
			"as root, 'systemctl enable --now canhazgpu-guard.timer' starts one "
			"each minute (man canhazgpu-guard)");
	program[n > 0 ? n : 0] = '\0';
	/* A space would end the name there, and '%' means a newline to cron. */
	return mem_printf("a line in %s crontab starts one each minute: * * * * * %s guard (man "
			  "canhazgpu-guard)",
			  privilege_is_installed() ? "root's" : "your",
			  n > 0 && !strpbrk(program, " %'\"\\$") ? program : "canhazgpu");
}

static const char read_journal[] = "'journalctl -u canhazgpu-guard.service' says why";

/* There was none yet. */
static void examine_first_pass(const struct passes_expected *x, const char *start,
			       struct findings *f)
{
	if (*x->timer.failed)
		findings_add(f, "guard", FINDING_WARNING, read_journal,
			     "there was no pass of 'canhazgpu guard' yet: that which systemd has "
			     "started last has failed (%s)",
			     x->timer.failed);
	else if (x->timer.state == HOST_TIMER_ON)
		findings_add(f, "guard", FINDING_NOTE,
			     "'systemctl list-timers canhazgpu-guard.timer' says when the first is",
			     "the timer is on, and there was no pass of 'canhazgpu guard' yet");
	else if (x->has_rules)
		findings_add(f, "guard", FINDING_WARNING, start,
			     "there are rules, and no pass of 'canhazgpu guard' yet");
	else
		findings_add(f, "guard", FINDING_NOTE, start,
			     "there was no pass of 'canhazgpu guard' yet");
}

/* The last one was so long ago. */
static void examine_last_pass(const struct passes_expected *x, const char *start, int64_t ago_ns,
			      struct findings *f)
{
	enum finding_result result = x->has_rules ? FINDING_WARNING : FINDING_NOTE;

	if (*x->timer.failed)
		findings_extend(f, FINDING_WARNING, read_journal,
				"but that which systemd has started last has failed (%s)",
				x->timer.failed);
	else if (x->timer.state == HOST_TIMER_ON && ago_ns > PASS_MISSED_NS)
		findings_extend(f, FINDING_WARNING,
				"'systemctl status canhazgpu-guard.timer canhazgpu-guard.service' "
				"says why",
				"but passes are missed: the timer is on, and should start one each "
				"minute");
	else if (x->timer.state == HOST_TIMER_OFF && ago_ns > PASS_LATE_NS)
		findings_extend(f, result, start,
				"but nothing starts it at present: the timer is off");
	else if (x->timer.state == HOST_TIMER_UNKNOWN && ago_ns > PASS_LATE_NS)
		findings_extend(f, result, "see cron, and what 'canhazgpu guard' says by hand",
				"but nothing starts it at present, or it fails");
}

void examine_passes(const struct pool_state *state, const struct passes_expected *expected,
		    int64_t now_ns, struct findings *f)
{
	const struct mark *last = pool_state_mark(state, PLAN_GUARD_PASS);
	int64_t ago_ns = last ? now_ns - last->seen_ns : 0;
	AUTO_FREE char *ago = clock_span(ago_ns), *start = passes_advice();

	if (!last) {
		examine_first_pass(expected, start, f);
		return;
	}
	findings_add(f, "guard", FINDING_OK, NULL, "the last pass was %s ago: %s", ago,
		     last->text ? last->text : "nothing is known of it");
	examine_last_pass(expected, start, ago_ns, f);
}
