#include "guard_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "test.h"

#define THRESHOLD_MB 1024

static int64_t ago(const char *minutes)
{
	return !strcmp(minutes, "-") ? TIME_NONE : NOW - strtoll(minutes, NULL, 10) * MINUTE;
}

static void add_hold(struct guard_world *w, const char *text)
{
	int gpu, count, uid, left = 60;
	char type[16];
	struct reservation *r;

	assert_true(sscanf(text, "%d %d %d %15s %d", &gpu, &count, &uid, type, &left) >= 4);
	r = world_hold(&w->state, (uid_t)uid,
		       strcmp(type, "run") != 0 ? RESERVATION_MANUAL : RESERVATION_RUN, gpu, count);
	if (r->type == RESERVATION_MANUAL)
		r->expiry_ns = NOW + left * MINUTE;
	else
		r->holder.command = (struct process_ref){5000 + gpu, 50};
	w->life[w->state.reservations_count - 1] =
		r->type == RESERVATION_RUN ? HOLDER_ALIVE : HOLDER_OUT_OF_SIGHT;
}

static void add_process(struct guard_world *w, const char *text)
{
	int gpu, pid, mb, age, length = 0;
	char uid[16];
	const char *words;
	struct process *p;

	assert_true(sscanf(text, "%d %d %15s %d %d%n", &gpu, &pid, uid, &mb, &age, &length) >= 5);
	words = text + length;
	p = gpu_add_process(&w->gpus[gpu]);
	p->pid = pid;
	p->name = mem_strdup(strstr(words, "Xorg") ? "Xorg" : "python");
	if (mb >= 0)
		p->memory_mb = quantity_of(mb);
	if (strcmp(uid, "?") != 0) {
		p->uid = quantity_of(strtoll(uid, NULL, 10));
		p->account = mem_printf("u%s", uid);
	}
	if (!strstr(words, "ageless")) {
		p->start_ticks = 99;
		p->started_ns = NOW - age * MINUTE;
	}
	if (strstr(words, "container"))
		p->container = mem_strdup("0123456789ab");
	if (strstr(words, "ignored"))
		p->ignored_by = mem_strdup("root");
	p->foreign = !strstr(words, "sudo"); /* of its holder all the same */
}

static void add_mark(struct guard_world *w, const char *text)
{
	char key[80], since[16], warned[16], acted[16] = "-", rest[80] = "";
	struct mark mark = {.key = key};

	assert_true(sscanf(text, "%79[^=]=%15[^,],%15[^,],%15[^,],%79[^\n]", key, since, warned,
			   acted, rest) >= 3);
	mark.since_ns = ago(since);
	mark.warned_ns = ago(warned);
	mark.acted_ns = ago(acted);
	mark.text = *rest ? rest : NULL;
	pool_state_put_mark(&w->state, &mark, false);
}

static void add_pass(struct guard_world *w, const char *minutes)
{
	char key[] = "guard";
	const struct mark mark = {.key = key, .since_ns = ago("9999")};

	pool_state_put_mark(&w->state, &mark, false);
	for (size_t i = 0; i < w->state.marks_count; i++) {
		if (strcmp(w->state.marks[i].key, PLAN_TOLD) != 0)
			w->state.marks[i].seen_ns = ago(minutes);
	}
}

static void add_told(struct guard_world *w, const char *minutes)
{
	char key[] = PLAN_TOLD;
	const struct mark mark = {.key = key, .since_ns = ago("9999"), .seen_ns = ago(minutes)};

	pool_state_put_mark(&w->state, &mark, false);
}

static void add_wait(struct guard_world *w, const char *text)
{
	struct queue_entry *q = pool_state_add_waiter(&w->state);
	int uid, count;

	assert_int_equal(sscanf(text, "%d %d", &uid, &count), 2);
	snprintf(q->id, sizeof(q->id), "10000000-0000-0000-0000-%012zu", w->state.queue_count);
	q->account = mem_printf("u%d", uid);
	q->user = mem_strdup(q->account);
	q->uid = quantity_of(uid);
	q->type = RESERVATION_RUN;
	q->requested_count = count;
	q->enqueued_ns = NOW - MINUTE;
	q->heartbeat_ns = NOW - MINUTE / 4;
}

