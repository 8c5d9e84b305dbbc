/*
 * Guard over long random histories: reservations, processes, activity, passes that come late, are
 * killed at any point or are not taken at all, a clock that is set. What must hold is checked
 * against what has really happened, by the boot clock, not against guard's own marks. A failure
 * names its seed; CANHAZGPU_TRACE=SEED runs that one alone, CANHAZGPU_TRACES=N that many.
 */
#include "test.h"

#include "base/mem.h"
#include "plan/guard.h"
#include "plan/rebase.h"

#define GPUS 4
#define STEPS 160
#define SECOND NS_PER_SECOND
#define MINUTE NS_PER_MINUTE
#define BOOT_BEGIN (INT64_C(5000000) * SECOND)
#define TRACES 500
#define PROCESSES_MAX 512

/* 0 is root; 1000 keeps to the rules; 1003 is spared; the others do what they like. */
static const uid_t uids[] = {0, 1000, 1001, 1002, 1003};
#define ACCOUNTS ARRAY_SIZE(uids)
#define ROOT 0 /* whose passes these are: it need not be told */
#define KEEPER 1

struct task {
	size_t account;
	int gpu, mb;
	bool alive, container, hidden; /* hidden: its owner cannot be read */
	int64_t started_ns;            /* all times: boot */
	int64_t term_ns, kill_ns;      /* really sent; 0: not */
	int terms, events;
};

struct trace {
	uint64_t random;
	char failure[256];
	int64_t boot_ns, offset_ns; /* the wall clock is ahead by so much */
	struct pool_state state;
	struct guard_rules rules;
	bool within_hours;
	struct task tasks[PROCESSES_MAX];
	size_t tasks_count;
	/* Per GPU. */
	bool busy[GPUS], unknown[GPUS], unseen[GPUS];
	int64_t active_ns[GPUS], idle_since_ns[GPUS]; /* really; as looks know it */
	int64_t seen_active_ns[GPUS];                 /* as a committed look has seen it */
	int64_t idle_warned_ns[GPUS];                 /* its holder was, about this idleness */
	/* Per account and GPU: when it was warned of its use, which has gone on since. */
	int64_t use_warned_ns[ACCOUNTS][GPUS], use_seen_ns[ACCOUNTS][GPUS];
	/* When it was told that its reservation there ends, and when that is. */
	int64_t end_told_ns[ACCOUNTS][GPUS], end_ns[ACCOUNTS][GPUS];
	/* Whether these warnings were told. */
	bool use_told[ACCOUNTS][GPUS], idle_told[GPUS], end_told[ACCOUNTS][GPUS];
	int64_t released_ns[GPUS], known_released_ns[GPUS]; /* boot, and as the state has it */
	int run_signals[GPUS];                              /* sent to the run there */
	int64_t last_pass_ns;
	int crashes;
};

static struct {
	size_t warned, terms, kills, runs, released, withdrawn, expired, ended, crashes;
} total;

static uint64_t next_random(struct trace *t)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return t->random;
}

static int below(struct trace *t, int n)
{
	return (int)(next_random(t) % (uint64_t)n);
}

#define CHECK(t, condition, ...)                                                   \
	do {                                                                       \
		if (!(condition) && !*(t)->failure)                                \
			snprintf((t)->failure, sizeof((t)->failure), __VA_ARGS__); \
	} while (0)

static int64_t wall_ns(const struct trace *t, int64_t boot_ns)
{
	return boot_ns + t->offset_ns;
}

static size_t account_of(uid_t uid)
{
	for (size_t i = 0; i < ACCOUNTS; i++) {
		if (uids[i] == uid)
			return i;
	}
	fail_msg("no account %d", (int)uid);
	return 0;
}

static bool holds(const struct trace *t, size_t account, int gpu)
{
	const struct reservation *r = t->state.slots[gpu].reservation;

	return r && r->uid.value == (int64_t)uids[account];
}

