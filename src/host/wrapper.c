/* Programs that take the environment from a command; see wrapper.h. */
#include "host/wrapper.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* What is read of a command line. `with_value` are the letters of options that take one. */
struct grammar {
	const char *name, *with_value;
	const char *const *long_with_value; /* without "--"; NULL at the end */
	bool permutes;                      /* options may follow other words */
};

static const char *const sudo_long[] = {
	"auth-type", "close-from", "login-class",     "chdir", "group",
	"host",      "prompt",     "chroot",          "role",  "type",
	"user",      "other-user", "command-timeout", NULL};
static const char *const su_long[] = {
	"command", "session-command",       "group", "supp-group", "shell",
	"user",    "whitelist-environment", NULL};
static const char *const pkexec_long[] = {"user", NULL};
static const char *const no_long[] = {NULL};

static const struct grammar grammars[] = {
	[WRAPPER_NONE] = {"", "", no_long, false},
	[WRAPPER_SUDO] = {"sudo", "aCcDghpRrtTUu", sudo_long, false},
	[WRAPPER_SU] = {"su", "cgGsuw", su_long, true},
	[WRAPPER_DOAS] = {"doas", "aCu", no_long, false},
	[WRAPPER_PKEXEC] = {"pkexec", "", pkexec_long, false},
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
	for (size_t i = WRAPPER_SUDO; i < ARRAY_SIZE(grammars); i++) {
		if (!strcmp(name, grammars[i].name))
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

/* ---- reading a command line ---- */

/* The option at words[*at], one letter or the long name of it, moves *at behind it. */
struct option {
	char letter;      /* 0: a long one */
	const char *name; /* long: without "--", up to `=` or the end */
	size_t length;
	const char *value; /* NULL: none */
};

struct reader {
	const struct grammar *grammar;
	char *const *words;
	size_t at;        /* the next word */
	const char *rest; /* of a word of several letters; NULL: at its end */
};

static bool takes_value(const struct grammar *g, const char *name, size_t length)
{
	for (size_t i = 0; g->long_with_value[i]; i++) {
		/* An abbreviation counts as well. */
		if (length >= 3 && !strncmp(g->long_with_value[i], name, length))
			return true;
		if (strlen(g->long_with_value[i]) == length &&
		    !strncmp(g->long_with_value[i], name, length))
			return true;
	}
	return false;
}

static void read_long(struct reader *r, struct option *o)
{
	const char *word = r->words[r->at++] + 2;

	*o = (struct option){.name = word, .length = strcspn(word, "=")};
	if (word[o->length])
		o->value = word + o->length + 1;
	else if (takes_value(r->grammar, word, o->length) && r->words[r->at])
		o->value = r->words[r->at++];
}

static void read_letter(struct reader *r, struct option *o)
{
	*o = (struct option){.letter = *r->rest++};
	if (strchr(r->grammar->with_value, o->letter)) {
		if (*r->rest)
			o->value = r->rest;
		else if (r->words[r->at])
			o->value = r->words[r->at++];
		r->rest = "";
	}
	if (!*r->rest)
		r->rest = NULL;
}

/* The next option; false at the first word of the command, which is words[r->at]. A "-" alone,
   which su takes for --login, is the letter '-'. */
static bool next_option(struct reader *r, struct option *o)
{
	if (r->rest) {
		read_letter(r, o);
		return true;
	}
	while (r->words[r->at]) {
		const char *word = r->words[r->at];

		if (!strcmp(word, "--")) {
			r->at++;
			return false;
		}
		if (!strcmp(word, "-") && r->grammar->permutes) {
			r->at++;
			*o = (struct option){.letter = '-'};
			return true;
		}
		if (word[0] == '-' && word[1] == '-') {
			read_long(r, o);
			return true;
		}
		if (word[0] == '-' && word[1]) {
			r->at++;
			r->rest = word + 1;
			read_letter(r, o);
			return true;
		}
		if (!r->grammar->permutes)
			return false;
		r->at++;
	}
	return false;
}

static bool is_long(const struct option *o, const char *name, size_t shortest)
{
	return !o->letter && o->length >= shortest && o->length <= strlen(name) &&
	       !strncmp(o->name, name, o->length);
}

/* What a command line says about variables. */
struct reading {
	bool passes_all;  /* sudo -E */
	bool login;       /* su - */
	bool no_command;  /* sudo -l, --version, ... */
	size_t list_at;   /* the word that lists variables; 0: none */
	const char *list; /* the names in it */
	size_t command_at;
};

static struct reading read_words(enum wrapper wrapper, char *const *words)
{
	struct reader r = {.grammar = &grammars[wrapper], .words = words, .at = 1};
	struct reading found = {0};
	struct option o;

	while (next_option(&r, &o)) {
		bool sudo = wrapper == WRAPPER_SUDO, su = wrapper == WRAPPER_SU;
		bool lists =
			sudo ? is_long(&o, "preserve-env", 3)
			     : su && (o.letter == 'w' || is_long(&o, "whitelist-environment", 1));

		if (lists && o.value) {
			found.list_at = r.at - 1;
			found.list = o.value;
		} else if (lists || (sudo && o.letter == 'E')) {
			found.passes_all = true;
		}
		if (su && (o.letter == '-' || o.letter == 'l' || is_long(&o, "login", 1)))
			found.login = true;
		/* In sudo -h alone asks for help. */
		if (is_long(&o, "version", 3) || is_long(&o, "help", 3) ||
		    (sudo && ((o.letter && strchr("elKvV", o.letter)) || is_long(&o, "edit", 1) ||
			      is_long(&o, "list", 2) || is_long(&o, "validate", 2) ||
			      is_long(&o, "remove-timestamp", 3))))
			found.no_command = true;
	}
	found.command_at = r.at;
	return found;
}

/* ---- what to type ---- */

static void add_quoted(struct str *line, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./=:,@%+";

	str_add(line, " ");
	if (*word && !word[strspn(word, plain)]) {
		str_add(line, word);
		return;
	}
	str_add(line, "'");
	for (; *word; word++) {
		if (*word == '\'')
			str_add(line, "'\\''");
		else
			str_add_bytes(line, word, 1);
	}
	str_add(line, "'");
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
static void add_su_line(struct str *line, const struct reading *found, char *const *words,
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
static void add_env_line(struct str *line, const struct reading *found, char *const *words,
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
	struct reading found;

	if (wrapper == WRAPPER_NONE || wrapper == WRAPPER_SUDO)
		return 0;
	found = read_words(wrapper, words);
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
		"%s takes from its command the variables that name the GPUs, so that it would "
		"use all of them; type: canhazgpu run ... --%s",
		words[0], str_text(&line));
}

void wrapper_words(enum wrapper wrapper, char *const *words, const char *names, char ***ret_words,
		   char **ret_option)
{
	struct reading found;
	size_t count = 0, at = 1;
	char **made;

	*ret_words = NULL;
	*ret_option = NULL;
	if (wrapper != WRAPPER_SUDO)
		return;
	found = read_words(wrapper, words);
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