static void add_rules(struct guard_rules *r, const char *words)
{
	char word[32];
	int length;

	r->grace_ns = MINUTE;
	for (; sscanf(words, "%31s%n", word, &length) == 1; words += length) {
		if (!strcmp(word, "idle"))
			r->idle_after_ns = 120 * MINUTE, r->idle_warn_ns = 30 * MINUTE;
		else if (!strcmp(word, "release"))
			r->idle_then = GUARD_RELEASE;
		else if (!strcmp(word, "awaited"))
			r->idle_then = GUARD_RELEASE_AWAITED;
		else if (!strcmp(word, "signal"))
			r->idle_runs_signal = true;
		else if (!strcmp(word, "unreserved"))
			r->unreserved_after_ns = 5 * MINUTE, r->unreserved_warn = true;
		else if (!strcmp(word, "silent"))
			r->unreserved_warn = false;
		else if (!strcmp(word, "stop"))
			r->unreserved_stop = true;
		else if (!strcmp(word, "expiry"))
			r->expiry_warn_ns = 10 * MINUTE;
		else if (!strcmp(word, "expiry-stop"))
			r->expiry_warn_ns = 10 * MINUTE, r->expiry_stop = true;
		else
			fail_msg("no rule %s", word);
	}
}

static void add_command(struct guard_rules *r, const char *name)
{
	r->commands = mem_resize(r->commands, r->commands_count + 1, sizeof(char *));
	r->commands[r->commands_count++] = mem_strdup(name);
}

static void add_clause(struct guard_world *w, const char *clause)
{
	char word[32];
	int length = 0, number;
	const char *rest;

	assert_int_equal(sscanf(clause, "%31s %n", word, &length), 1);
	rest = clause + length;
	number = atoi(rest);
	if (!strcmp(word, "hold"))
		add_hold(w, rest);
	else if (!strcmp(word, "idle"))
		w->idle_since_ns[number] = ago(strchr(rest, ' ') + 1);
	else if (!strcmp(word, "active"))
		w->last_active_ns[number] = ago(strchr(rest, ' ') + 1);
	else if (!strcmp(word, "process"))
		add_process(w, rest);
	else if (!strcmp(word, "mark"))
		add_mark(w, rest);
	else if (!strcmp(word, "wait"))
		add_wait(w, rest);
	else if (!strcmp(word, "rule"))
		add_rules(&w->rules, rest);
	else if (!strcmp(word, "spare"))
		w->accounts[w->accounts_count++] =
			(struct guard_account){.uid = (uid_t)number, .spared = true};
	else if (!strcmp(word, "known"))
		w->accounts[w->accounts_count++] = (struct guard_account){.uid = (uid_t)number};
	else if (!strcmp(word, "command"))
		add_command(&w->rules, rest);
	else if (!strcmp(word, "sick"))
		w->gpus[number].health = HEALTH_FAULTY;
	else if (!strcmp(word, "unseen"))
		w->seen[number] = NULL;
	else if (!strcmp(word, "late"))
		w->state.slots[number].reservation->start_ns = NOW;
	else if (!strcmp(word, "night"))
		w->guard.within_hours = false;
	else if (!strcmp(word, "nonroot"))
		w->guard.may_signal = false, w->guard.uid = 1900;
	else if (!strcmp(word, "blind"))
		w->guard.pids_known = false;
	else if (!strcmp(word, "pass"))
		add_pass(w, rest);
	else if (!strcmp(word, "told"))
		add_told(w, rest);
	else if (!strcmp(word, "freed"))
		w->state.slots[number].last_released_ns = ago(strchr(rest, ' ') + 1);
	else if (!strcmp(word, "nameless"))
		w->state.slots[number].reservation->uid.known = false;
	else
		fail_msg("no clause %s", clause);
}