/* Like a store, which records by which clock a GPU was given back. */
static void apply(struct trace *t, const struct plan *plan)
{
	struct err e = {0};

	for (size_t i = 0; i < plan->changes_count; i++)
		assert_int_equal(change_apply(&t->state, &plan->changes[i], &e), 0);
	for (int i = 0; i < GPUS; i++) {
		struct slot *slot = &t->state.slots[i];

		if (slot->last_released_ns == t->known_released_ns[i])
			continue;
		t->known_released_ns[i] = slot->last_released_ns;
		t->released_ns[i] = slot->last_released_ns - t->offset_ns;
		snprintf(slot->released_base.clock, sizeof(slot->released_base.clock), "boot");
		slot->released_base.offset_ns = t->offset_ns;
	}
}

static struct plan_facts facts_of(const struct trace *t)
{
	static const enum holder_life alive[GPUS] = {HOLDER_ALIVE, HOLDER_ALIVE, HOLDER_ALIVE,
						     HOLDER_ALIVE};

	return (struct plan_facts){.now_ns = wall_ns(t, t->boot_ns),
				   .boot_ns = t->boot_ns,
				   .clock = "boot",
				   .life = alive,
				   .monotonic_ns = t->boot_ns};
}

/* ---- what people do ---- */

static void reserve(struct trace *t, size_t account, int gpu)
{
	struct reservation *r;

	if (t->state.slots[gpu].reservation)
		return;
	r = reservation_new();
	snprintf(r->id, sizeof(r->id), "00000000-0000-0000-0000-%012llx",
		 (unsigned long long)(next_random(t) & 0xffffffffffff));
	r->account = mem_printf("u%d", (int)uids[account]);
	r->user = mem_strdup(r->account);
	r->uid = quantity_of(uids[account]);
	r->type = account == KEEPER || below(t, 3) ? RESERVATION_MANUAL : RESERVATION_RUN;
	r->start_ns = wall_ns(t, t->boot_ns);
	if (r->type == RESERVATION_MANUAL)
		r->expiry_ns = r->start_ns + (5 + below(t, 300)) * MINUTE;
	else
		r->holder.command = (struct process_ref){10 + gpu, 1};
	snprintf(r->base.clock, sizeof(r->base.clock), "boot");
	r->base.offset_ns = t->offset_ns;
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = gpu;
	r->gpus_count = 1;
	pool_state_add(&t->state, r);
	t->active_ns[gpu] = t->boot_ns;
	t->idle_since_ns[gpu] = t->idle_warned_ns[gpu] = t->seen_active_ns[gpu] = 0;
	t->end_told_ns[account][gpu] = 0;
	t->run_signals[gpu] = 0;
}

static void end_tasks(struct trace *t, size_t account, int gpu)
{
	for (size_t i = 0; i < t->tasks_count; i++) {
		if (t->tasks[i].account == account && t->tasks[i].gpu == gpu)
			t->tasks[i].alive = false;
	}
}

static void release(struct trace *t, size_t account, int gpu)
{
	AUTO(plan_clear) struct plan plan = {0};
	struct reservation *r = t->state.slots[gpu].reservation;
	AUTO(pool_state_clear) struct pool_state copy = {0};

	if (!holds(t, account, gpu))
		return;
	pool_state_copy(&copy, &t->state);
	plan_release_part(&plan, copy.slots[gpu].reservation, r->gpus, 1, wall_ns(t, t->boot_ns),
			  NULL);
	apply(t, &plan);
}

static void start(struct trace *t, size_t account, int gpu)
{
	if (t->tasks_count == PROCESSES_MAX)
		return;
	t->tasks[t->tasks_count++] = (struct task){
		.account = account,
		.gpu = gpu,
		.mb = below(t, 4) ? 4000 : 300,
		.alive = true,
		.container = !below(t, 8),
		.hidden = !below(t, 12),
		.started_ns = t->boot_ns,
	};
}

/* Uses only what it has reserved, and stops before that ends. */
static void keep_to_rules(struct trace *t)
{
	int gpu = below(t, GPUS);

	for (int i = 0; i < GPUS; i++) {
		const struct reservation *r = t->state.slots[i].reservation;

		if (!holds(t, KEEPER, i) || r->expiry_ns - wall_ns(t, t->boot_ns) < 4 * MINUTE) {
			end_tasks(t, KEEPER, i);
			release(t, KEEPER, i);
		} else {
			t->busy[i] = true;
		}
	}
	if (!t->state.slots[gpu].reservation && !below(t, 12))
		reserve(t, KEEPER, gpu), t->busy[gpu] = true;
	else if (holds(t, KEEPER, gpu) && below(t, 2))
		start(t, KEEPER, gpu);
}

