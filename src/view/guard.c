/* What a pass of guard has done; see guard.h. */
#include "view/guard.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "view/json.h"

/* Said only to who asks: nothing is done. */
static bool is_quiet(enum guard_deed deed)
{
	return deed == GUARD_WAIT || deed == GUARD_SPARE;
}

/* What has become of the signal of a step; NULL: it has none, or it was sent. */
static const char *failure_of(const struct pool_guarded *g, size_t i)
{
	return g->failures ? g->failures[i] : NULL;
}

/* What a dry run says before the text of a step; whom it tells is put behind that. */
static const struct {
	const char *would;
	bool tells;
} intents[] = {
	[GUARD_SICK] = {"would record: ", false},
	[GUARD_WELL] = {"would record: ", false},
	[GUARD_BEGUN] = {"would record: ", false},
	[GUARD_ENDED] = {"would record: ", false},
	[GUARD_EXPIRING] = {"would tell ", true},
	[GUARD_WARN] = {"would warn ", true},
	[GUARD_WITHDRAW] = {"would tell ", true},
	[GUARD_RELEASED] = {"would release ", false},
	[GUARD_TERM] = {"would send SIGTERM to ", false},
	[GUARD_KILL] = {"would send SIGKILL to ", false},
	[GUARD_SIGNAL_RUN] = {"would send SIGTERM to ", false},
	[GUARD_WAIT] = {"", false},
	[GUARD_SPARE] = {"", false},
};

static void add_intent(struct str *out, const struct guard_step *step)
{
	AUTO_FREE char *text = text_shown(step->text), *account = text_shown(step->account);

	str_add(out, intents[step->deed].would);
	if (intents[step->deed].tells)
		str_addf(out, "%s: ", account ? account : "its holder");
	str_addf(out, "%s\n", text);
}

static void add_deed(struct str *out, const struct guard_step *step, const char *failure)
{
	AUTO_FREE char *sentence = guard_step_sentence(step);
	AUTO_FREE char *done = text_shown(sentence), *text = text_shown(step->text);

	if (failure)
		str_addf(out, "%s failed (%s): %s\n", guard_deed_name(step->deed), failure, text);
	else
		str_addf(out, "%s: %s\n", guard_deed_name(step->deed), done);
}

char *view_guard_text(const struct pool_guarded *g, bool dry_run)
{
	struct str out = {0};

	for (size_t i = 0; i < g->steps.count; i++) {
		const struct guard_step *step = &g->steps.steps[i];

		if (dry_run)
			add_intent(&out, step);
		else if (!is_quiet(step->deed))
			add_deed(&out, step, failure_of(g, i));
	}
	return str_steal(&out);
}

static json_t *step_json(const struct pool_guarded *g, size_t i)
{
	const struct guard_step *step = &g->steps.steps[i];
	json_t *object = json_object();

	json_object_set_new(object, "deed", json_string(guard_deed_name(step->deed)));
	json_object_set_new(object, "account", view_json_text(step->account));
	json_object_set_new(object, "gpus", view_json_ids(step->gpus, step->gpus_count));
	json_object_set_new(object, "reservation_id",
			    view_json_text(*step->reservation_id ? step->reservation_id : NULL));
	json_object_set_new(object, "pid",
			    step->process.pid ? json_integer(step->process.pid) : json_null());
	json_object_set_new(object, "reason", view_json_text(step->text));
	json_object_set_new(object, "failure", view_json_text(failure_of(g, i)));
	return object;
}

json_t *view_guard_json(const struct pool_guarded *g, bool dry_run)
{
	json_t *document = json_object(), *steps = json_array();

	json_object_set_new(document, "dry_run", json_boolean(dry_run));
	json_object_set_new(document, "unreserved", json_integer((json_int_t)g->steps.unreserved));
	json_object_set_new(document, "idle", json_integer((json_int_t)g->steps.idle));
	json_object_set_new(document, "sick", json_integer((json_int_t)g->steps.sick));
	for (size_t i = 0; i < g->steps.count; i++)
		json_array_append_new(steps, step_json(g, i));
	json_object_set_new(document, "steps", steps);
	return document;
}