/* What follows from the clauses. */
static void complete(struct guard_world *w)
{
	static const uid_t known[] = {0, 1000, 1001, 1002};
	bool has_pass = pool_state_mark(&w->state, "guard") != NULL;

	for (size_t i = 0; i < WORLD_GPUS; i++) {
		const struct reservation *r = w->state.slots[i].reservation;
		struct gpu *gpu = &w->gpus[i];
		int64_t used_mb = 0;

		for (size_t k = 0; k < gpu->processes_count; k++) {
			struct process *p = &gpu->processes[k];

			if (!p->ignored_by)
				used_mb +=
					p->memory_mb.known ? p->memory_mb.value : 2 * THRESHOLD_MB;
			p->foreign &= r && !account_is_same(p->uid, p->account, r->uid, r->account);
		}
		w->use[i] = used_mb > THRESHOLD_MB ? USE_BUSY : USE_IDLE;
		w->use[i] = w->seen[i] ? w->use[i] : USE_UNKNOWN;
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		bool there = false;

		for (size_t k = 0; k < w->accounts_count; k++)
			there |= w->accounts[k].uid == known[i];
		if (!there)
			w->accounts[w->accounts_count++] = (struct guard_account){.uid = known[i]};
	}
	if (!has_pass)
		add_clause(w, "pass 1");
	if (!pool_state_mark(&w->state, PLAN_TOLD))
		add_clause(w, "told 0");
}

void guard_world_open(struct guard_world *w, const char *text)
{
	AUTO_FREE char *copy = mem_strdup(text);
	char *rest = copy;

	*w = (struct guard_world){.accounts_count = 0};
	w->state.initialized = true;
	pool_state_make_slots(&w->state, WORLD_GPUS);
	for (size_t i = 0; i < WORLD_GPUS; i++) {
		w->seen[i] = &w->gpus[i];
		w->gpus[i].processes_known = true;
	}
	w->guard = (struct guard_facts){.scan_ns = NOW - NS_PER_SECOND,
					.pids_known = true,
					.threshold_mb = THRESHOLD_MB,
					.within_hours = true,
					.may_signal = true,
					.actor = "root",
					.idle_since_ns = w->idle_since_ns,
					.last_active_ns = w->last_active_ns,
					.accounts = w->accounts};
	for (char *clause; (clause = strsep(&rest, ";"));) {
		if (clause[strspn(clause, " ")])
			add_clause(w, clause + strspn(clause, " "));
	}
	complete(w);
	w->guard.accounts_count = w->accounts_count;
	w->facts =
		(struct plan_facts){.now_ns = NOW, .use = w->use, .gpus = w->seen, .life = w->life};
}

void guard_world_close(struct guard_world *w)
{
	pool_state_clear(&w->state);
	guard_rules_clear(&w->rules);
	for (size_t i = 0; i < WORLD_GPUS; i++)
		gpu_clear(&w->gpus[i]);
}

char *guard_world_pass(struct guard_world *w)
{
	AUTO(pool_state_clear) struct pool_state copy = {0};
	AUTO(plan_clear) struct plan plan = {0};
	AUTO(guard_steps_clear) struct guard_steps steps = {0};
	struct str out = {0};
	struct err e = {0};

	pool_state_copy(&copy, &w->state);
	plan_guard(&copy, &w->facts, &w->guard, &w->rules, &plan, &steps);
	for (size_t i = 0; i < steps.count; i++) {
		const struct guard_step *step = &steps.steps[i];
		AUTO_FREE char *gpus = str_join_ids(step->gpus, step->gpus_count, ",");

		assert_non_null(step->text);
		str_addf(&out, "%s%s %s", out.length ? "; " : "", guard_deed_name(step->deed),
			 gpus);
		if (step->process.pid)
			str_addf(&out, " %d", (int)step->process.pid);
	}
	for (size_t i = 0; i < plan.changes_count; i++)
		assert_int_equal(change_apply(&w->state, &plan.changes[i], &e), 0);
	return str_steal(&out);
}

char *guard_world_marks(const struct guard_world *w)
{
	struct str out = {0};

	for (size_t i = 0; i < w->state.marks_count; i++) {
		const char *key = w->state.marks[i].key;

		if (strcmp(key, "guard") != 0 && strcmp(key, PLAN_TOLD) != 0)
			str_addf(&out, "%s%s", out.length ? "; " : "", key);
	}
	return str_steal(&out);
}
