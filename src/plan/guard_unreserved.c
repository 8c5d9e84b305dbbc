/* What is done about use without a reservation: warnings, signals, and what is forgotten; see
   guard_use.h. */
#include "plan/guard_use.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char *use_key(const struct guard_use *use)
{
	if (!use->uid.known)
		return mem_printf("unreserved %d %s", use->gpu, use->count ? "?" : "-");
	return mem_printf("unreserved %d %" PRId64, use->gpu, use->uid.value);
}

/* Whether anybody is told of such use at all. */
static bool has_rule(const struct guarding *g)
{
	return g->rules->unreserved_after_ns &&
	       (g->rules->unreserved_warn || g->rules->unreserved_stop);
}

/* What an account is warned of, as the text of its mark begins: with the time that it was promised.
   The caller frees it. */
static char *warned_of(const struct guarding *g)
{
	if (!g->rules->unreserved_stop)
		return mem_strdup("tell");
	return mem_printf("stop:%" PRId64, g->rules->unreserved_after_ns / NS_PER_SECOND);
}

static bool is_warned(const struct guarding *g, const struct mark *mark)
{
	AUTO_FREE char *what = warned_of(g);
	size_t length = strlen(what);

	return mark && mark->warned_ns != TIME_NONE && mark->text &&
	       !strncmp(mark->text, what, length) && mark->text[length] == ' ';
}

static void set_text(struct guarding *g, struct mark *mark, const struct guard_use *use,
		     const char *what)
{
	AUTO_FREE char *text = mem_printf("%s %s", what, use->account ? use->account : "");

	guard_set_text(g, mark, text);
}

/* Whether it goes on since the mark was made: it was seen a moment ago, or one of its processes was
   there when it was last seen, and nobody has had the GPU reserved since. */
static bool goes_on(const struct guarding *g, const struct guard_use *use, const struct mark *mark)
{
	if (g->facts->now_ns - mark->seen_ns <= GUARD_GAP_NS)
		return true;
	if (guard_released_ns(g, (size_t)use->gpu) > mark->seen_ns)
		return false;
	for (size_t i = 0; i < use->count; i++) {
		const struct process *p = use->processes[i];

		if (p->started_ns != TIME_NONE && p->started_ns <= mark->seen_ns)
			return true;
	}
	return false;
}

/* "process 4711 (python) of bob", "2 processes of bob". */
static char *use_who(const struct guard_use *use)
{
	const char *account = use->account ? use->account : "somebody unknown";
	AUTO_FREE char *one = NULL;

	if (!use->count)
		return mem_strdup("something that shows no process");
	if (use->count > 1)
		return mem_printf("%zu processes of %s", use->count, account);
	one = guard_process_text(use->processes[0]);
	return mem_printf("%s of %s", one, account);
}

static char *use_text(const struct guarding *g, const struct guard_use *use)
{
	const struct reservation *holder = guard_holder(g, (size_t)use->gpu);
	AUTO_FREE char *who = use_who(use);
	AUTO_FREE char *label = holder ? account_label(holder->user, holder->account) : NULL;

	if (holder)
		return mem_printf("GPU %d, which %s has reserved, is used by %s", use->gpu, label,
				  who);
	return mem_printf("GPU %d is used without a reservation by %s", use->gpu, who);
}

static struct guard_step *add_step(struct guarding *g, enum guard_deed deed,
				   const struct guard_use *use, char *text)
{
	struct guard_step *step = guard_add(g, deed, text);

	guard_step_account(step, use->uid, use->account);
	guard_step_gpus(step, &use->gpu, 1);
	step->processes = guard_processes_json(use->processes, use->count);
	return step;
}

/* ---- what follows ---- */

