/* From events to what each account is told; see news.h. */
#include "tell/news.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"
#include "view/events.h"

/* Kinds of which an account is told by default only if somebody else did it: it knows what it has
   done itself. */
static bool is_own_act(const struct event *v)
{
	bool act = v->kind == EVENT_GRANTED || v->kind == EVENT_RELEASED ||
		   v->kind == EVENT_EXTENDED || v->kind == EVENT_LEFT;

	return act && (!v->actor || (v->account && !strcmp(v->actor, v->account)));
}

/* What the event is about: its GPUs and, where there is one, its reservation. */
static char *about(const struct event *v)
{
	AUTO_FREE char *gpus = str_join_ids(v->gpus, v->gpus_count, ",");

	return mem_printf("%s %s", v->reservation_id ? v->reservation_id : "", gpus);
}

void tell_news_add(struct tell_notes *notes, const struct event *event, const struct mark *wish)
{
	bool asked = wish && (event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED ||
			      event->kind == EVENT_RELEASED);
	struct tell_note *n = tell_notes_add(notes);

	*n = (struct tell_note){
		.time_ns = event->time_ns,
		.kind = (int)event->kind,
		.about = about(event),
		.text = mem_strdup(event->reason ? event->reason : event_kind_name(event->kind)),
		.by_default = event_kind_is_told(event->kind) && !is_own_act(event),
		.asked = asked && !is_own_act(event),
		.channels = tell_channel_parse(wish ? wish->text : NULL),
	};
}

static const struct mark *find_wish(const struct pool_news *news, const struct event *v)
{
	for (size_t i = 0; v->reservation_id && i < news->wanted_count; i++) {
		if (!strcmp(news->wanted[i].key + strlen(PLAN_WISH), v->reservation_id))
			return &news->wanted[i];
	}
	return NULL;
}

/* Events without an account concern root. */
static bool concerns(const struct event *v, uid_t uid, const char *account)
{
	if (!v->account && !v->uid.known)
		return uid == 0;
	return account_is_same(v->uid, v->account, quantity_of((int64_t)uid), account);
}

void tell_news_notes(const struct pool_news *news, uid_t uid, const char *account,
		     struct tell_notes *ret_notes)
{
	struct tell_notes notes = {.items = NULL};

	for (size_t i = 0; i < news->count; i++) {
		const struct event *v = &news->events[i];

		if (i == news->told)
			notes.told = notes.count;
		if (!concerns(v, uid, account))
			continue;
		tell_news_add(&notes, v, find_wish(news, v));
		if (i >= news->told)
			notes.items[notes.count - 1].json = view_event_json_line(v);
	}
	if (news->told == news->count)
		notes.told = notes.count;
	*ret_notes = notes;
}

static bool is_same_account(const struct event *a, const struct event *b)
{
	bool none_of_a = !a->account && !a->uid.known, none_of_b = !b->account && !b->uid.known;

	if (none_of_a || none_of_b)
		return none_of_a && none_of_b;
	return account_is_same(a->uid, a->account, b->uid, b->account);
}

size_t *tell_news_accounts(const struct pool_news *news, size_t *ret_count)
{
	size_t *accounts = mem_alloc(news->count + 1, sizeof(*accounts));
	size_t count = 0;

	for (size_t i = news->told; i < news->count; i++) {
		bool known = false;

		for (size_t k = 0; !known && k < count; k++)
			known = is_same_account(&news->events[i], &news->events[accounts[k]]);
		if (!known)
			accounts[count++] = i;
	}
	*ret_count = count;
	return accounts;
}
