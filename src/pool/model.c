/*
 * Model detection (pool/model.h): the recognisers of model_table.h over a command line. Programs
 * are found by their name, also behind launchers such as `python -m`, `uv run` or `sudo`; the
 * recogniser then says where the model stands: behind a word, behind an option, or in a list of
 * pairs.
 */
#include "pool/model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/process.h"
#include "pool/model_table.h"

/* Command lines of others may be long; what matters stands early. */
#define ARGUMENTS_MAX 2048
#define PROGRAM_PLACE_MAX 64
#define ANCESTORS_MAX 3
#define COMM_LENGTH 15 /* the kernel cuts process names here */

void model_clear(struct model *m)
{
	free(m->provider);
	free(m->model);
	*m = (struct model){0};
}

/* One command line, looked at with one recogniser. */
struct line {
	const char *comm;
	const char *const *argv;
	size_t argc;
	bool launched; /* argv[0] is a launcher */
};

/* True if name is in the list; names that the kernel may have cut match by what is left of them. */
static bool list_has(const char *list, const char *name, size_t length, bool maybe_cut)
{
	maybe_cut = maybe_cut && length == COMM_LENGTH;
	for (const char *entry = list; *entry;) {
		size_t n = strcspn(entry, " ");
		bool prefix = entry[n - 1] == '*';
		size_t shown = prefix ? n - 1 : n;

		if ((shown == length || (prefix && shown < length) ||
		     (maybe_cut && shown > length)) &&
		    memcmp(entry, name, shown < length ? shown : length) == 0)
			return true;
		entry += n + strspn(entry + n, " ");
	}
	return false;
}

/* True if the argument names a program of the list: "/usr/bin/vllm", "lm_eval.py", "vllm.x.y". */
static bool names_program(const char *list, const char *argument)
{
	const char *slash = strrchr(argument, '/');
	const char *name = slash ? slash + 1 : argument;
	size_t length = strlen(name);

	if (strchr(argument, ' '))
		return false;
	if (length > 3 && strcmp(name + length - 3, ".py") == 0)
		length -= 3;
	return length && list_has(list, name, length, false);
}

static bool is_comm(const char *list, const struct line *l)
{
	return l->comm && *l->comm && list_has(list, l->comm, strlen(l->comm), true);
}

/* Where the arguments of one of these programs begin; 0: it is none of them. */
static size_t find_program(const char *programs, const struct line *l)
{
	bool by_comm;

	if (!programs || (l->argc && names_program(programs, l->argv[0])))
		return 1;
	by_comm = is_comm(programs, l);
	if (by_comm || l->launched)
		for (size_t i = 1; i < l->argc && i < PROGRAM_PLACE_MAX; i++)
			if (names_program(programs, l->argv[i]))
				return i + 1;
	return by_comm ? 1 : 0;
}

static bool text_starts(const char *text, size_t length, const char *start)
{
	size_t n = strlen(start);

	return length >= n && memcmp(text, start, n) == 0;
}

static bool text_ends(const char *text, size_t length, const char *end)
{
	size_t n = strlen(end);

	return length >= n && memcmp(text + length - n, end, n) == 0;
}

/* Takes text[0..length) as the name and its first provider_length bytes as the provider, if any. */
static bool take_name(const char *text, size_t length, size_t provider_length,
		      struct model *ret_model)
{
	bool letter = false;

