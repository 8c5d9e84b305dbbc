/* Steps, marks and events of a pass of guard; see guard_steps.h. */
#include "plan/guard_steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/rebase.h"

/* What each deed is called, what makes its text a sentence where it is not one (once it is done),
   and which event it is. */
static const struct {
	const char *name, *done;
	bool has_event;
	enum event_kind kind;
} deeds[] = {
	[GUARD_SICK] = {"sick", "", true, EVENT_SICK},
	[GUARD_WELL] = {"well", "", true, EVENT_WELL},
	[GUARD_BEGUN] = {"unreserved-begun", "", true, EVENT_UNRESERVED_BEGUN},
	[GUARD_ENDED] = {"unreserved-ended", "", true, EVENT_UNRESERVED_ENDED},
	[GUARD_EXPIRING] = {"expiring", "", true, EVENT_EXPIRING},
	[GUARD_WARN] = {"warn", "", true, EVENT_WARNED},
	[GUARD_WITHDRAW] = {"withdraw", "", true, EVENT_WARNED},
	[GUARD_RELEASED] = {"release", "guard released ", true, EVENT_RELEASED},
	[GUARD_TERM] = {"stop", "guard sent SIGTERM to ", false, EVENT_STOPPED},
	[GUARD_KILL] = {"kill", "guard sent SIGKILL to ", false, EVENT_STOPPED},
	[GUARD_SIGNAL_RUN] = {"signal", "guard sent SIGTERM to ", false, EVENT_STOPPED},
	[GUARD_WAIT] = {"wait", "", false, EVENT_WARNED},
	[GUARD_SPARE] = {"spare", "", false, EVENT_WARNED},
};

const char *guard_deed_name(enum guard_deed deed)
{
	return deeds[deed].name;
}

char *guard_step_sentence(const struct guard_step *step)
{
	return mem_printf("%s%s", deeds[step->deed].done, step->text);
}

bool guard_deed_signals(enum guard_deed deed)
{
	return deed == GUARD_TERM || deed == GUARD_KILL || deed == GUARD_SIGNAL_RUN;
}

void guard_rules_clear(struct guard_rules *r)
{
	for (size_t i = 0; i < r->commands_count; i++)
		free(r->commands[i]);
	free(r->commands);
	*r = (struct guard_rules){0};
}

void guard_steps_clear(struct guard_steps *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->steps[i].account);
		free(s->steps[i].user);
		free(s->steps[i].gpus);
		free(s->steps[i].processes);
		free(s->steps[i].text);
	}
	free(s->steps);
	free(s->before);
	*s = (struct guard_steps){0};
}

struct guard_step *guard_add(struct guarding *g, enum guard_deed deed, char *text)
{
	struct guard_steps *s = g->steps;

	s->steps = mem_resize(s->steps, s->count + 1, sizeof(*s->steps));
	s->steps[s->count] = (struct guard_step){.deed = deed, .text = text};
	return &s->steps[s->count++];
}

void guard_step_gpus(struct guard_step *step, const int *gpus, size_t count)
{
	step->gpus = mem_alloc(count, sizeof(*step->gpus));
	memcpy(step->gpus, gpus, count * sizeof(*gpus));
	step->gpus_count = count;
}

void guard_step_account(struct guard_step *step, struct quantity uid, const char *account)
{
	step->uid = uid;
	step->account = mem_strdup(account);
}

void guard_step_reservation(struct guard_step *step, const struct reservation *r)
{
	guard_step_account(step, r->uid, r->account);
	step->user = mem_strdup(r->user);
	memcpy(step->reservation_id, r->id, ID_SIZE);
}

void guard_add_event(const struct guard_facts *guard, int64_t now_ns, const struct guard_step *step,
		     enum event_kind kind, struct plan *p)
{
	struct event *event = plan_add_event(p, kind, now_ns);

	event->account = plan_own(p, mem_strdup(step->account));
	event->user = plan_own(p, mem_strdup(step->user));
	event->uid = step->uid;
	event->gpus = plan_own(p, mem_alloc(step->gpus_count, sizeof(int)));
	if (step->gpus_count)
		memcpy(event->gpus, step->gpus, step->gpus_count * sizeof(int));
	event->gpus_count = step->gpus_count;
	if (*step->reservation_id)
		event->reservation_id = plan_own(p, mem_strdup(step->reservation_id));
	event->reason = plan_own(p, guard_step_sentence(step));
	event->details = plan_own(p, mem_strdup(step->processes));
	if (kind == EVENT_WARNED || kind == EVENT_STOPPED || kind == EVENT_RELEASED)
		event->actor = plan_own(p, mem_strdup(guard->actor));
}