static void act(struct trace *t)
{
	static const size_t careless[] = {0, 2, 2, 3, 3, 4};
	size_t account = careless[below(t, ARRAY_SIZE(careless))];
	int gpu = below(t, GPUS);

	switch (below(t, 9)) {
	case 0:
	case 1:
		reserve(t, account, gpu);
		break;
	case 2:
		release(t, account, gpu);
		break;
	case 3:
	case 4:
		start(t, account, gpu);
		break;
	case 5:
		end_tasks(t, account, gpu);
		break;
	case 6:
		t->busy[gpu] = !below(t, 3);
		break;
	case 7:
		t->unknown[gpu] = !below(t, 8);
		break;
	case 8:
		t->unseen[gpu] = !below(t, 8);
		break;
	}
	if (!below(t, 30))
		t->within_hours = !t->within_hours;
	if (!below(t, 25))
		t->offset_ns += (below(t, 3) - 1) * 7200 * SECOND;
}

/* ---- a pass ---- */

struct sight {
	struct gpu gpus[GPUS];
	struct gpu *seen[GPUS];
	enum gpu_use use[GPUS];
	bool is_active[GPUS];
	int64_t idle_ns[GPUS], active_ns[GPUS];
	struct guard_account accounts[ACCOUNTS];
};

static void look(struct trace *t, struct sight *s)
{
	*s = (struct sight){.gpus = {{.index = 0}}};
	for (size_t i = 0; i < ACCOUNTS; i++)
		s->accounts[i] = (struct guard_account){uids[i], uids[i] == 1003};
	for (size_t i = 0; i < t->tasks_count; i++) {
		const struct task *task = &t->tasks[i];
		const struct reservation *r = t->state.slots[task->gpu].reservation;
		struct process *p;

		if (!task->alive)
			continue;
		p = gpu_add_process(&s->gpus[task->gpu]);
		p->pid = (pid_t)(1000 + i);
		p->start_ticks = 10 + i;
		p->started_ns = wall_ns(t, task->started_ns);
		p->memory_mb = quantity_of(task->mb);
		p->container = task->container ? mem_strdup("0123456789ab") : NULL;
		if (!task->hidden) {
			p->uid = quantity_of(uids[task->account]);
			p->account = mem_printf("u%d", (int)uids[task->account]);
		}
		p->foreign = r && !task->hidden && r->uid.value != (int64_t)uids[task->account];
	}
	for (int i = 0; i < GPUS; i++) {
		int64_t used_mb = 0;
		bool gap = t->boot_ns - t->last_pass_ns > 150 * SECOND;

		for (size_t k = 0; k < s->gpus[i].processes_count; k++)
			used_mb += s->gpus[i].processes[k].memory_mb.value;
		s->gpus[i].processes_known = true;
		s->seen[i] = t->unseen[i] ? NULL : &s->gpus[i];
		s->use[i] = t->unseen[i] ? USE_UNKNOWN : used_mb > 1024 ? USE_BUSY : USE_IDLE;
		/* What looks know of its activity: not what was between those that are far apart.
		 */
		if (t->busy[i] || t->unknown[i] || t->unseen[i] || !t->state.slots[i].reservation)
			t->idle_since_ns[i] = 0;
		else if (!t->idle_since_ns[i] || gap)
			t->idle_since_ns[i] = t->boot_ns;
		s->idle_ns[i] = t->idle_since_ns[i] ? wall_ns(t, t->idle_since_ns[i]) : TIME_NONE;
		s->is_active[i] = t->busy[i] && !t->unknown[i] && !t->unseen[i];
		s->active_ns[i] = s->is_active[i]        ? wall_ns(t, t->boot_ns)
				  : t->seen_active_ns[i] ? wall_ns(t, t->seen_active_ns[i])
							 : TIME_NONE;
	}
}

static void sight_clear(struct sight *s)
{
	for (int i = 0; i < GPUS; i++)
		gpu_clear(&s->gpus[i]);
}

/* What it does there from now on is another use: it is warned again, and then SIGTERM comes first.
 */
static void start_anew(struct trace *t, size_t account, int gpu)
{
	t->use_warned_ns[account][gpu] = 0;
	for (size_t i = 0; i < t->tasks_count; i++) {
		if (t->tasks[i].account == account && t->tasks[i].gpu == gpu)
			t->tasks[i].terms = 0, t->tasks[i].term_ns = 0;
	}
}