	for (size_t i = 0; i < length; i++)
		letter =
			letter || isalpha((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80;
	if (!letter || length > MODEL_NAME_MAX)
		return false;
	ret_model->model = mem_printf("%.*s", (int)length, text);
	ret_model->provider =
		provider_length ? mem_printf("%.*s", (int)provider_length, text) : NULL;
	return true;
}

/* The last component of a path, slashes at its end aside. */
static bool take_last_component(const char *path, size_t length, struct model *ret_model)
{
	const char *slash;

	while (length && path[length - 1] == '/')
		length--;
	slash = memrchr(path, '/', length);
	if (slash) {
		length -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	return take_name(path, length, 0, ret_model);
}

/* "org/name" at the start of text, up to a revision (@), a quantisation (:) or a further slash. */
static bool take_hub_id(const char *text, size_t length, struct model *ret_model)
{
	const char *slash = memchr(text, '/', length);
	size_t provider, end;

	if (!slash || slash == text)
		return false;
	provider = (size_t)(slash - text);
	for (end = 0; end < length; end++)
		if (!isalnum((unsigned char)text[end]) && !strchr("-_.", text[end]) &&
		    end != provider)
			break;
	if (end <= provider + 1 || (end < length && !strchr(":@/?#", text[end])))
		return false;
	return take_name(text, end, provider, ret_model);
}

/* The cache of the model hub: ".../models--org--name/snapshots/<revision>". */
static bool take_hub_cache(const char *path, size_t length, struct model *ret_model)
{
	static const char mark[] = "models--";
	const char *start = memmem(path, length, mark, strlen(mark));
	const char *end, *split;
	AUTO_FREE char *id = NULL;

	if (!start || (start > path && start[-1] != '/'))
		return false;
	start += strlen(mark);
	end = memchr(start, '/', length - (size_t)(start - path));
	if (!end)
		end = path + length;
	split = memmem(start, (size_t)(end - start), "--", 2);
	if (!split)
		return take_name(start, (size_t)(end - start), 0, ret_model);
	id = mem_printf("%.*s/%.*s", (int)(split - start), start, (int)(end - split - 2),
			split + 2);
	return take_hub_id(id, strlen(id), ret_model);
}

/* "org/name" has one slash; with more, a file's ending, or a usual directory it is a local path. */
static bool is_path(const char *text, size_t length)
{
	const char *slash = memchr(text, '/', length);
	const char *dot = memrchr(text, '.', length);

	if (!slash)
		return false;
	if (slash == text || text[0] == '.' || text[0] == '~' || text[0] == '$' ||
	    memchr(slash + 1, '/', length - (size_t)(slash + 1 - text)) || slash[1] == '\0')
		return true;
	return list_has(model_directories, text, (size_t)(slash - text), false) ||
	       (dot && list_has(model_files, dot, length - (size_t)(dot - text), false));
}

/* Reads what stands where a model's name or path is expected. */
static bool read_name(const char *text, size_t length, struct model *ret_model)
{
	static const char *const hubs[] = {
		"https://huggingface.co/",
		"http://huggingface.co/",
		"https://hf.co/",
		"huggingface.co/",
		"hf.co/",
		"hf://",
		"HF://",
	};

	for (size_t i = 0; i < ARRAY_SIZE(hubs); i++)
		if (text_starts(text, length, hubs[i]))
			return take_hub_id(text + strlen(hubs[i]), length - strlen(hubs[i]),
					   ret_model);
	if (take_hub_cache(text, length, ret_model))
		return true;
	if (!is_path(text, length) && take_hub_id(text, length, ret_model))
		return true;
	return take_last_component(text, length, ret_model);
}

/* The value of "key": "..." in a JSON object; a look at the text is enough for names of models. */
static bool read_json(const char *text, const char *key, size_t key_length, struct model *ret_model)
{
	AUTO_FREE char *quoted = mem_printf("\"%.*s\"", (int)key_length, key);
	const char *p = strstr(text, quoted);
	AUTO(str_clear) struct str value = {0};

	if (!p)
		return false;
	p += strlen(quoted);
	p += strspn(p, " \t\r\n");
	if (*p++ != ':')
		return false;
	p += strspn(p, " \t\r\n");
	if (*p++ != '"')
		return false;
	for (; *p && *p != '"'; p++) {
		if (*p == '\\' && *++p == '\0')
			return false;
		str_add_bytes(&value, p, 1);
	}
	return *p == '"' && read_name(str_text(&value), value.length, ret_model);
}

/* The value of key in "key=value,key=value". */
static bool read_pair(const char *text, const char *key, size_t key_length, struct model *ret_model)
{
	while (*text) {
		size_t length = strcspn(text, ",");

		if (length > key_length && memcmp(text, key, key_length) == 0 &&
		    text[key_length] == '=')
			return read_name(text + key_length + 1, length - key_length - 1, ret_model);
		text += length + (text[length] == ',');
	}
	return false;
}

static bool read_pairs(const char *text, struct model *ret_model)
{
	static const char *const keys[] = {"pretrained", "model", "model_name", "path"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i]);

		if (text[strspn(text, " \t\r\n")] == '{' ? read_json(text, keys[i], n, ret_model)
							 : read_pair(text, keys[i], n, ret_model))
			return true;
	}
	return false;
}

/* Compares the names of options; Python programs take "-" and "_" for the same. */
static bool same_option(const char *option, size_t length, const char *argument, size_t n)
{
	if (n != length || n < 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = (option[i] == '-' || option[i] == '_') &&
			    (argument[i] == '-' || argument[i] == '_') && i >= 2;

		if (option[i] != argument[i] && !dash)
			return false;
	}
	return true;
}

/*
 * The place of the last value given to an option (the last one counts in most programs), as
 * "--option value" or "--option=value"; 0: none. Where the next argument looks like an option too,
 * there is no value.
 */
static size_t find_option(const struct line *l, size_t from, const char *option, size_t length,
			  const char **ret_value)
{
	size_t place = 0;

	for (size_t i = from; i < l->argc; i++) {
		const char *argument = l->argv[i];
		size_t n = strcspn(argument, "=");

		if (argument[0] != '-' || !same_option(option, length, argument, n))
			continue;
		if (argument[n] == '=' && argument[1] == '-') {
			*ret_value = argument + n + 1;
			place = i;
		} else if (argument[n] == '\0' && i + 1 < l->argc && l->argv[i + 1][0] != '-') {
			*ret_value = l->argv[++i];
			place = i;
		}
	}
	return place;
}

/* Takes the model from the first of the options that has one. */
static bool take_option(const struct recogniser *r, const struct line *l, size_t from,
			struct model *ret_model)
{
	for (const char *option = r->options; *option;) {
		size_t n = strcspn(option, " ");
		const char *value = NULL;

		if (find_option(l, from, option, n, &value) &&
		    (!r->ending || text_ends(value, strlen(value), r->ending)) &&
		    read_name(value, strlen(value), ret_model))
			return true;
		option += n + strspn(option + n, " ");
	}
	return false;
}

/* Takes the model from "pretrained=org/name,dtype=auto", which may go on in further arguments. */
static bool take_pairs(const struct recogniser *r, const struct line *l, size_t from,
		       struct model *ret_model)
{
	for (const char *option = r->pairs; *option;) {
		size_t n = strcspn(option, " ");
		const char *value = NULL;
		size_t i = find_option(l, from, option, n, &value);

		while (value) {
			if (read_pairs(value, ret_model))
				return true;
			i++;
			value = i < l->argc && l->argv[i][0] != '-' ? l->argv[i] : NULL;
		}
		option += n + strspn(option + n, " ");
	}
	return false;
}

/* Options that are known to stand alone, so that what follows them is no value of theirs. */
static bool is_switch(const char *argument)
{
	return strchr(argument, '=') ||
	       list_has(
		       "--enable-* --disable-* --no-* --skip-* --trust-remote-code --trust_remote_code "
		       "--enforce-eager --headless --async-scheduling",
		       argument, strlen(argument), false);
}

/* Takes the first argument behind the word that is neither an option nor an option's value. */
static bool take_word(const struct recogniser *r, const struct line *l, size_t from,
		      struct model *ret_model)
{
	bool waiting = *r->word != '\0'; /* for the word */

