/* The state that something was decided on, in short: plan_state_text of before.h. */
#include "plan/before.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/queue.h"
#include "plan/withheld.h"

/* What a line says behind the GPUs, in bytes. */
#define WORDS_MAX 160

/* GPUs of which the same is to be said. */
struct group {
	const char *word;
	char words[WORDS_MAX];
	int *ids;
	size_t count;
};

struct groups {
	struct group *of;
	size_t count;
};

static void groups_clear(struct groups *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->of[i].ids);
	free(g->of);
}

static void add(struct groups *g, const char *word, const char *words, int id)
{
	struct group *group = NULL;

	for (size_t i = g->count; i > 0 && !group; i--) {
		struct group *other = &g->of[i - 1];

		if (other->word == word && !strcmp(other->words, words))
			group = other;
	}
	if (!group) {
		g->of = mem_resize(g->of, g->count + 1, sizeof(*g->of));
		group = &g->of[g->count++];
		*group = (struct group){.word = word};
		memcpy(group->words, words, strlen(words) + 1);
	}
	group->ids = mem_resize(group->ids, group->count + 1, sizeof(*group->ids));
	group->ids[group->count++] = id;
}

/* Other people's text, in one line. */
static void set_words(char words[WORDS_MAX], const char *first, const char *second,
		      const char *third)
{
	snprintf(words, WORDS_MAX, "%s%s%s%s%s", first, second ? " " : "", second ? second : "",
		 third ? " " : "", third ? third : "");
	for (char *c = words; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	}
}

static const char *name_of(const char *account, const char *user)
{
	return account ? account : user ? user : "unknown";
}

static void add_slot(struct groups *g, const struct pool_state *state,
		     const struct plan_facts *facts, const struct slot *slot)
{
	static const char free_word[] = "free", held[] = "held", kept[] = "kept",
			  drained[] = "drained", used[] = "used", unreadable[] = "unreadable",
			  unknown[] = "unknown";
	const struct reservation *r = slot->reservation;
	char words[WORDS_MAX] = "", id[9] = "-";

	if (slot->problem) {
		add(g, unreadable, "", slot->id);
		return;
	}
	if (r) {
		const char *of = r->queue_id ? r->queue_id : r->id;

		if (*of)
			snprintf(id, sizeof(id), "%.8s", of);
		set_words(words, r->queue_id ? id : reservation_type_name(r->type),
			  r->queue_id ? NULL : id, name_of(r->account, r->user));
		add(g, r->queue_id ? kept : held, words, slot->id);
		return;
	}
	if (plan_is_withheld(state, facts->policy, slot->id)) {
		set_words(words, slot->drained_by ? slot->drained_by : "-", NULL, NULL);
		add(g, drained, words, slot->id);
	} else if (!facts->use) {
		add(g, unknown, "", slot->id);
	} else if (facts->use[slot->id] == USE_IDLE) {
		add(g, free_word, "", slot->id);
	} else {
		const char *why = facts->reasons ? facts->reasons[slot->id] : NULL;

		set_words(words, why ? why : "nobody can tell", NULL, NULL);
		add(g, used, words, slot->id);
	}
}

/* A line, unless the text is long enough without it. */
static void add_line(struct str *text, size_t *left_out, const char *word, const char *gpus,
		     const char *words)
{
	size_t length = strlen(word) + strlen(gpus) + strlen(words) + 3;

	if (*left_out || text->length + length > PLAN_STATE_TEXT_MAX - 32)
		(*left_out)++;
	else
		str_addf(text, "%s%s%s%s%s\n", word, *gpus ? " " : "", gpus, *words ? " " : "",
			 words);
}

static void add_groups(struct str *text, size_t *left_out, const struct pool_state *state,
		       const struct plan_facts *facts)
{
	AUTO(groups_clear) struct groups groups = {0};

	for (size_t i = 0; i < state->slots_count; i++)
		add_slot(&groups, state, facts, &state->slots[i]);
	for (size_t i = 0; i < groups.count; i++) {
		const struct group *group = &groups.of[i];
		AUTO_FREE char *gpus = str_join_ranges(group->ids, group->count);

		add_line(text, left_out, group->word, gpus, group->words);
	}
}

/* Whether others go first is worked out for so many requests: each costs a look at all slots. */
#define WAITING_EXPLAINED 8

static void add_waiting(struct str *text, size_t *left_out, const struct pool_state *state,
			const struct plan_facts *facts, size_t place)
{
	const struct queue_entry *q = &state->queue[place];
	AUTO_FREE char *ids =
		q->requested_ids ? str_join_ranges(q->requested_ids, q->requested_ids_count) : NULL;
	AUTO_FREE char *passed_over =
		place < WAITING_EXPLAINED ? plan_why_passed_over(state, facts, place) : NULL;
	AUTO_FREE char *wanted =
		ids ? mem_printf("=%s%s%s", ids, passed_over ? " " : "",
				 passed_over ? passed_over : "")
		    : mem_printf("%zu%s%s", plan_entry_count(q), passed_over ? " " : "",
				 passed_over ? passed_over : "");
	char words[WORDS_MAX], id[9];

	snprintf(id, sizeof(id), "%.8s", q->id);
	set_words(words, id, name_of(q->account, q->user), wanted);
	add_line(text, left_out, "waits", "", words);
}

char *plan_state_text(const struct pool_state *state, const struct plan_facts *facts,
		      const char *asked)
{
	struct str text = {0};
	char words[WORDS_MAX];
	size_t left_out = 0;

	if (asked) {
		set_words(words, asked, NULL, NULL);
		add_line(&text, &left_out, "asked", "", words);
	}
	add_groups(&text, &left_out, state, facts);
	for (size_t i = 0; i < state->queue_count; i++) {
		if (left_out)
			left_out++;
		else
			add_waiting(&text, &left_out, state, facts, i);
	}
	if (left_out)
		str_addf(&text, "more %zu\n", left_out);
	return str_steal(&text);
}