/* Whether a pass gives that GPU back. */
static bool releases(const struct guard_steps *steps, int gpu)
{
	for (size_t i = 0; i < steps->count; i++) {
		if (steps->steps[i].deed == GUARD_RELEASED &&
		    gpu_ids_have(steps->steps[i].gpus, steps->steps[i].gpus_count, gpu))
			return true;
	}
	return false;
}

/* Whether anything that this pass can see says that the account's use of that GPU is over. */
static void note_ended(struct trace *t, const struct sight *s, const struct guard_steps *steps,
		       bool sees[ACCOUNTS][GPUS])
{
	for (size_t a = 0; a < ACCOUNTS; a++) {
		for (int i = 0; i < GPUS; i++) {
			const struct reservation *r = t->state.slots[i].reservation;
			/* This pass ends it, and the next one sees whose its processes are. */
			bool ends = releases(steps, i) || (r && r->expiry_ns != TIME_NONE &&
							   r->expiry_ns <= wall_ns(t, t->boot_ns));
			bool seen = s->seen[i] && !ends;
			bool old = false;
			int mb = 0;

			for (size_t k = 0; k < t->tasks_count; k++) {
				if (!t->tasks[k].alive || t->tasks[k].hidden ||
				    t->tasks[k].account != a || t->tasks[k].gpu != i)
					continue;
				mb += t->tasks[k].mb;
				old |= t->tasks[k].started_ns <= t->use_seen_ns[a][i];
			}
			/* A little is no use of a reserved GPU, or of one that is idle. */
			if ((holds(t, a, i) && !ends) ||
			    (seen && (!mb || (r ? mb <= 1024 : s->use[i] != USE_BUSY))) ||
			    (seen && t->boot_ns - t->use_seen_ns[a][i] > GUARD_GAP_NS &&
			     (!old || t->released_ns[i] > t->use_seen_ns[a][i])))
				start_anew(t, a, i);
			sees[a][i] = seen && mb;
		}
	}
}

static void check_stop(struct trace *t, const struct guard_step *step)
{
	struct task *task = &t->tasks[step->process.pid - 1000];
	bool by_use = false, by_end = false;

	CHECK(t, task->alive, "a dead process is signalled");
	CHECK(t, uids[task->account] != 0, "root's process is signalled");
	CHECK(t, task->account != KEEPER, "who keeps to the rules is signalled");
	CHECK(t, uids[task->account] != 1003, "a spared account is signalled");
	CHECK(t, !task->container && !task->hidden, "a process of nobody is signalled");
	CHECK(t, t->within_hours, "signalled outside the hours");
	for (size_t i = 0; i < step->gpus_count; i++) {
		int gpu = step->gpus[i];
		int64_t warned_ns = t->use_warned_ns[task->account][gpu];
		int64_t told_ns = t->end_told_ns[task->account][gpu];

		CHECK(t, !holds(t, task->account, gpu), "the holder of the GPU is signalled");
		CHECK(t, task->gpu == gpu, "it is not on that GPU");
		by_use |= t->rules.unreserved_stop && warned_ns &&
			  t->use_told[task->account][gpu] &&
			  t->boot_ns - warned_ns >= t->rules.unreserved_after_ns &&
			  t->boot_ns - task->started_ns >= t->rules.unreserved_after_ns - SECOND;
		by_end |= t->rules.expiry_stop && told_ns && t->end_told[task->account][gpu] &&
			  t->boot_ns - told_ns >= t->rules.expiry_warn_ns &&
			  task->started_ns <= t->end_ns[task->account][gpu] + SECOND;
	}
	CHECK(t, by_use || by_end, "no warning that is old enough: %s", step->text);
	if (step->deed != GUARD_KILL)
		return;
	CHECK(t, task->term_ns && t->boot_ns - task->term_ns >= t->rules.grace_ns,
	      "SIGKILL without a SIGTERM that is old enough");
	CHECK(t, !task->kill_ns || t->crashes, "SIGKILL twice");
}