	for (size_t i = from; i < l->argc; i++) {
		const char *argument = l->argv[i];

		if (waiting)
			waiting = strcmp(argument, r->word) != 0;
		else if (argument[0] != '-')
			return read_name(argument, strlen(argument), ret_model);
		else if (!is_switch(argument))
			i++;
	}
	return false;
}

bool model_recognise(const char *process_name, const char *const *argv, size_t argc,
		     struct model *ret_model)
{
	const struct line l = {
		process_name,
		argv,
		argc < ARGUMENTS_MAX ? argc : ARGUMENTS_MAX,
		argc && names_program(launchers, argv[0]),
	};

	if (is_comm(bystanders, &l) || (argc && names_program(bystanders, argv[0])))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(recognisers); i++) {
		const struct recogniser *r = &recognisers[i];
		size_t from = find_program(r->programs, &l);

		if (!from)
			continue;
		if ((r->word && take_word(r, &l, from, ret_model)) ||
		    (r->pairs && take_pairs(r, &l, from, ret_model)) ||
		    (r->options && take_option(r, &l, from, ret_model)))
			return true;
		if (r->final)
			return false;
	}
	return false;
}

/* Cuts /proc's NUL-separated arguments and looks at them. */
static bool recognise_process(const struct process_info *info, struct model *ret_model)
{
	AUTO_FREE const char **argv = NULL;
	AUTO_FREE char *text = NULL;
	size_t length, argc = 0;

	text = host_process_arguments(info->pid, &length);
	if (!text)
		return false;
	argv = mem_alloc(ARGUMENTS_MAX, sizeof(*argv));
	for (size_t i = 0; i < length && argc < ARGUMENTS_MAX; i += strlen(text + i) + 1)
		argv[argc++] = text + i;
	return model_recognise(info->name, argv, argc, ret_model);
}

/* Looks at one process, unless this search has done so; tells its parent. */
static bool search_one(struct model_search *s, pid_t pid, pid_t *ret_parent,
		       struct model *ret_model)
{
	struct process_info info;

	for (size_t i = 0; i < s->count; i++)
		if (s->seen[i].pid == pid) {
			*ret_parent = s->seen[i].parent;
			return false;
		}
	if (host_process_stat(pid, &info) < 0)
		info = (struct process_info){.pid = pid};
	else if (recognise_process(&info, ret_model))
		return true;
	s->seen = mem_resize(s->seen, s->count + 1, sizeof(*s->seen));
	s->seen[s->count].pid = pid;
	s->seen[s->count++].parent = info.ppid;
	*ret_parent = info.ppid;
	return false;
}

bool model_search(struct model_search *s, pid_t pid, struct model *ret_model)
{
	for (int i = 0; i <= ANCESTORS_MAX && pid > 0; i++)
		if (search_one(s, pid, &pid, ret_model))
			return true;
	return false;
}

void model_search_clear(struct model_search *s)
{
	free(s->seen);
	*s = (struct model_search){0};
}

bool model_detect(pid_t pid, struct model *ret_model)
{
	AUTO(model_search_clear) struct model_search s = {0};

	return model_search(&s, pid, ret_model);
}
