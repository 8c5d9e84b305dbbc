/* canhazgpu doctor: checks everything that this program needs, and says what is wrong. */
#include "cmd/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/privilege.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/engine.h"
#include "cmd/output.h"
#include "cmd/store_url.h"
#include "cmd/telling.h"
#include "host/examine.h"
#include "pool/examine.h"
#include "pool/guard_config.h"
#include "slurm/examine.h"
#include "tell/deliver.h"

/* Whether there are rules of guard; one that contradicts another is told. */
static bool examine_rules(const struct invocation *in, struct findings *f)
{
	AUTO(guard_config_clear) struct guard_config rules = {.has_hours = false};
	struct err e = {0};

	if (guard_config_from(in->settings, &rules, &e) < 0) {
		findings_add(f, "guard-rules", FINDING_FAILED, "fix that: guard refuses to run",
			     "%s", e.text);
		return true;
	}
	return rules.has_rules;
}

/* The pool, also where the host's file has a mistake, with which no other command opens it. */
static void examine_pool(const struct invocation *in, struct findings *f)
{
	const struct settings *s = in->settings;
	AUTO(pool_config_clear) struct pool_config config = {0};
	struct passes_expected passes = {.timer = {.state = HOST_TIMER_UNKNOWN}};
	struct err e = {0};

	if (pool_config_from(in, &config, &e) < 0) {
		pool_config_add_scan(s, &config);
		if (store_url_from(s, &config.store_url, &e) < 0)
			findings_add(f, "store", FINDING_FAILED, NULL, "%s", e.text);
	}
	passes.has_rules = examine_rules(in, f);
	/* The timer is for the pool of the host. */
	if (privilege_is_installed())
		host_timer_ask("canhazgpu-guard", &passes.timer);
	pool_examine(&config, &passes, f);
}

/* What people are told: by the caller's notify.yaml, and by the hooks of the host. */
static void examine_telling(const struct invocation *in, struct findings *f)
{
	const struct tell_options options = tell_options_from(in->settings);

	tell_prefs_examine(&options, f);
	tell_hooks_examine(&options, f);
}

/* Everything, from the program down to the pool. A failed check does not skip those that depend on
   it. */
static void examine_all(const struct invocation *in, struct findings *f)
{
	doctor_program(f);
	doctor_path(getenv("PATH"), f);
	doctor_directory(f);
	host_examine_system(f);
	host_examine_kernel(f);
	doctor_configuration(in, f);
	host_examine_clock(f);
	host_examine_processes(f);
	host_examine_limits(f);
	host_examine_inotify(f);
	if (engine_is_slurm(in->settings))
		slurm_examine(f);
	else
		examine_pool(in, f);
	examine_telling(in, f);
}

static const char *result_color(enum finding_result result)
{
	static const char *const colors[] = {
		[FINDING_OK] = "\033[32m",
		[FINDING_NOTE] = "\033[34m",
		[FINDING_WARNING] = "\033[33m",
		[FINDING_FAILED] = "\033[31m",
	};

	return colors[result];
}

static void print_lines(const struct findings *f, bool color)
{
	int width = 0;

	for (size_t i = 0; i < f->count; i++) {
		int length = (int)strlen(f->items[i].check);

		width = length > width ? length : width;
	}
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *finding = &f->items[i];
		AUTO_FREE char *detail = text_shown(finding->detail);
		AUTO_FREE char *advice = text_shown(finding->advice);

		printf("%s%-7s%s  %-*s  %s%s%s\n", color ? result_color(finding->result) : "",
		       finding_result_name(finding->result), color ? "\033[0m" : "", width,
		       finding->check, detail, advice ? "; " : "", advice ? advice : "");
	}
}

static json_t *text_or_null(const char *text)
{
	AUTO_FREE char *valid = text_utf8(text);

	return valid ? json_string(valid) : json_null();
}

static json_t *findings_json(const struct findings *f)
{
	json_t *document = json_array();

	for (size_t i = 0; i < f->count; i++) {
		const struct finding *finding = &f->items[i];
		json_t *object = json_object();

		json_object_set_new(object, "check", json_string(finding->check));
		json_object_set_new(object, "result",
				    json_string(finding_result_name(finding->result)));
		json_object_set_new(object, "detail", text_or_null(finding->detail));
		json_object_set_new(object, "advice", text_or_null(finding->advice));
		json_array_append_new(document, object);
	}
	return document;
}

static int doctor_run(const struct invocation *in, struct err *e)
{
	AUTO(findings_clear) struct findings f = {0};
	size_t failed;
	int r = 0;

	examine_all(in, &f);
	if (settings_flag(in->settings, "doctor.json"))
		r = print_json(findings_json(&f), e);
	else
		print_lines(&f, color_wanted(in->settings, STDOUT_FILENO));
	failed = findings_count(&f, FINDING_FAILED);
	if (r == 0 && failed)
		r = err_set(e, EIO, "%zu of %zu checks FAILED (docs/troubleshooting.md may help)",
			    failed, f.count);
	return r;
}

static const struct option_spec doctor_options[] = {
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output the checks as JSON array instead of lines"},
	{.name = NULL},
};

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "Check the installation, the store, the driver and the configuration",
	.usage = "[--json]",
	.description =
		"Prints one line per check: ok, note, warning or FAILED, its name, what was\n"
		"found, and what to do. Changes nothing. The output contains no passwords,\n"
		"notes or names of other users: you can paste it into a bug report.",
	.examples = "  canhazgpu doctor\n"
		    "  sudo canhazgpu doctor --json",
	.options = doctor_options,
	.runs_with_bad_config = true,
	.run = doctor_run,
};