/* What holds for a release, and for the signal to a run. */
static void check_idle(struct trace *t, const struct guard_step *step)
{
	for (size_t i = 0; i < step->gpus_count; i++) {
		int gpu = step->gpus[i];

		CHECK(t,
		      t->idle_since_ns[gpu] &&
			      t->boot_ns - t->idle_since_ns[gpu] >= t->rules.idle_after_ns,
		      "GPU %d was not idle for its time", gpu);
		CHECK(t, t->boot_ns - t->active_ns[gpu] >= t->rules.idle_after_ns,
		      "GPU %d was active within its time", gpu);
		CHECK(t,
		      t->idle_warned_ns[gpu] && (t->idle_told[gpu] || holds(t, ROOT, gpu)) &&
			      t->boot_ns - t->idle_warned_ns[gpu] >= t->rules.idle_warn_ns,
		      "%s without a warning, on GPU %d", step->text, gpu);
		CHECK(t, t->within_hours, "%s outside the hours", step->text);
		CHECK(t, !holds(t, KEEPER, gpu), "who keeps to the rules loses a GPU");
	}
}

static void check_release(struct trace *t, const struct guard_step *step)
{
	check_idle(t, step);
	CHECK(t, t->rules.idle_then == GUARD_RELEASE, "released though nobody waits");
	CHECK(t, t->state.slots[step->gpus[0]].reservation->type == RESERVATION_MANUAL,
	      "a run is released");
}

static void check_run(struct trace *t, const struct guard_step *step)
{
	size_t account = account_of((uid_t)step->uid.value);
	int gpu = step->gpus[0];

	check_idle(t, step);
	CHECK(t, t->rules.idle_runs_signal, "a run is signalled without a rule");
	CHECK(t, t->state.slots[gpu].reservation->type == RESERVATION_RUN, "it is no run");
	CHECK(t, holds(t, account, gpu), "the GPU is not that run's");
	CHECK(t, account != ROOT && uids[account] != 1003, "root's or a spared run is signalled");
}

/* What the steps of a pass mean, which is committed. */
static void note(struct trace *t, const struct guard_step *step)
{
	size_t account = step->uid.known ? account_of((uid_t)step->uid.value) : 0;
	int gpu = step->gpus_count ? step->gpus[0] : 0;

	switch (step->deed) {
	case GUARD_WARN:
		total.warned++;
		CHECK(t, account != KEEPER, "who keeps to the rules is warned: %s", step->text);
		CHECK(t, t->within_hours, "warned outside the hours");
		if (*step->reservation_id) {
			CHECK(t, !t->idle_warned_ns[gpu] || !t->idle_told[gpu],
			      "warned twice of idle GPU %d: %s", gpu, step->text);
			t->idle_warned_ns[gpu] = t->boot_ns;
			t->idle_told[gpu] = false;
		} else {
			CHECK(t, !t->use_warned_ns[account][gpu] || !t->use_told[account][gpu],
			      "warned twice: %s", step->text);
			t->use_warned_ns[account][gpu] = t->boot_ns;
			t->use_told[account][gpu] = false;
		}
		break;
	case GUARD_WITHDRAW:
		total.withdrawn++;
		break;
	case GUARD_EXPIRING:
		total.expired++;
		CHECK(t, !t->end_told_ns[account][gpu] || !t->end_told[account][gpu],
		      "told twice that a reservation ends");
		t->end_told_ns[account][gpu] = t->boot_ns;
		t->end_told[account][gpu] = false;
		t->end_ns[account][gpu] = t->state.slots[gpu].reservation->expiry_ns - t->offset_ns;
		break;
	case GUARD_ENDED:
		total.ended++;
		break;
	case GUARD_RELEASED:
		total.released++;
		check_release(t, step);
		t->idle_warned_ns[gpu] = 0;
		break;
	case GUARD_SIGNAL_RUN:
		check_run(t, step);
		break;
	case GUARD_TERM:
	case GUARD_KILL:
		check_stop(t, step);
		break;
	default:
		break;
	}
}