const char *guard_why_spared(const struct guarding *g, const struct process *p, const char *doubt)
{
	if (p->ignored_by)
		return "'canhazgpu admin --ignore-process' names it";
	if (!p->uid.known || p->uid.value < 0)
		return "its owner is unknown";
	if (p->uid.value == 0)
		return "it is root's";
	if (p->pid <= 1 || !p->start_ticks || p->started_ns == TIME_NONE)
		return "its age is unknown";
	if (p->container)
		return "it runs in a container, whose user is not known";
	if (guard_is_spared(g, p->uid))
		return "guard.spare names its account or a group of it, or the account cannot be "
		       "looked up";
	if (guard_command_is_spared(g, p->name))
		return "guard.spare.commands names its program";
	return doubt;
}

/* Why a process is not stopped yet or at all, for whoever asks. */
static void say(struct guarding *g, const struct guard_use *use, const struct process *p,
		const char *why)
{
	AUTO_FREE char *process = guard_process_text(p);
	struct guard_step *step;

	step = guard_add(g, GUARD_SPARE,
			 mem_printf("%s on GPU %d is let alone: %s", process, use->gpu, why));
	guard_step_account(step, use->uid, use->account);
	guard_step_gpus(step, &use->gpu, 1);
	step->process = (struct process_ref){p->pid, p->start_ticks};
}

/* The same while it has time, until then. */
static void say_until(struct guarding *g, const struct guard_use *use, const struct process *p,
		      int64_t until_ns)
{
	char at[CLOCK_MINUTE_SIZE];
	AUTO_FREE char *why = mem_printf("its account was warned, and has time until %s",
					 clock_local_soon(until_ns, g->facts->now_ns, at));

	say(g, use, p, why);
}

static void say_spared(struct guarding *g, const struct guard_use *use)
{
	for (size_t i = 0; i < use->count; i++) {
		const char *why = guard_why_spared(g, use->processes[i], use->doubt);

		if (why)
			say(g, use, use->processes[i], why);
	}
}

/* Whether anybody is to be warned of that use: nobody of what is let alone anyway, or is not known
   to be that account's, as in containers. */
static bool is_warnable(const struct guarding *g, const struct guard_use *use)
{
	const char *doubt = g->rules->unreserved_stop ? use->doubt : NULL;

	for (size_t i = 0; i < use->count; i++) {
		if (!guard_why_spared(g, use->processes[i], doubt))
			return true;
	}
	return false;
}

static void warn(struct guarding *g, const struct guard_use *use, struct mark *mark)
{
	AUTO_FREE char *what = use_text(g, use), *span = clock_span(g->rules->unreserved_after_ns);
	const char *them = use->count == 1 ? "it" : "them";
	const char *or_reserve = guard_holder(g, (size_t)use->gpu) ? "" : " or reserve the GPU";
	AUTO_FREE char *warned = warned_of(g);
	bool stops = g->rules->unreserved_stop;

	add_step(g, GUARD_WARN, use,
		 stops ? mem_printf("%s: end %s%s, or guard stops %s in %s", what, them, or_reserve,
				    them, span)
		       : mem_printf("%s: end %s%s", what, them, or_reserve));
	mark->warned_ns = g->facts->now_ns;
	set_text(g, mark, use, warned);
}

/* Lists its processes that have had their time. */
static void stop(struct guarding *g, const struct guard_use *use, const struct mark *mark,
		 enum guard_word word, struct guard_stops *stops)
{
	int64_t now_ns = g->facts->now_ns, after_ns = g->rules->unreserved_after_ns;
	AUTO_FREE char *since = clock_span(now_ns - mark->since_ns);
	AUTO_FREE char *ago = clock_span(now_ns - mark->warned_ns);

	for (size_t i = 0; i < use->count; i++) {
		const struct process *p = use->processes[i];

		if (guard_why_spared(g, p, use->doubt))
			continue;
		if (now_ns - mark->warned_ns < after_ns || now_ns - p->started_ns < after_ns)
			say_until(g, use, p,
				  (mark->warned_ns > p->started_ns ? mark->warned_ns
								   : p->started_ns) +
					  after_ns);
		else if (word != GUARD_WORD_TOLD)
			say(g, use, p, "its account has not been told of the warning yet");
		else
			guard_add_stop(stops, p, use->gpu, mark->warned_ns,
				       mem_printf("it has used the GPU without a reservation for "
						  "%s, and was warned %s ago",
						  since, ago));
	}
}

