/* The configuration, for `canhazgpu doctor`; see doctor.h. Values are not shown: notes, tokens and
 * passwords may be among them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/doctor.h"
#include "host/identity.h"
#include "host/process.h"

/* A file that is there is listed, and must be its owner's alone to write. */
static void examine_file(const char *path, size_t *count, struct findings *f)
{
	AUTO_FREE char *advice = mem_printf("chmod o-w '%s'", path);
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (!(*count)++)
		findings_add(f, "configuration", FINDING_OK, NULL, "%s", path);
	else
		findings_extend(f, FINDING_OK, NULL, "%s", path);
	if (S_ISREG(st.st_mode) && (st.st_mode & S_IWOTH))
		findings_extend(f, FINDING_FAILED, advice, "everybody can write to that file");
}

/* Whoever can change what binds everybody is bound by nothing. */
static void examine_host_path(const char *path, struct findings *f)
{
	AUTO_FREE char *owner = NULL, *advice = NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode) && (st.st_mode & S_IWOTH)) {
		advice = mem_printf("chmod o-w '%s'", path);
		findings_extend(f, FINDING_FAILED, advice, "everybody can write files in %s", path);
	}
	/* In a user namespace of its own root's files are nobody's. */
	if (st.st_uid == 0 || host_uid_outside(0) != 0)
		return;
	free(advice);
	advice = mem_printf("chown root '%s'", path);
	owner = host_account_name(st.st_uid);
	findings_extend(f, FINDING_WARNING, advice, "%s belongs to %s, who can change the limits",
			path, owner ? owner : "an account without a name");
}

static void examine_files(const struct invocation *in, struct findings *f)
{
	const char *named = settings_text(in->settings, "config"), *home = getenv("HOME");
	static const char *const directories[] = {"/etc/canhazgpu", SETTINGS_SYSTEM_DIRECTORY};
	bool has_home = home && *home == '/';
	AUTO(host_files_clear) struct host_files files = {0};
	size_t count = 0;
	char *path;

	if (named)
		examine_file(named, &count, f);
	(void)host_files_list(&files, NULL);
	for (size_t i = 0; !named && i < files.count; i++)
		examine_file(files.paths[i], &count, f);
	for (size_t i = 0; !named && has_home && (path = settings_personal_file(home, i)); i++) {
		examine_file(path, &count, f);
		free(path);
	}
	if (!count)
		findings_add(f, "configuration", FINDING_OK, NULL, "no file");
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		examine_host_path(directories[i], f);
	for (size_t i = 0; i < files.count; i++)
		examine_host_path(files.paths[i], f);
	for (size_t i = 0; named && i < files.count; i++)
		findings_extend(f, FINDING_NOTE, NULL, "--config replaces %s", files.paths[i]);
	if (!named && !has_home)
		findings_extend(f, FINDING_NOTE, NULL, "HOME is not set: no personal file is read");
}

/* How much of an error to show: one of JSON's syntax repeats a part of the file, which may be a
   password. */
static size_t shown_length(const char *text)
{
	const char *near = strstr(text, " near '");

	return near ? (size_t)(near - text) : strlen(text);
}

/* What is not the default, by the place that sets it. */
static void examine_settings(const struct settings *s, struct findings *f)
{
	AUTO(str_clear) struct str list = {0};
	struct setting_view view;

	for (size_t i = 0; settings_view(s, i, &view); i++) {
		/* --config was told, and --json is of no interest. */
		if (settings_origin(s, view.key) != ORIGIN_DEFAULT &&
		    strcmp(view.key, "config") != 0 && strcmp(view.key, "doctor.json") != 0)
			str_addf(&list, "%s%s (%s)", list.length ? ", " : "", view.key, view.where);
	}
	findings_add(f, "settings", FINDING_OK, NULL, "%s",
		     list.length ? str_text(&list) : "all have their defaults");
}

/* A name that was mistyped would lift a limit. */
static void examine_groups(const struct settings *s, struct findings *f)
{
	size_t count;
	char **names = settings_groups(s, &count);

	for (size_t i = 0; i < count; i++) {
		if (!host_group_exists(names[i]))
			findings_extend(f, FINDING_NOTE, NULL,
					"there is no group '%s' (policy.groups): its limits bind "
					"nobody",
					names[i]);
		free(names[i]);
	}
	free(names);
}

/* What the administrator has set and somebody else overrules. */
static void examine_overruled(const struct invocation *in, struct findings *f)
{
	struct setting_view view;

	if (in->host_error) {
		/* Where that is the file in effect, it was told already. */
		if (!in->config_error || strcmp(in->config_error->text, in->host_error->text) != 0)
			findings_extend(f, FINDING_FAILED, NULL, "%.*s",
					(int)shown_length(in->host_error->text),
					in->host_error->text);
		return;
	}
	for (size_t i = 0; settings_view(in->settings, i, &view); i++) {
		if (view.overruled)
			findings_extend(f, FINDING_NOTE, NULL, "%s in %s is overridden", view.key,
					view.overruled);
	}
}

void doctor_configuration(const struct invocation *in, struct findings *f)
{
	examine_files(in, f);
	if (in->config_error)
		findings_extend(
			f, FINDING_FAILED,
			in->config_error->code == EACCES
				? "let everybody read it (chmod a+r): no other command works "
				  "until then"
				: "fix that: no other command works until then",
			"%.*s", (int)shown_length(in->config_error->text), in->config_error->text);
	for (size_t i = 0; settings_warning(in->settings, i); i++)
		findings_extend(f, FINDING_WARNING, "mend or remove it: it is ignored", "%s",
				settings_warning(in->settings, i));
	examine_overruled(in, f);
	examine_settings(in->settings, f);
	examine_groups(in->settings, f);
}