/* Some processes end at the first signal. Runs go on, here. */
static void send(struct trace *t, const struct guard_step *step, enum guard_sent *ret_sent)
{
	struct task *task;

	*ret_sent = GUARD_SENT;
	if (step->deed == GUARD_SIGNAL_RUN) {
		t->run_signals[step->gpus[0]]++;
		CHECK(t, t->run_signals[step->gpus[0]] <= 1 + t->crashes,
		      "a run is signalled twice");
		total.runs++;
		return;
	}
	task = &t->tasks[step->process.pid - 1000];

	*ret_sent = task->alive ? GUARD_SENT : GUARD_GONE;
	if (step->deed == GUARD_KILL) {
		task->kill_ns = t->boot_ns;
		task->alive = false;
		total.kills++;
		return;
	}
	task->terms++;
	CHECK(t, task->terms <= 1 + t->crashes, "SIGTERM twice");
	task->term_ns = task->term_ns ? task->term_ns : t->boot_ns;
	task->alive &= below(t, 2) != 0;
	total.terms++;
}

/* Tells what is not too old, as src/tell does behind a pass. */
static void tell(struct trace *t)
{
	char key[] = PLAN_TOLD;
	struct mark mark = {.key = key, .seen_ns = wall_ns(t, t->boot_ns)};

	AUTO(plan_clear) struct plan plan = {0};
	AUTO(pool_state_clear) struct pool_state copy = {0};
	const struct plan_facts facts = facts_of(t);
	const struct mark *before;

	pool_state_copy(&copy, &t->state);
	before = pool_state_mark(&copy, PLAN_TOLD);
	plan_guard_untold(&copy, &facts, before ? before->seen_ns : TIME_NONE,
			  facts.now_ns - NS_PER_HOUR, &plan);
	apply(t, &plan);
	snprintf(mark.base.clock, sizeof(mark.base.clock), "boot");
	mark.base.offset_ns = t->offset_ns;
	pool_state_put_mark(&t->state, &mark, false);
	for (int i = 0; i < GPUS; i++) {
		t->idle_told[i] |= t->boot_ns - t->idle_warned_ns[i] < NS_PER_HOUR;
		for (size_t a = 0; a < ACCOUNTS; a++) {
			t->use_told[a][i] |= t->boot_ns - t->use_warned_ns[a][i] < NS_PER_HOUR;
			t->end_told[a][i] |= t->boot_ns - t->end_told_ns[a][i] < NS_PER_HOUR;
		}
	}
}

static void pass(struct trace *t)
{
	AUTO(sight_clear) struct sight s;
	AUTO(pool_state_clear) struct pool_state copy = {0};
	AUTO(plan_clear) struct plan plan = {0}, after = {0};
	AUTO(guard_steps_clear) struct guard_steps steps = {0};
	AUTO_FREE enum guard_sent *sent = NULL;
	struct plan_facts facts = facts_of(t);
	struct guard_facts guard;
	bool sees[ACCOUNTS][GPUS];
	int crash = below(t, 12);

	plan_rebase_state(&t->state, "boot", facts.now_ns, facts.boot_ns);
	look(t, &s);
	facts.use = s.use;
	facts.gpus = s.seen;
	guard = (struct guard_facts){.scan_ns = facts.now_ns - SECOND / 10,
				     .pids_known = true,
				     .threshold_mb = 1024,
				     .within_hours = t->within_hours,
				     .may_signal = true,
				     .actor = "root",
				     .idle_since_ns = s.idle_ns,
				     .last_active_ns = s.active_ns,
				     .accounts = s.accounts,
				     .accounts_count = ACCOUNTS};
	pool_state_copy(&copy, &t->state);
	plan_guard(&copy, &facts, &guard, &t->rules, &plan, &steps);
	/* Killed before its commit: nothing has happened. */
	if (crash == 0)
		return;
	note_ended(t, &s, &steps, sees);
	for (int i = 0; i < GPUS; i++) {
		/* Nor does a warning count after a time of which nothing is known. */
		const struct reservation *r = t->state.slots[i].reservation;
		bool is_void = !(r && r->type == RESERVATION_RUN && !t->rules.idle_runs_signal) &&
			       s.idle_ns[i] &&
			       s.idle_ns[i] > wall_ns(t, t->idle_warned_ns[i]) + SECOND;

		t->idle_warned_ns[i] = s.is_active[i] || is_void ? 0 : t->idle_warned_ns[i];
		t->seen_active_ns[i] = s.is_active[i] ? t->boot_ns : t->seen_active_ns[i];
	}
	for (size_t i = 0; i < steps.count; i++)
		note(t, &steps.steps[i]);
	apply(t, &plan);
	t->last_pass_ns = t->boot_ns;
	for (size_t i = 0; i < ACCOUNTS * GPUS; i++) {
		if (sees[i / GPUS][i % GPUS])
			t->use_seen_ns[i / GPUS][i % GPUS] = t->boot_ns;
	}
	/* ... after it ... */
	if (crash == 1) {
		t->crashes++;
		total.crashes++;
		return;
	}
	sent = mem_alloc(steps.count, sizeof(*sent));
	for (size_t i = 0; i < steps.count; i++) {
		if (guard_deed_signals(steps.steps[i].deed))
			send(t, &steps.steps[i], &sent[i]);
	}
	/* ... or after its signals. */
	if (crash == 2) {
		t->crashes++;
		return;
	}
	pool_state_clear(&copy);
	copy = (struct pool_state){0};
	pool_state_copy(&copy, &t->state);
	plan_guard_sent(&copy, &facts, &guard, &steps, sent, &after);
	for (size_t i = 0; i < after.changes_count; i++) {
		if (after.changes[i].kind == CHANGE_EVENT)
			CHECK(t, after.changes[i].event.event->kind == EVENT_STOPPED, "an event");
	}
	apply(t, &after);
	/* ... or before it has told anybody. */
	if (crash == 3)
		t->crashes++;
	else
		tell(t);
}

