/* The command lines of container engines; see engine.h. */
#include "host/engine.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

struct engine {
	const char *name;
	const char *with_value; /* options before the command that take a value, " name name " */
	const char *commands;   /* that start a container, " run " */
	const char *groups;     /* that may stand before those: `docker container run` */
	bool is_apptainer;
	bool has_gpus_option;
};

static const struct engine engines[] = {
	{
		.name = "docker",
		.with_value = " config context c host H log-level l tlscacert tlscert tlskey ",
		.commands = " run ",
		.groups = " container ",
		.has_gpus_option = true,
	},
	{
		.name = "podman",
		.with_value = " cgroup-manager config conmon connection c events-backend hooks-dir "
			      "identity imagestore log-level module namespace network-cmd-path "
			      "network-config-dir out root runroot runtime runtime-flag ssh "
			      "storage-driver storage-opt tmpdir url volumepath ",
		.commands = " run ",
		.groups = " container ",
	},
	{
		.name = "nerdctl",
		.with_value =
			" address a host H namespace n cgroup-manager cni-path cni-netconfpath "
			"data-root hosts-dir snapshotter storage-driver ",
		.commands = " run ",
		.groups = " container ",
		.has_gpus_option = true,
	},
	{
		.name = "apptainer",
		.with_value = " config c ",
		.commands = " exec run shell test start ",
		.groups = " instance ",
		.is_apptainer = true,
	},
	{
		.name = "singularity",
		.with_value = " config c ",
		.commands = " exec run shell test start ",
		.groups = " instance ",
		.is_apptainer = true,
	},
};

/* Programs that run the command behind their own options. */
static const char wrappers[] =
	" sudo doas env nice ionice nohup setsid stdbuf time timeout taskset "
	"numactl chrt catatonit tini dumb-init systemd-run ";

/* Options of `run` that take no value, of all engines; every other one takes the next word. */
static const char flags[] =
	" detach disable-content-trust env-host help http-proxy init interactive no-healthcheck "
	"no-hostname no-hosts oom-kill-disable passwd privileged publish-all quiet read-only "
	"read-only-tmpfs replace rm rmi rootfs sig-proxy tls-verify tty use-api-socket "
	"d i P q t ";

/* Whether a list " a b c " has a word of that length. */
static bool list_has(const char *list, const char *word, size_t length)
{
	for (const char *p = list; length && (p = strstr(p, " ")) != NULL && p[1]; p++) {
		size_t there = strcspn(p + 1, " ");

		if (there == length && !memcmp(p + 1, word, length))
			return true;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct engine *engine_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, base_name(word)))
			return &engines[i];
	}
	return NULL;
}

/* One option with its value, which may be in the same word or in the next one. */
struct option {
	const char *name; /* without the dashes */
	size_t length;
	const char *value; /* NULL: none */
	size_t words;      /* 1 or 2; 0: this is no option */
};

/* Reads the option that words[0] is. The list names those with a value, or, `inverted`, those
 * without.
 */
static struct option option_read(char *const *words, const char *list, bool inverted)
{
	const char *word = words[0];
	struct option o = {.name = word, .words = 1};

	if (!word || word[0] != '-' || !word[1] || !strcmp(word, "--"))
		return (struct option){0};
	if (word[1] == '-') {
		o.name = word + 2;
		o.length = strcspn(o.name, "=");
		if (o.name[o.length])
			o.value = o.name + o.length + 1;
		else if (list_has(list, o.name, o.length) != inverted)
			o.value = words[1];
		o.words += o.value && !o.name[o.length];
		return o;
	}
	/* Letters: -it, -eNAME, -e NAME. */
	o.name = word + 1;
	o.length = 1;
	while (list_has(list, o.name, 1) == inverted && o.name[1])
		o.name++;
	if (list_has(list, o.name, 1) == inverted)
		return o;
	o.value = o.name[1] == '=' ? o.name + 2 : o.name[1] ? o.name + 1 : words[1];
	o.words += o.value && o.value == words[1];
	return o;
}

static bool option_is(const struct option *o, const char *name)
{
	return o->length == strlen(name) && !memcmp(o->name, name, o->length);
}

/* Behind options. */
static size_t skip_options(char *const *words, size_t i, const char *with_value)
{
	struct option o;

	while (words[i] && (o = option_read(words + i, with_value, false)).words)
		i += o.words;
	return i;
}

bool engine_find(char *const *words, struct engine_call *ret_call)
{
	const struct engine *engine = words[0] ? engine_of(words[0]) : NULL;
	const char *name = words[0] ? base_name(words[0]) : "";
	size_t i = 0;

	if (!engine && list_has(wrappers, name, strlen(name))) {
		while (words[i] && !(engine = engine_of(words[i])))
			i++;
	}
	if (!engine)
		return false;
	*ret_call = (struct engine_call){.name = words[i], .is_apptainer = engine->is_apptainer};
	i = skip_options(words, i + 1, engine->with_value);
	if (words[i] && list_has(engine->groups, words[i], strlen(words[i])))
		i = skip_options(words, i + 1, engine->with_value);
	if (!words[i] || !list_has(engine->commands, words[i], strlen(words[i])))
		return false;
	ret_call->options = i + 1;
	return true;
}

/* The option of `run` at words[i]; no words where the image is. */
static struct option run_option(char *const *words, size_t i)
{
	return words[i] ? option_read(words + i, flags, true) : (struct option){0};
}

