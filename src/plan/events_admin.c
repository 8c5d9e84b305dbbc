/* Events of what administrators change; see events_admin.h. */
#include "plan/events_admin.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static void drain(struct events_making *m, const struct change_drain *c)
{
	const char *who = c->actor ? c->actor : m->author ? m->author : "an administrator";
	const char *gpus = making_gpus(m->plan, c->gpus, c->gpus_count);
	struct event *v =
		c->actor ? making_add(m, EVENT_DRAINED,
				      mem_printf("%s took %s out of service%s%s", who, gpus,
						 c->note ? ": " : "", c->note ? c->note : ""))
			 : making_add(m, EVENT_UNDRAINED,
				      mem_printf("%s put %s back into service", who, gpus));

	v->actor = (char *)(uintptr_t)who;
	making_set_gpus(v, c->gpus, c->gpus_count);
}

static void add_act(struct events_making *m, char *reason)
{
	making_add(m, EVENT_ADMIN, reason)->actor = (char *)(uintptr_t)m->author;
}

static void init(struct events_making *m, const struct change_init *c)
{
	add_act(m, mem_printf("%s %s the pool: %zu GPU%s (%s)",
			      m->author ? m->author : "an administrator",
			      m->state->initialized ? "recreated" : "made", c->gpus_count,
			      str_plural(c->gpus_count), c->provider));
}

/* What numbers mean: not where only what was not recorded is filled in. */
static void set_units(struct events_making *m, const struct change_units *c)
{
	size_t before = m->state->slots_count, added = 0, gone = 0, others = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct slot *old = i < before ? &m->state->slots[i] : NULL;

		added += !old ||
			 (old->retired_ns != TIME_NONE && c->slots[i].retired_ns == TIME_NONE);
		gone += old && old->retired_ns == TIME_NONE && c->slots[i].retired_ns != TIME_NONE;
		others += old && old->uuid && !making_is_same_text(old->uuid, c->slots[i].uuid);
	}
	if (!m->state->initialized || added + gone + others == 0)
		return;
	add_act(m, mem_printf("%s recorded the GPUs again: %zu added, %zu gone, %zu replaced",
			      m->author ? m->author : "an administrator", added, gone, others));
}

static void ignore(struct events_making *m, const struct change_ignore *c)
{
	const struct ignored_process *process = c->process;

	/* The ends of ignored processes are found by whoever ignores the next one. */
	if (c->drop && !m->author)
		return;
	add_act(m,
		mem_printf("%s has process %d (%s) %s", m->author ? m->author : "an administrator",
			   (int)process->holder.command.pid,
			   process->name ? process->name : "unknown",
			   c->drop ? "counted again" : "ignored"));
}

static void set_host(struct events_making *m, const struct machine *host)
{
	const char *before = m->state->host.name;

	if (m->state->host.id && !making_is_same_text(m->state->host.id, host->id))
		add_act(m, mem_printf("the pool is now that of %s, and was that of %s",
				      host->name ? host->name : "another host",
				      before ? before : "another host"));
}

void events_of_administrator(struct events_making *m, const struct change *c)
{
	if (c->kind == CHANGE_INIT)
		init(m, &c->init);
	else if (c->kind == CHANGE_DRAIN)
		drain(m, &c->drain);
	else if (c->kind == CHANGE_IGNORE)
		ignore(m, &c->ignore);
	else if (c->kind == CHANGE_UNITS)
		set_units(m, &c->units);
	else if (c->kind == CHANGE_HOST)
		set_host(m, c->host.host);
}
