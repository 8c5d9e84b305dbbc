/* The summary of the status; see status.h. */
#include "view/status.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "view/words.h"

/* How many GPUs are in which state, of all or of one model. */
struct counts {
	size_t of[GPU_ERROR + 1];
	size_t total;
	size_t collected; /* of those in use: for requests that wait */
	size_t faulty;    /* of those in error: the driver says so; the others are unknown */
};

static const char *model_name(const struct gpu_view *view)
{
	return view->gpu && view->gpu->name ? view->gpu->name : "Unknown model";
}

/* Counts the GPUs of a model (NULL: all), from the i-th on. */
static struct counts count(const struct snapshot *s, size_t i, const char *model)
{
	struct counts c = {0};

	for (; i < s->views_count; i++) {
		if (model && strcmp(model_name(&s->views[i]), model) != 0)
			continue;
		c.of[s->views[i].status]++;
		c.total++;
		c.faulty += s->views[i].status == GPU_ERROR && s->views[i].use == USE_FAULTY;
		c.collected += s->views[i].reservation && s->views[i].reservation->queue_id;
	}
	return c;
}

static void add_model(struct str *out, const struct counts *c, const char *model)
{
	AUTO_FREE char *shown = text_shown(model);

	str_addf(out, "%s: %zu available out of %zu, %zu in use, %zu unreserved", shown,
		 c->of[GPU_AVAILABLE], c->total, c->of[GPU_IN_USE], c->of[GPU_UNRESERVED]);
	if (c->of[GPU_DRAINED])
		str_addf(out, ", %zu out of service", c->of[GPU_DRAINED]);
	if (c->faulty)
		str_addf(out, ", %zu faulty", c->faulty);
	if (c->of[GPU_ERROR] > c->faulty)
		str_addf(out, ", %zu unknown", c->of[GPU_ERROR] - c->faulty);
	str_add(out, "\n");
}

/* The three lines of the specification, more where something is unknown or collected, then one per
   model in the order of the GPUs. */
char *view_status_summary(const struct snapshot *s)
{
	struct str out = {0};
	struct counts all = count(s, 0, NULL);

	str_addf(&out,
		 "Available GPUs: %zu out of %zu\n"
		 "In use with reservations: %zu GPUs\n"
		 "Unreserved usage: %zu GPUs\n",
		 all.of[GPU_AVAILABLE], all.total, all.of[GPU_IN_USE], all.of[GPU_UNRESERVED]);
	if (all.of[GPU_DRAINED])
		str_addf(&out, "Out of service: %zu GPU%s\n", all.of[GPU_DRAINED],
			 str_plural(all.of[GPU_DRAINED]));
	if (all.faulty)
		str_addf(&out, "Faulty: %zu GPU%s\n", all.faulty, str_plural(all.faulty));
	if (all.of[GPU_ERROR] > all.faulty)
		str_addf(&out, "Unknown usage: %zu GPU%s\n", all.of[GPU_ERROR] - all.faulty,
			 str_plural(all.of[GPU_ERROR] - all.faulty));
	if (all.collected)
		str_addf(&out, "Collected for waiting requests: %zu GPU%s of those in use\n",
			 all.collected, str_plural(all.collected));
	for (size_t i = 0; i < s->views_count; i++) {
		const char *model = model_name(&s->views[i]);
		struct counts c = count(s, 0, model), rest = count(s, i, model);

		/* At its first GPU nothing of the model lies before. */
		if (rest.total == c.total)
			add_model(&out, &c, model);
	}
	return str_steal(&out);
}

/* When the next GPU comes back, if any is reserved. */
static void add_next_free(const struct snapshot *s, const struct counts *all, struct str *out)
{
	struct plan_facts facts = snapshot_facts(s);
	struct plan_next_free next;
	AUTO_FREE char *who = NULL;
	char time[CLOCK_MINUTE_SIZE], id[GPU_NAME_SIZE];

	if (all->of[GPU_IN_USE] == all->collected)
		return;
	if (!s->forecast.ends_ns || !plan_next_free(&s->state, &facts, &s->forecast, NULL, &next)) {
		str_add(out, "; when the next one is free is unknown");
		return;
	}
	who = view_who(next.holder->user, next.holder->account);
	str_addf(out, "; next free about %s (GPU %s, %s)",
		 clock_local_soon(next.time_ns, s->now_ns, time),
		 snapshot_gpu_name(s, next.gpu, id), who);
}

char *view_status_line(const struct snapshot *s)
{
	struct counts all = count(s, 0, NULL);
	size_t waiting = s->state.queue_count;
	struct str out = {0};

	str_addf(&out, "%zu of %zu available", all.of[GPU_AVAILABLE], all.total);
	if (waiting)
		str_addf(&out, "; %zu request%s", waiting, waiting > 1 ? "s wait" : " waits");
	add_next_free(s, &all, &out);
	str_add(&out, "\n");
	return str_steal(&out);
}