const char *engine_cid_file(char *const *words, const struct engine_call *call)
{
	const char *path = NULL;
	struct option o;

	for (size_t i = call->options; !call->is_apptainer && (o = run_option(words, i)).words;
	     i += o.words)
		if (option_is(&o, "cidfile"))
			path = o.value;
	return path;
}

/* A variable that chooses GPUs in an option -e: handed in as it is on this host, or for all. */
static bool chooses_gpus(const char *value, bool inserting)
{
	static const char *const names[] = {"NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES",
					    "HIP_VISIBLE_DEVICES"};

	if (!strcmp(value, "NVIDIA_VISIBLE_DEVICES=all"))
		return true;
	for (size_t i = 0; inserting && i < ARRAY_SIZE(names); i++) {
		/* Inside, the GPUs are counted from 0: the host's numbers name others. */
		if (!strcmp(value, names[i]))
			return true;
	}
	return inserting && !strncmp(value, "NVIDIA_VISIBLE_DEVICES=", 23);
}

/* A device of CDI, "vendor.com/gpu=NAME". */
static bool is_gpu_device(const char *value, bool inserting)
{
	const char *name = strstr(value, "/gpu=");

	return *value != '/' && name && (inserting || !strcmp(name, "/gpu=all"));
}

static bool gives_gpus(const struct option *o, bool inserting)
{
	if (!o->value)
		return false;
	if (option_is(o, "gpus"))
		return inserting || !strstr(o->value, "device=");
	if (option_is(o, "device"))
		return is_gpu_device(o->value, inserting);
	return (option_is(o, "env") || option_is(o, "e")) && chooses_gpus(o->value, inserting);
}

static size_t words_count(char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

bool engine_gives_gpus(char *const *words, const struct engine_call *call, bool inserting,
		       char **ret_option, char ***ret_without)
{
	char **without = mem_alloc(words_count(words) + 1, sizeof(*without));
	size_t count = call->options, i = call->options;
	char *found = NULL;
	struct option o;

	memcpy(without, words, count * sizeof(*without));
	for (; !call->is_apptainer && (o = run_option(words, i)).words; i += o.words) {
		if (gives_gpus(&o, inserting)) {
			if (!found)
				found = o.words == 2 ? mem_printf("%s %s", words[i], words[i + 1])
						     : mem_strdup(words[i]);
			continue;
		}
		memcpy(without + count, words + i, o.words * sizeof(*without));
		count += o.words;
	}
	for (; words[i]; i++)
		without[count++] = words[i];
	without[count] = NULL;
	if (!found) {
		free(without);
		return false;
	}
	*ret_option = found;
	*ret_without = without;
	return true;
}

/* A growing list of words. */
struct list {
	char **words;
	size_t count;
};

static void list_add(struct list *l, char *word)
{
	l->words = mem_resize(l->words, l->count + 2, sizeof(*l->words));
	l->words[l->count++] = word;
	l->words[l->count] = NULL;
}

/* --device vendor.com/gpu=NAME for each GPU. */
static void add_cdi(struct list *l, const char *kind, const char *names)
{
	for (const char *p = names; *p; p += *p == ',') {
		size_t length = strcspn(p, ",");

		list_add(l, mem_strdup("--device"));
		list_add(l, mem_printf("%s=%.*s", kind, (int)length, p));
		p += length;
	}
}

static void add_gpus(struct list *l, const struct engine_call *call, const struct engine_gpus *gpus)
{
	if (call->is_apptainer) {
		list_add(l, mem_strdup(gpus->vendor->apptainer_option));
		return;
	}
	if (gpus->vendor->has_gpus_option && engine_of(call->name)->has_gpus_option) {
		/* The quotes are the engine's: it takes a comma outside of them for its own. */
		list_add(l, mem_strdup("--gpus"));
		list_add(l, mem_printf("\"device=%s\"", gpus->uuids));
	} else {
		add_cdi(l, gpus->vendor->cdi_kind,
			gpus->vendor->by_number ? gpus->ids : gpus->uuids);
	}
	list_add(l, mem_strdup("--env"));
	list_add(l, mem_strdup(gpus->variable));
	if (gpus->cid_file) {
		list_add(l, mem_strdup("--cidfile"));
		list_add(l, mem_strdup(gpus->cid_file));
	}
}

char **engine_insert(char *const *words, const struct engine_call *call,
		     const struct engine_gpus *gpus)
{
	struct list l = {0};

	for (size_t i = 0; i < call->options; i++)
		list_add(&l, mem_strdup(words[i]));
	add_gpus(&l, call, gpus);
	for (size_t i = call->options; words[i]; i++)
		list_add(&l, mem_strdup(words[i]));
	return l.words;
}

void engine_words_free(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

char *engine_kill_words(char *const *words, const struct engine_call *call)
{
	struct str list = {0};

	if (call->is_apptainer)
		return NULL;
	for (size_t i = 0; i + 1 < call->options; i++) {
		AUTO_FREE char *word = i == 0 && strchr(words[i], '/')
					       ? file_absolute_path(words[i])
					       : mem_strdup(words[i]);

		if (strchr(word, '\n')) {
			str_clear(&list);
			return NULL;
		}
		str_addf(&list, "%s\n", word);
	}
	str_add(&list, "kill");
	return str_steal(&list);
}
