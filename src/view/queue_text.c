/* The queue in words, and its table; see queue.h. */
#include "view/queue.h"

#include <stdio.h>

#include "base/mem.h"
#include "view/columns.h"
#include "view/words.h"

const char *view_waiter_state(const struct snapshot *s, size_t place)
{
	if (s->state.queue[place].cancelled)
		return "cancelled";
	return s->waiters && s->waiters[place].state != WAITER_ACTIVE ? "absent" : "active";
}

static const struct table_column columns[] = {VIEW_QUEUE_COLUMNS};

enum { COLUMN_USER = 1, COLUMN_WAITING_FOR = 8 };

/* A request that is not served, or not for some GPUs: that is what matters about it. */
static char *waiting_for(const struct snapshot *s, size_t i)
{
	const struct waiter_view *w = &s->waiters[i];
	const char *state = w->state == WAITER_ACTIVE ? "passed over" : view_waiter_state(s, i);

	if (w->passed_over && !s->state.queue[i].cancelled)
		return mem_printf("(%s: %s) %s", state, w->passed_over, w->awaits);
	if (w->state == WAITER_ACTIVE)
		return mem_strdup(w->awaits);
	return mem_printf("(%s) %s", state, w->awaits);
}

static void add_row(struct table *table, const struct snapshot *s, size_t i)
{
	const struct queue_entry *q = &s->state.queue[i];
	AUTO_FREE char *starts = view_starts_in(s->waiters[i].start_ns, s->now_ns);
	AUTO_FREE char *awaits = waiting_for(s, i);
	AUTO_FREE char *who = account_label(q->user, q->account);
	char position[24], requested[24], allocated[24], id[16], waited[CLOCK_DURATION_SIZE];

	snprintf(position, sizeof(position), "%zu", i + 1);
	snprintf(requested, sizeof(requested), "%zu", plan_entry_count(q));
	snprintf(allocated, sizeof(allocated), "%zu", q->collected_count);
	snprintf(id, sizeof(id), "%.8s", q->id);
	clock_duration(s->now_ns - plan_waits_since_ns(q), waited);
	table_add(table, (const char *[]){position, who, requested, allocated, waited,
					  reservation_type_name(q->type), id, starts, awaits});
	table_keep(table, COLUMN_USER, who);
	table_keep(table, COLUMN_WAITING_FOR, awaits);
}

struct table *view_queue_table(const struct snapshot *s)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < s->state.queue_count; i++)
		add_row(table, s, i);
	return table;
}
