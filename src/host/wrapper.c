/* Programs that take the environment from a command; see wrapper.h. */
#include "host/wrapper.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/wrapper_read.h"

static const char *const programs[] = {
	[WRAPPER_NONE] = "",     [WRAPPER_SUDO] = "sudo",     [WRAPPER_SU] = "su",
	[WRAPPER_DOAS] = "doas", [WRAPPER_PKEXEC] = "pkexec",
};

static enum wrapper by_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	/* The same program with other rules: the shell of an account that already is root. */
	if (!strcmp(name, "runuser"))
		return WRAPPER_SU;
	/* What Debian's alternatives call sudo. */
	if (!strcmp(name, "sudo.ws") || !strcmp(name, "sudo-rs"))
		return WRAPPER_SUDO;
	for (size_t i = WRAPPER_SUDO; i < ARRAY_SIZE(programs); i++) {
		if (!strcmp(name, programs[i]))
			return (enum wrapper)i;
	}
	return WRAPPER_NONE;
}

enum wrapper wrapper_of(const char *path)
{
	enum wrapper wrapper = by_name(path);
	AUTO_FREE char *target = wrapper ? NULL : realpath(path, NULL);

	return target ? by_name(target) : wrapper;
}

static void add_quoted(struct str *line, const char *word)
{
	str_add(line, " ");
	str_add_shell_word(line, word);
}

/* Calls for each of the names: `NAME="$NAME"`. */
static void add_assignments(struct str *line, const char *names)
{
	while (*names) {
		int length = (int)strcspn(names, ",");

		str_addf(line, " %.*s=\"$%.*s\"", length, names, length, names);
		names += length + (names[length] == ',');
	}
}

/* Whether all the names are in the list. */
static bool holds(const char *list, const char *names)
{
	AUTO_FREE char *inside = mem_printf(",%s,", list);

	while (*names) {
		int length = (int)strcspn(names, ",");
		AUTO_FREE char *name = mem_printf(",%.*s,", length, names);

		if (!strstr(inside, name))
			return false;
		names += length + (names[length] == ',');
	}
	return true;
}

/* `env NAME=...` as the inner command: who writes that has thought of it. */
static bool sets_by_hand(char *const *command, const char *names)
{
	AUTO_FREE char *start = mem_printf("%.*s=", (int)strcspn(names, ","), names);

	if (!*command || (strcmp(*command, "env") != 0 && strcmp(*command, "/usr/bin/env") != 0))
		return false;
	for (command++; *command; command++) {
		if (!strncmp(*command, start, strlen(start)))
			return true;
	}
	return false;
}

/* su: with the option that lists the variables. */
static void add_su_line(struct str *line, const struct wrapper_reading *found, char *const *words,
			const char *names)
{
	str_addf(line, " %s -w %s%s%s", words[0], found->list ? found->list : "",
		 found->list ? "," : "", names);
	for (size_t i = 1; words[i]; i++) {
		/* The list stands alone, or behind its option. */
		if (found->list && words[i + 1] && i + 1 == found->list_at &&
		    words[i + 1] == found->list)
			i++;
		else if (!found->list || i != found->list_at)
			add_quoted(line, words[i]);
	}
}

/* doas, pkexec: a shell sets the variables behind the wrapper, from those it got itself. */
static void add_env_line(struct str *line, const struct wrapper_reading *found, char *const *words,
			 const char *names)
{
	str_add(line, " sh -c 'exec");
	for (size_t i = 0; i < found->command_at; i++)
		str_addf(line, " %s", words[i]);
	str_add(line, " env");
	add_assignments(line, names);
	str_add(line, " \"$@\"' sh");
	for (size_t i = found->command_at; words[i]; i++)
		add_quoted(line, words[i]);
}

int wrapper_check(enum wrapper wrapper, char *const *words, const char *names, struct err *e)
{
	AUTO(str_clear) struct str line = {0};
	struct wrapper_reading found;

	if (wrapper == WRAPPER_NONE || wrapper == WRAPPER_SUDO)
		return 0;
	found = wrapper_read(wrapper, words);
	if (found.no_command)
		return 0;
	if (wrapper == WRAPPER_SU) {
		if (!found.login || (found.list && holds(found.list, names)))
			return 0;
		add_su_line(&line, &found, words, names);
	} else {
		if (sets_by_hand(words + found.command_at, names))
			return 0;
		add_env_line(&line, &found, words, names);
	}
	return err_usage(
		e,
		"%s does not pass on the variables that name the GPUs, so the command would "
		"use all of them; type: canhazgpu run ... --%s",
		words[0], str_text(&line));
}

void wrapper_words(enum wrapper wrapper, char *const *words, const char *names, char ***ret_words,
		   char **ret_option)
{
	struct wrapper_reading found;
	size_t count = 0, at = 1;
	char **made;

	*ret_words = NULL;
	*ret_option = NULL;
	if (wrapper != WRAPPER_SUDO)
		return;
	found = wrapper_read(wrapper, words);
	if (found.no_command || (found.passes_all && !found.list))
		return;
	while (words[count])
		count++;
	*ret_option = mem_printf("--preserve-env=%s%s%s", found.list ? found.list : "",
				 found.list && *found.list ? "," : "", names);
	made = mem_alloc(count + 2, sizeof(*made));
	if (found.list_at) {
		memcpy(made, words, count * sizeof(*made));
		at = found.list_at;
	} else {
		made[0] = words[0];
		memcpy(made + 2, words + 1, (count - 1) * sizeof(*made));
	}
	made[at] = *ret_option;
	*ret_words = made;
}