/* Whoever reserves the GPUs before this is committed has kept to the rules. */
static void add_check(struct guarding *g, const struct guard_step *step)
{
	int *gpus = plan_own(g->p, mem_alloc(step->gpus_count, sizeof(*gpus)));
	struct change *c = plan_add(g->p, CHANGE_CHECK);

	memcpy(gpus, step->gpus, step->gpus_count * sizeof(*gpus));
	c->quiet = true;
	c->check = (struct change_check){.gpus = gpus, .gpus_count = step->gpus_count};
}

void guard_add_events(struct guarding *g)
{
	for (size_t i = 0; i < g->steps->count; i++) {
		const struct guard_step *step = &g->steps->steps[i];

		if (deeds[step->deed].has_event)
			guard_add_event(g->guard, g->facts->now_ns, step, deeds[step->deed].kind,
					g->p);
		if (guard_deed_signals(step->deed))
			add_check(g, step);
	}
}

/* ---- marks ---- */

const struct mark *guard_mark(const struct guarding *g, const char *key)
{
	return pool_state_mark(g->state, key);
}

struct mark *guard_put(struct guarding *g, const char *key)
{
	return plan_put_mark(g->p, g->state, g->facts, key);
}

void guard_drop(struct guarding *g, const char *key)
{
	plan_drop_mark(g->p, g->state, key);
}

void guard_set_text(struct guarding *g, struct mark *mark, const char *text)
{
	mark->text = plan_own(g->p, mem_strdup(text));
}

const char *guard_mark_rest(const struct guarding *g, size_t i, const char *word)
{
	size_t length = strlen(word);
	const char *key = g->state->marks[i].key;

	return !strncmp(key, word, length) && key[length] == ' ' ? key + length + 1 : NULL;
}

/* Nothing is done to anybody who has not been told: the pass that has warned may have been killed
   before it told, or may be of somebody who cannot tell others. */
enum guard_word guard_word(const struct guarding *g, const struct mark *mark, struct quantity uid)
{
	const struct mark *told = guard_mark(g, PLAN_TOLD);

	if (mark->warned_ns == TIME_NONE)
		return GUARD_WORD_LOST;
	if ((told && told->seen_ns >= mark->warned_ns) ||
	    (uid.known && uid.value == (int64_t)g->guard->uid))
		return GUARD_WORD_TOLD;
	return g->guard->may_signal && g->facts->now_ns - mark->warned_ns > GUARD_TELL_NS
		       ? GUARD_WORD_LOST
		       : GUARD_WORD_COMING;
}

/* ---- what is seen ---- */

const struct reservation *guard_holder(const struct guarding *g, size_t gpu)
{
	const struct reservation *r = g->state->slots[gpu].reservation;

	return r && plan_ends(g->p, r, (int)gpu) ? NULL : r;
}

int64_t guard_released_ns(const struct guarding *g, size_t gpu)
{
	const struct slot *slot = &g->state->slots[gpu];
	const struct time_base base = plan_time_base(g->facts);

	return plan_rebase_time(slot->last_released_ns, &slot->released_base, &base);
}

/* What changed hands since the scan began, or does so now, was judged by another reservation. */
bool guard_sees(const struct guarding *g, size_t gpu)
{
	const struct slot *slot = &g->state->slots[gpu];
	const struct gpu *seen = g->facts->gpus ? g->facts->gpus[gpu] : NULL;

	return g->guard->pids_known && seen && seen->processes_known && !slot->problem &&
	       guard_released_ns(g, gpu) < g->guard->scan_ns &&
	       (!slot->reservation ||
		(slot->reservation->start_ns < g->guard->scan_ns && guard_holder(g, gpu)));
}

bool guard_is_spared(const struct guarding *g, struct quantity uid)
{
	for (size_t i = 0; uid.known && i < g->guard->accounts_count; i++) {
		if (g->guard->accounts[i].uid == (uid_t)uid.value)
			return g->guard->accounts[i].spared;
	}
	return true;
}

bool guard_command_is_spared(const struct guarding *g, const char *name)
{
	for (size_t i = 0; name && i < g->rules->commands_count; i++) {
		if (!strcmp(g->rules->commands[i], name))
			return true;
	}
	return false;
}

char *guard_gpus(const int *gpus, size_t count)
{
	AUTO_FREE char *ids = str_join_ranges(gpus, count);

	return mem_printf("GPU%s %s", str_plural(count), ids);
}

char *guard_process_text(const struct process *process)
{
	return mem_printf("process %d (%s)", (int)process->pid,
			  process->name ? process->name : "unknown");
}
