/* The question of `admin --force`; see admin_confirm.h. Called by admin.c. */
#include "cmd/admin_confirm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "plan/plan.h"
#include "view/words.h"

/* "  alice (bob): run on GPU(s) [0, 1] for 0h 5m 2s (fine-tuning)" */
static void list_reservation(const struct reservation *r, int64_t now_ns)
{
	AUTO_FREE char *who = view_who(r->user, r->account), *note = text_shown(r->note);
	AUTO_FREE char *gpus = str_from_ids(r->gpus, r->gpus_count);
	char time[CLOCK_DURATION_SIZE];

	fprintf(stderr, "  %s: %s on GPU(s) %s for %s%s%s%s\n", who, reservation_type_name(r->type),
		gpus, clock_duration(now_ns - r->start_ns, time), note ? " (" : "",
		note ? note : "", note ? ")" : "");
}

/* Whether anything would end that is not in the list before. */
static bool has_more(const struct pool_state *s, const struct pool_state *listed)
{
	for (size_t i = 0; i < s->reservations_count; i++) {
		if (!pool_state_find(listed, s->reservations[i]->id))
			return true;
	}
	for (size_t i = 0; i < s->queue_count; i++) {
		if (plan_queue_find(listed, s->queue[i].id) == listed->queue_count)
			return true;
	}
	return false;
}

static void list_ends(const struct pool_state *s)
{
	size_t count = 0, waiting = s->queue_count;

	for (size_t i = 0; i < s->reservations_count; i++)
		count += !plan_is_collected(s, s->reservations[i]);
	if (count)
		fprintf(stderr, "Recreating the pool ends %zu reservation%s:\n", count,
			str_plural(count));
	for (size_t i = 0; i < s->reservations_count; i++) {
		if (!plan_is_collected(s, s->reservations[i]))
			list_reservation(s->reservations[i], clock_now_ns());
	}
	if (waiting)
		fprintf(stderr, "Recreating the pool cancels %zu waiting request%s\n", waiting,
			str_plural(waiting));
}

static bool answer_is_yes(void)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;

	fputs("Recreate the pool? [y/N] ", stderr);
	if (getline(&line, &size, stdin) < 0) {
		fputs("\n", stderr);
		return false;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return !strcasecmp(line, "y") || !strcasecmp(line, "yes");
}

int admin_confirm(const struct invocation *in, struct pool *pool, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state listed = {0};
	bool ask = !settings_flag(in->settings, "admin.yes") && isatty(STDIN_FILENO) &&
		   isatty(STDERR_FILENO);

	for (;;) {
		struct pool_state s = {0};

		/* One that cannot be read is recreated all the same: that is what --force is for,
		   too. Its driver, which may hang, is not asked. */
		if (pool_read(pool, &s, NULL) < 0 || !has_more(&s, &listed)) {
			pool_state_clear(&s);
			return 0;
		}
		list_ends(&s);
		pool_state_clear(&listed);
		listed = s;
		if (!ask)
			return 0;
		/* While somebody thinks, others reserve: again then. */
		if (!answer_is_yes())
			return err_set(e, ECANCELED, "the pool was left as it is");
	}
}
