/* Reads the command line of sudo and the like; see wrapper_read.h. */
#include "host/wrapper_read.h"

#include <string.h>

/* What is read of a command line. `with_value` are the letters of options that take one. */
struct grammar {
	const char *with_value;
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
	[WRAPPER_NONE] = {"", no_long, false},
	[WRAPPER_SUDO] = {"aCcDghpRrtTUu", sudo_long, false},
	[WRAPPER_SU] = {"cgGsuw", su_long, true},
	[WRAPPER_DOAS] = {"aCu", no_long, false},
	[WRAPPER_PKEXEC] = {"", pkexec_long, false},
};

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

struct wrapper_reading wrapper_read(enum wrapper wrapper, char *const *words)
{
	struct reader r = {.grammar = &grammars[wrapper], .words = words, .at = 1};
	struct wrapper_reading found = {0};
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