static void open_trace(struct trace *t, uint64_t seed)
{
	*t = (struct trace){.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
			    .boot_ns = BOOT_BEGIN,
			    .offset_ns = INT64_C(1790000000) * SECOND,
			    .within_hours = true};
	t->state.initialized = true;
	pool_state_make_slots(&t->state, GPUS);
	t->rules = (struct guard_rules){
		.idle_after_ns = below(t, 4) ? (4 + below(t, 40)) * MINUTE : 0,
		.idle_warn_ns = (1 + below(t, 40)) * MINUTE,
		.idle_then = below(t, 4) ? GUARD_RELEASE : GUARD_RELEASE_AWAITED,
		.idle_runs_signal = below(t, 3) != 0,
		.unreserved_after_ns = below(t, 4) ? (1 + below(t, 20)) * MINUTE : 0,
		.unreserved_warn = true,
		.unreserved_stop = below(t, 4) != 0,
		.expiry_warn_ns = below(t, 3) ? (1 + below(t, 15)) * MINUTE : 0,
		.expiry_stop = below(t, 2) != 0,
		.grace_ns = (1 + below(t, 90)) * SECOND,
	};
}

static void run_trace(uint64_t seed)
{
	struct trace *t = mem_alloc(1, sizeof(*t));
	int i = 0;

	open_trace(t, seed);
	for (; i < STEPS && !*t->failure; i++) {
		/* Mostly each minute; now and then a host sleeps, or the timer is off. */
		t->boot_ns +=
			below(t, 40) ? (20 + below(t, 60)) * SECOND : (5 + below(t, 3000)) * MINUTE;
		for (int gpu = 0; gpu < GPUS; gpu++) {
			if (t->busy[gpu])
				t->active_ns[gpu] = t->boot_ns;
		}
		if (!below(t, 3))
			act(t);
		keep_to_rules(t);
		t->boot_ns += SECOND;
		pass(t);
	}
	if (*t->failure)
		fail_msg("trace %llu, step %d: %s", (unsigned long long)seed, i, t->failure);
	pool_state_clear(&t->state);
	free(t);
}

static void test_traces(void **state)
{
	const char *one = getenv("CANHAZGPU_TRACE"), *count = getenv("CANHAZGPU_TRACES");
	uint64_t traces = count ? strtoull(count, NULL, 10) : TRACES;

	(void)state;
	if (one) {
		run_trace(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= traces; seed++)
		run_trace(seed);
	/* Rules that never came to bear prove nothing. */
	printf("# warned %zu, withdrawn %zu, told %zu, released %zu, runs %zu, SIGTERM %zu, SIGKILL %zu, ended "
	       "%zu, killed passes %zu\n",
	       total.warned, total.withdrawn, total.expired, total.released, total.runs,
	       total.terms, total.kills, total.ended, total.crashes);
	assert_true(total.warned && total.withdrawn && total.expired && total.released &&
		    total.runs && total.terms && total.kills && total.ended && total.crashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
