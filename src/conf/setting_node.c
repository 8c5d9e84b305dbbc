/* What a value in a configuration file says for a setting, as one would type it; see
 * setting_node.h.
 */
#include "conf/setting_node.h"

#include <string.h>

#include "conf/remotes.h"

const char *setting_kind_name(enum doc_kind kind)
{
	switch (kind) {
	case DOC_NULL:
		return "nothing";
	case DOC_BOOL:
		return "true or false";
	case DOC_INT:
		return "a number";
	case DOC_FLOAT:
		return "a number with a fraction";
	case DOC_DATE:
		return "a date or time";
	case DOC_STRING:
		return "text";
	case DOC_SEQUENCE:
		return "a list";
	case DOC_MAPPING:
		break;
	}
	return "a section";
}

static const char *need_name(enum option_type type)
{
	switch (type) {
	case OPTION_FLAG:
		return "true or false";
	case OPTION_INT:
		return "a whole number";
	case OPTION_DURATION:
		return "a duration in quotes, such as \"30m\" or \"2h\"";
	case OPTION_IDS:
	case OPTION_GPUS:
		return "GPU ids, such as [1, 3] or \"0-3\"";
	case OPTION_SIZE:
		return "a size, such as \"40G\" or \"512Mi\"";
	case OPTION_DATE:
		return "a date in quotes, such as \"2026-10-31\"";
	case OPTION_REMOTES:
		return "a list of hosts, such as [gpu1, {name: gpu2, ssh: alice@gpu2}]";
	case OPTION_NAMES:
		return "names, such as [alice, bob]";
	case OPTION_TEXT:
	case OPTION_PATH:
	case OPTION_CHOICE:
		break;
	}
	return "text in quotes";
}

static int fail_type(const struct setting *setting, const struct doc_node *node, const char *path,
		     struct err *e)
{
	return doc_error(path, node->line, node->column, e, "%s needs %s, this is %s", setting->key,
			 need_name(setting->spec->type), setting_kind_name(node->kind));
}

/* Whether there may be a list: [1, 3]. */
static bool takes_list(enum option_type type)
{
	return type == OPTION_IDS || type == OPTION_GPUS || type == OPTION_NAMES;
}

/* [1, 3] as "1,3"; false if there is anything in it that is no id, UUID or name. */
static bool join_list(const struct doc_node *list, enum option_type type, struct str *ret_text)
{
	for (size_t i = 0; i < list->count; i++) {
		enum doc_kind kind = list->children[i]->kind;

		if (type == OPTION_NAMES
			    ? kind != DOC_STRING
			    : kind != DOC_INT && (kind != DOC_STRING || type != OPTION_GPUS))
			return false;
		str_addf(ret_text, "%s%s", i ? "," : "", list->children[i]->text);
	}
	return true;
}

/* One host of a list: its name, or a section with it. */
static int add_remote(const struct doc_node *node, const char *path, struct str *out, struct err *e)
{
	const struct doc_node *name = node->kind == DOC_MAPPING ? doc_find(node, "name") : node;

	if (!name || name->kind != DOC_STRING)
		return doc_error(path, node->line, node->column, e,
				 "a host needs a name in quotes, or a section with one");
	if (strchr(name->text, ',') || strchr(name->text, ' '))
		return doc_error(path, name->line, name->column, e, "'%.60s' is no name of a host",
				 name->text);
	str_addf(out, "%s%s", out->length ? ", " : "", name->text);
	/* In the order of the members: a label comes last. */
	for (size_t i = 0; node->kind == DOC_MAPPING && remote_members[i]; i++) {
		const struct doc_node *member = doc_find(node, remote_members[i]);
		bool is_label = !strcmp(remote_members[i], "label");

		if (!member)
			continue;
		if (member->kind != DOC_STRING || !*member->text || strchr(member->text, ',') ||
		    (!is_label && strchr(member->text, ' ')))
			return doc_error(path, member->line, member->column, e,
					 "%s needs text without commas%s", remote_members[i],
					 is_label ? "" : " and spaces");
		str_addf(out, " %s=%s", remote_members[i], member->text);
	}
	return 0;
}

static bool is_remote_member(const char *key)
{
	for (size_t i = 0; remote_members[i]; i++) {
		if (!strcmp(remote_members[i], key))
			return true;
	}
	return !strcmp(key, "name");
}

/* [gpu1, {name: gpu2, ...}] as conf/remotes.h has it. */
static int join_remotes(const struct doc_node *list, const char *path, struct str *out,
			struct err *e)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct doc_node *node = list->children[i];
		int r = add_remote(node, path, out, e);

		for (size_t k = 0; r == 0 && node->kind == DOC_MAPPING && k < node->count; k++) {
			const struct doc_node *member = node->children[k];

			if (!is_remote_member(member->key))
				r = doc_error(path, member->key_line, member->key_column, e,
					      "'%.60s' is not name, " REMOTE_MEMBERS_TEXT,
					      member->key);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Does a value of this kind make sense for this option? Lists are the caller's. */
static bool kind_fits(enum doc_kind kind, const struct option_spec *spec)
{
	if (kind == DOC_BOOL && spec->argument_optional)
		return true;
	switch (spec->type) {
	case OPTION_FLAG:
		return kind == DOC_BOOL;
	case OPTION_INT:
	case OPTION_IDS:
	case OPTION_GPUS:
		return kind == DOC_INT || kind == DOC_STRING;
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_DATE:
	case OPTION_TEXT:
	case OPTION_NAMES:
	case OPTION_PATH:
	case OPTION_CHOICE:
	case OPTION_REMOTES:
		break;
	}
	return kind == DOC_STRING;
}

int setting_node_text(const struct setting *setting, const struct doc_node *node, const char *path,
		      struct str *list, const char **ret_text, struct err *e)
{
	enum option_type type = setting->spec->type;
	int r = 0;

	if (type == OPTION_DURATION && node->kind == DOC_INT)
		return doc_error(path, node->line, node->column, e,
				 "%s needs a unit: \"%ss\", \"%sm\" or \"%sh\"", setting->key,
				 node->text, node->text, node->text);
	if (node->kind == DOC_SEQUENCE && type == OPTION_REMOTES)
		r = join_remotes(node, path, list, e);
	else if (node->kind == DOC_SEQUENCE ? !takes_list(type) || !join_list(node, type, list)
					    : !kind_fits(node->kind, setting->spec))
		r = fail_type(setting, node, path, e);
	if (r == 0)
		*ret_text = node->kind == DOC_SEQUENCE ? str_text(list) : node->text;
	return r;
}