static void follow(struct guarding *g, const struct guard_use *use, struct guard_stops *stops)
{
	AUTO_FREE char *key = use_key(use);
	const struct mark *mark = guard_mark(g, key);
	bool is_new = !mark || !goes_on(g, use, mark);
	struct mark *put = guard_put(g, key);
	enum guard_word word;

	g->steps->unreserved++;
	if (is_new) {
		add_step(g, GUARD_BEGUN, use, use_text(g, use));
		put->since_ns = g->facts->now_ns;
		put->warned_ns = TIME_NONE;
		set_text(g, put, use, "-");
	}
	if (!has_rule(g) || !g->guard->within_hours)
		return;
	if (g->rules->unreserved_stop)
		say_spared(g, use);
	if (is_warned(g, put) && !g->rules->unreserved_stop)
		return;
	word = is_warned(g, put) ? guard_word(g, put, use->uid) : GUARD_WORD_LOST;
	if (word != GUARD_WORD_LOST) {
		stop(g, use, put, word, stops);
		return;
	}
	/* Where nothing follows, nobody is told of what is soon over. */
	if (is_warnable(g, use) &&
	    (g->rules->unreserved_stop ||
	     g->facts->now_ns - put->since_ns >= g->rules->unreserved_after_ns))
		warn(g, use, put);
}

/* Whether the account has reserved the GPU since. */
static bool is_holder(const struct guarding *g, const struct guard_use *use)
{
	const struct reservation *r = guard_holder(g, (size_t)use->gpu);

	return r && use->uid.known && r->uid.known && use->uid.value == r->uid.value;
}

/* Uses that are over. */
static void forget(struct guarding *g, const bool *seen, const struct guard_uses *uses)
{
	for (size_t i = 0; i < g->state->marks_count; i++) {
		const char *rest = guard_mark_rest(g, i, "unreserved"),
			   *key = g->state->marks[i].key;
		const char *text = g->state->marks[i].text;
		struct guard_use ended = {.gpu = rest ? (int)strtol(rest, NULL, 10) : -1};
		const char *uid = rest ? strchr(rest, ' ') : NULL;
		bool found = false;

		if (!uid)
			continue;
		if (ended.gpu < 0 || (size_t)ended.gpu >= g->state->slots_count) {
			guard_drop(g, key); /* of a pool that had more; nobody sees it any more */
			continue;
		}
		for (size_t k = 0; k < uses[ended.gpu].count && !found; k++) {
			AUTO_FREE char *other = use_key(&uses[ended.gpu].of[k]);

			found = !strcmp(other, key);
		}
		if (uid[1] >= '0' && uid[1] <= '9')
			ended.uid = quantity_of(strtoll(uid + 1, NULL, 10));
		if (found || !(seen[ended.gpu] || is_holder(g, &ended)))
			continue;
		text = text ? strchr(text, ' ') : NULL;
		ended.account = text && text[1] ? text + 1 : NULL;
		add_step(g, GUARD_ENDED, &ended,
			 ended.account
				 ? mem_printf("%s no longer uses GPU %d without a reservation",
					      ended.account, ended.gpu)
				 : mem_printf("GPU %d is no longer used without a reservation",
					      ended.gpu));
		guard_drop(g, key);
	}
}

void guard_unreserved(struct guarding *g, struct guard_stops *stops)
{
	size_t count = g->state->slots_count;
	AUTO_FREE struct guard_uses *uses = mem_alloc(count, sizeof(*uses));
	AUTO_FREE bool *seen = mem_alloc(count, sizeof(*seen));

	for (size_t i = 0; i < count; i++) {
		seen[i] = guard_sees(g, i);
		stops->is_complete &= seen[i];
		if (seen[i])
			guard_find_uses(g, i, &uses[i]);
		for (size_t k = 0; k < uses[i].count; k++)
			follow(g, &uses[i].of[k], stops);
	}
	forget(g, seen, uses);
	for (size_t i = 0; i < count; i++)
		guard_uses_clear(&uses[i]);
}
