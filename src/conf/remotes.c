/* The other hosts of the configuration; see remotes.h. */
#include "conf/remotes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

#define NAME_MAX_LENGTH 253
#define LABEL_MAX_LENGTH 80

static void remote_clear(struct remote *r)
{
	free(r->name);
	free(r->ssh);
	free(r->url);
	free(r->token_file);
	free(r->ca_file);
	free(r->label);
	*r = (struct remote){0};
}

void remotes_clear(struct remotes *r)
{
	for (size_t i = 0; i < r->count; i++)
		remote_clear(&r->items[i]);
	free(r->items);
	*r = (struct remotes){0};
}

static bool has_only(const char *text, const char *allowed)
{
	return !text[strspn(text, allowed)];
}

/* A name is shown, and becomes an argument of ssh: it may look like no option. */
static int check_name(const char *name, struct err *e)
{
	if (!*name || *name == '-' || *name == '.' || strlen(name) > NAME_MAX_LENGTH ||
	    !has_only(name, PARSE_ALPHANUMERIC ".-_"))
		return err_usage(e, "'%.60s' is no name of a host", name);
	if (!strcasecmp(name, REMOTE_ANY))
		return err_usage(e,
				 "'" REMOTE_ANY "' means any host and cannot be the name of one");
	return 0;
}

/* gpu1, alice@gpu1, ssh://alice@gpu1:2222, fe80::1%eth0: nothing that a shell or ssh would take for
   anything else. (ssh takes no address with colons in its ssh://.) */
static int check_ssh(const char *ssh, struct err *e)
{
	const char *colon = strstr(ssh, "://") ? strchr(strstr(ssh, "://") + 1, ':') : NULL;

	if (!*ssh || *ssh == '-' || strlen(ssh) > 2 * NAME_MAX_LENGTH || strstr(ssh, "@-") ||
	    strstr(ssh, "/-") || (colon && strchr(colon + 1, ':')) ||
	    !has_only(ssh, PARSE_ALPHANUMERIC ".-_@:/%+"))
		return err_usage(e, "'%.60s' is no destination of ssh", ssh);
	return 0;
}

static int check_url(const char *url, struct err *e)
{
	const char *rest = !strncmp(url, "https://", 8)  ? url + 8
			   : !strncmp(url, "http://", 7) ? url + 7
							 : NULL;

	if (!rest || !*rest || *rest == '/' ||
	    !has_only(rest, PARSE_ALPHANUMERIC ".-_~:/[]%+&=@") || strchr(rest, '@'))
		return err_usage(
			e,
			"'%.60s' is no address of a web server (http://gpu1:8080, without a "
			"password)",
			url);
	return 0;
}

static int check_label(const char *label, struct err *e)
{
	for (const char *p = label; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return err_usage(e, "a label is one line");
	}
	return *label && strlen(label) <= LABEL_MAX_LENGTH
		       ? 0
		       : err_usage(e, "a label has 1 to %d characters", LABEL_MAX_LENGTH);
}

static int check_path(const char *path, struct err *e)
{
	return *path == '/' ? 0 : err_usage(e, "'%.60s' is no absolute path", path);
}

const char *const remote_members[] = {"ssh", "url", "token-file", "ca-file", "label", NULL};

/* Sets one of the members, once. */
static int set_member(struct remote *r, const char *key, const char *value, struct err *e)
{
	struct {
		char **member;
		int (*check)(const char *value, struct err *e);
	} const members[] = {{&r->ssh, check_ssh},
			     {&r->url, check_url},
			     {&r->token_file, check_path},
			     {&r->ca_file, check_path},
			     {&r->label, check_label}};

	for (size_t i = 0; remote_members[i]; i++) {
		if (strcmp(remote_members[i], key) != 0)
			continue;
		if (*members[i].member)
			return err_usage(e, "%s is set twice", key);
		mem_replace(members[i].member, value);
		return members[i].check(value, e);
	}
	return err_usage(e, "'%.60s' is not " REMOTE_MEMBERS_TEXT, key);
}

/* "alice@gpu2" and "ssh://alice@gpu2:2222" are called "gpu2". The caller frees it. */
static char *name_of(const char *destination)
{
	const char *begin =
		strstr(destination, "://") ? strstr(destination, "://") + 3 : destination;
	const char *at = strrchr(begin, '@');
	char *name = mem_strdup(at ? at + 1 : begin);

	if (begin != destination)
		name[strcspn(name, ":/")] = '\0';
	return name;
}

