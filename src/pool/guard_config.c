/* The rules of guard from the settings; see guard_config.h. */
#include "pool/guard_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What counts only where another setting is there. */
static const struct {
	const char *key, *needs;
} dependent[] = {
	{"guard.idle.warn", "guard.idle.after"},
	{"guard.idle.then", "guard.idle.after"},
	{"guard.idle.runs", "guard.idle.after"},
	{"guard.unreserved.warn", "guard.unreserved.after"},
	{"guard.unreserved.then", "guard.unreserved.after"},
	{"guard.expiry.then", "guard.expiry.warn"},
};

/* Who relies on a rule that is none should be told. */
static int check(const struct settings *s, struct err *e)
{
	struct setting_view view;

	for (size_t i = 0; settings_view(s, i, &view); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(dependent); k++) {
			if (!strcmp(view.key, dependent[k].key) && settings_is_set(s, view.key) &&
			    !settings_is_set(s, dependent[k].needs))
				return err_usage(e, "%s: %s has no effect without %s", view.where,
						 view.key, dependent[k].needs);
		}
	}
	return 0;
}

static enum guard_then then_of(const char *text)
{
	if (!strcmp(text, "release"))
		return GUARD_RELEASE;
	return !strcmp(text, "release-when-awaited") ? GUARD_RELEASE_AWAITED : GUARD_TELL;
}

int guard_config_from(const struct settings *s, struct guard_config *ret, struct err *e)
{
	const char *hours = settings_text(s, "guard.hours");
	struct guard_config c = {
		.rules = {.idle_after_ns = settings_duration_ns(s, "guard.idle.after"),
			  .idle_warn_ns = settings_duration_ns(s, "guard.idle.warn"),
			  .idle_then = then_of(settings_text(s, "guard.idle.then")),
			  .idle_runs_signal =
				  !strcmp(settings_text(s, "guard.idle.runs"), "signal"),
			  .unreserved_after_ns = settings_duration_ns(s, "guard.unreserved.after"),
			  .unreserved_warn = settings_flag(s, "guard.unreserved.warn"),
			  .unreserved_stop =
				  !strcmp(settings_text(s, "guard.unreserved.then"), "stop"),
			  .expiry_warn_ns = settings_duration_ns(s, "guard.expiry.warn"),
			  .expiry_stop = !strcmp(settings_text(s, "guard.expiry.then"), "stop"),
			  .grace_ns = settings_duration_ns(s, "guard.grace")},
	};
	int r = check(s, e);

	if (r == 0 && hours)
		r = hours_parse(hours, &c.hours, e);
	if (r < 0)
		return r;
	c.has_hours = hours != NULL;
	c.has_rules =
		c.rules.idle_after_ns || c.rules.unreserved_after_ns || c.rules.expiry_warn_ns;
	c.rules.commands = settings_names(s, "guard.spare.commands", &c.rules.commands_count);
	c.users = settings_names(s, "guard.spare.users", &c.users_count);
	c.groups = settings_names(s, "guard.spare.groups", &c.groups_count);
	*ret = c;
	return 0;
}

static void free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

void guard_config_clear(struct guard_config *c)
{
	free_names(c->users, c->users_count);
	free_names(c->groups, c->groups_count);
	guard_rules_clear(&c->rules);
	*c = (struct guard_config){.has_hours = false};
}
