/* Reading notify.yaml; see prefs.h. */
#include "tell/prefs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "base/file.h"
#include "base/mem.h"
#include "conf/doc/doc.h"
#include "tell/text.h"

/* Where the last error that was told is kept. */
#define STATE_DIRECTORY ".local/state/canhazgpu"
#define STATE_FILE STATE_DIRECTORY "/notify-error"

/* What is being read, for its errors. */
struct reading {
	const char *name, *home;
	struct tell_prefs prefs;
	struct err *e;
};

static int fail(struct reading *r, const struct doc_node *at, const char *what)
{
	return doc_error(r->name, at->line, at->column, r->e, "%s", what);
}

/* A word of a list, by its meaning. */
typedef int take_word(struct reading *r, const struct doc_node *word);

static int take_channel(struct reading *r, const struct doc_node *word)
{
	unsigned channel = tell_channel_parse(word->text);

	if (!channel && strcmp(word->text, "none") != 0)
		return fail(r, word, "a channel is terminal, mail, command or none");
	r->prefs.channels |= channel;
	return 0;
}

static int take_kind(struct reading *r, const struct doc_node *word)
{
	enum event_kind kind;

	if (!strcmp(word->text, "default"))
		r->prefs.defaults = true;
	else if (!strcmp(word->text, "all"))
		r->prefs.kinds = UINT64_MAX;
	else if (event_kind_parse(word->text, &kind))
		r->prefs.kinds |= UINT64_C(1) << kind;
	else
		return doc_error(r->name, word->line, word->column, r->e,
				 "'%.40s' is no kind of event", word->text);
	return 0;
}

/* One word, or a list of them. */
static int take_words(struct reading *r, const struct doc_node *node, take_word *take)
{
	int result = 0;

	if (node->kind == DOC_STRING)
		return take(r, node);
	if (node->kind != DOC_SEQUENCE)
		return fail(r, node, "this must be a word or a list of words");
	for (size_t i = 0; result == 0 && i < node->count; i++)
		result = node->children[i]->kind == DOC_STRING
				 ? take(r, node->children[i])
				 : fail(r, node->children[i], "this must be a word");
	return result;
}

static int take_channels(struct reading *r, const struct doc_node *node)
{
	r->prefs.channels = 0;
	return take_words(r, node, take_channel);
}

static int take_kinds(struct reading *r, const struct doc_node *node)
{
	r->prefs.defaults = false;
	r->prefs.kinds = 0;
	return take_words(r, node, take_kind);
}

static int take_quiet(struct reading *r, const struct doc_node *node)
{
	int hours[2], minutes[2], end = 0;

	if (node->kind != DOC_STRING ||
	    sscanf(node->text, "%2d:%2d-%2d:%2d%n", &hours[0], &minutes[0], &hours[1], &minutes[1],
		   &end) != 4 ||
	    node->text[end])
		return fail(r, node, "this must be two times: \"22:00-07:00\"");
	for (int i = 0; i < 2; i++) {
		if (hours[i] < 0 || hours[i] > 24 || minutes[i] < 0 || minutes[i] > 59 ||
		    hours[i] * 60 + minutes[i] > 24 * 60)
			return fail(r, node, "this must be two times: \"22:00-07:00\"");
	}
	r->prefs.quiet_from_minute = hours[0] * 60 + minutes[0];
	r->prefs.quiet_until_minute = hours[1] * 60 + minutes[1];
	return 0;
}

static int take_mail(struct reading *r, const struct doc_node *node)
{
	if (node->kind != DOC_STRING || !tell_address_is_good(node->text))
		return fail(r, node, "this must be one mail address");
	snprintf(r->prefs.mail, sizeof(r->prefs.mail), "%s", node->text);
	return 0;
}

static int take_command(struct reading *r, const struct doc_node *node)
{
	bool below_home = node->kind == DOC_STRING && !strncmp(node->text, "~/", 2);

	if (node->kind != DOC_STRING || (*node->text != '/' && !below_home))
		return fail(r, node, "this must be the path of a program, from / or ~/");
	if ((size_t)snprintf(r->prefs.command, sizeof(r->prefs.command), "%s%s",
			     below_home ? r->home : "",
			     node->text + below_home) >= sizeof(r->prefs.command))
		return fail(r, node, "this path is too long");
	return 0;
}

static const struct {
	const char *key;
	int (*take)(struct reading *r, const struct doc_node *node);
} keys[] = {
	{"channels", take_channels}, {"kinds", take_kinds},     {"quiet", take_quiet},
	{"mail", take_mail},         {"command", take_command},
};

static int take_key(struct reading *r, const struct doc_node *node)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(keys[i].key, node->key))
			return keys[i].take(r, node);
	}
	return doc_error(r->name, node->key_line, node->key_column, r->e,
			 "unknown key '%.60s'; there are channels, kinds, quiet, mail and command",
			 node->key);
}

static int take_document(struct reading *r, const struct doc_node *root)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < root->count; i++)
		result = take_key(r, root->children[i]);
	if (result == 0 && (r->prefs.channels & TELL_COMMAND) && !*r->prefs.command)
		return fail(r, root, "the channel 'command' needs the key 'command'");
	return result;
}

static int read_prefs(const char *name, const char *home, const struct doc_node *root,
		      struct tell_prefs *ret_prefs, struct err *e)
{
	struct reading r = {.name = name, .home = home, .prefs = TELL_PREFS_DEFAULT, .e = e};
	int result = take_document(&r, root);

	if (result == 0)
		*ret_prefs = r.prefs;
	return result;
}

int tell_prefs_parse(const char *name, const char *text, const char *home,
		     struct tell_prefs *ret_prefs, struct err *e)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	int r = doc_parse(name, DOC_YAML, text, strlen(text), &root, e);

	return r < 0 ? r : read_prefs(name, home, root, ret_prefs, e);
}

int tell_prefs_load(const char *home, struct tell_prefs *ret_prefs, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/" TELL_PREFS_FILE, home);
	AUTO(doc_freep) struct doc_node *root = NULL;
	int r;

	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret_prefs = TELL_PREFS_DEFAULT;
		return 0;
	}
	r = doc_load(path, &root, e);
	return r < 0 ? r : read_prefs(path, home, root, ret_prefs, e);
}

/* The text of the file; "" where there is none. */
static void read_told(const char *path, char *text, size_t size)
{
	AUTO_CLOSE int fd = file_open_as_user(path, O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
}

bool tell_prefs_is_news(const char *home, const char *error)
{
	static const char *const directories[] = {".local", ".local/state", STATE_DIRECTORY};
	AUTO_FREE char *path = mem_printf("%s/" STATE_FILE, home);
	char told[sizeof(((struct err *)NULL)->text) + 1];

	read_told(path, told, sizeof(told));
	if (!strcmp(told, error))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		AUTO_FREE char *directory = mem_printf("%s/%s", home, directories[i]);

		(void)mkdir(directory, 0700);
	}
	return file_replace(path, error, strlen(error), NULL) == 0;
}