/* fe80::1%eth0: what has a name of its own is a host with a port. */
static bool is_ipv6(const char *name)
{
	const char *zone = strchr(name, '%');
	size_t length = zone ? (size_t)(zone - name) : strlen(name);

	return strspn(name, "0123456789abcdefABCDEF:.") == length &&
	       strchr(name, ':') != strrchr(name, ':') &&
	       (!zone || !zone[1 + strspn(zone + 1, PARSE_ALPHANUMERIC ".-_")]);
}

/* The first word: a name, or a destination. */
static int set_name(struct remote *r, const char *word, struct err *e)
{
	int code;

	if (!strpbrk(word, "@:/")) {
		r->name = mem_strdup(word);
		return check_name(word, e);
	}
	r->name = name_of(word);
	r->ssh = mem_strdup(word);
	code = check_ssh(word, e);
	if (code < 0 || is_ipv6(r->name))
		return code;
	if (strchr(r->name, ':'))
		return err_usage(e, "'%.60s' is no name of a host (a port: ssh://%.60s)", word,
				 word);
	return check_name(r->name, e);
}

/* One host: words separated by spaces, of which a label takes all that are left. Changes `text`. */
static int read_remote(char *text, struct remote *r, struct err *e)
{
	char *rest = text, *word = strsep(&rest, " ");
	int code = set_name(r, word, e);

	while (code == 0 && rest) {
		char *key = rest, *value;

		key += strspn(key, " ");
		if (!*key)
			break;
		value = strchr(key, '=');
		if (!value)
			return err_usage(e, "%s: '%.60s' is not KEY=VALUE", r->name, key);
		*value++ = '\0';
		rest = value;
		if (strcmp(key, "label") != 0)
			strsep(&rest, " ");
		else
			rest = NULL;
		code = set_member(r, key, value, e);
	}
	if (code < 0)
		return code;
	if (r->token_file && !r->url)
		return err_usage(e, "a token-file is for a web server: url is missing");
	if (r->ca_file && (!r->url || strncmp(r->url, "https:", 6) != 0))
		return err_usage(e, "a ca-file is for a web server: an https url is missing");
	if (!r->ssh)
		r->ssh = mem_strdup(r->name);
	return 0;
}

static struct remote *append(struct remotes *list)
{
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count] = (struct remote){0};
	return &list->items[list->count++];
}

/* The text without spaces around it; changes it. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t", text[length - 1]))
		text[--length] = '\0';
	return text;
}

int remotes_parse(const char *text, struct remotes *ret, struct err *e)
{
	AUTO(remotes_clear) struct remotes list = {0};
	AUTO_FREE char *copy = mem_strdup(text ? text : "");
	char *rest = copy, *part;

	while ((part = strsep(&rest, ","))) {
		struct remote *r;

		part = trim(part);
		if (!*part)
			continue;
		if (list.count == REMOTES_MAX)
			return err_usage(e, "more than %d hosts", REMOTES_MAX);
		r = append(&list);
		if (read_remote(part, r, e) < 0)
			return err_prefix(e, "host '%.60s'", r->name);
		for (size_t i = 0; i + 1 < list.count; i++) {
			if (!strcasecmp(list.items[i].name, r->name))
				return err_usage(e, "host '%.60s' is there twice", r->name);
		}
	}
	*ret = list;
	list = (struct remotes){0};
	return 0;
}

const struct remote *remotes_find(const struct remotes *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!strcasecmp(r->items[i].name, name))
			return &r->items[i];
	}
	return NULL;
}

bool remotes_is_own(const char *name, const char *own)
{
	size_t length = strcspn(own, ".");

	if (!strcasecmp(name, own) || !strcasecmp(name, "localhost"))
		return true;
	return !strncasecmp(name, own, length) &&
	       (!name[length] || (name[length] == '.' && !own[length]));
}

int remotes_add(struct remotes *r, const struct remotes *known, const char *name, struct err *e)
{
	const struct remote *found = remotes_find(known, name);
	struct remote new = {0};
	int code = 0;

	if (found)
		new = (struct remote){
			.name = mem_strdup(found->name),
			.ssh = mem_strdup(found->ssh),
			.url = mem_strdup(found->url),
			.token_file = mem_strdup(found->token_file),
			.ca_file = mem_strdup(found->ca_file),
			.label = mem_strdup(found->label),
		};
	else
		code = set_name(&new, name, e);
	if (code == 0 && !new.ssh)
		new.ssh = mem_strdup(new.name);
	if (code == 0 && !remotes_find(r, new.name)) {
		*append(r) = new;
		return 0;
	}
	remote_clear(&new);
	return code;
}
