/* What a state file says of the simulated GPUs; see fake_state.h. */
#include "gpu/fake_state.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "gpu/gpu_backend.h"

#define FAKE_NAME "Fake GPU"
#define FAKE_MEMORY_MB 81920

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* Where in the file something is, for messages: "state.json: gpus[2].processes[0]". */
struct place {
	const char *file;
	char text[128];
};

static int wrong(const struct place *at, const char *member, const char *wants, struct err *e)
{
	return err_set(e, EINVAL, "%s: %s%s%s must be %s", at->file, at->text,
		       at->text[0] ? "." : "", member, wants);
}

/* The object's member, NULL where it is left out; *ret_null tells null from that. */
static json_t *member(const json_t *object, const char *name, bool *ret_null)
{
	json_t *value = json_object_get(object, name);

	*ret_null = json_is_null(value);
	return *ret_null ? NULL : value;
}

/* As a fallback: the value is unknown where it is left out. */
#define UNKNOWN (-1)

/* A number from zero up. Left out: fallback. null: unknown. */
static int get_quantity(const json_t *object, const char *name, int64_t fallback,
			struct quantity *ret, const struct place *at, struct err *e)
{
	bool null;
	json_t *value = member(object, name, &null);

	if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
		return wrong(at, name, "a whole number, zero or more, or null", e);
	null |= !value && fallback == UNKNOWN;
	*ret = null ? (struct quantity){0}
		    : quantity_of(value ? json_integer_value(value) : fallback);
	return 0;
}

/* A text. Left out: fallback (may be NULL). null: unknown. */
static int get_text(const json_t *object, const char *name, const char *fallback, char **ret,
		    const struct place *at, struct err *e)
{
	bool null;
	json_t *value = member(object, name, &null);

	if (value && !json_is_string(value))
		return wrong(at, name, "text or null", e);
	mem_replace(ret, null ? NULL : value ? json_string_value(value) : fallback);
	return 0;
}

/* A name that nobody knows is a mistake in the file; it must not make a busy GPU look idle. */
static int check_members(const json_t *object, const char *const *known, const struct place *at,
			 struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (!known[i])
			return err_set(e, EINVAL, "%s: %s%s%.60s is not known", at->file, at->text,
				       at->text[0] ? "." : "", name);
	}
	return 0;
}

static int read_process(const json_t *object, struct process *p, const struct place *at,
			struct err *e)
{
	static const char *const known[] = {"pid", "name", "memory_mb", NULL};
	struct quantity pid;
	int r;

	if (!json_is_object(object))
		return err_set(e, EINVAL, "%s: %s must be an object", at->file, at->text);
	r = check_members(object, known, at, e);
	if (!r)
		r = get_quantity(object, "pid", 0, &pid, at, e);
	if (!r && pid.value > INT32_MAX)
		r = wrong(at, "pid", "a process id", e);
	if (!r)
		r = get_text(object, "name", NULL, &p->name, at, e);
	if (!r)
		r = get_quantity(object, "memory_mb", 0, &p->memory_mb, at, e);
	if (!r)
		p->pid = pid.known ? (pid_t)pid.value : 0;
	return r;
}

static int read_processes(const json_t *object, struct gpu *g, const struct place *at,
			  struct err *e)
{
	bool null;
	json_t *list = member(object, "processes", &null), *process;
	size_t i;

	g->processes_known = !null;
	if (list && !json_is_array(list))
		return wrong(at, "processes", "a list or null", e);
	json_array_foreach(list, i, process)
	{
		struct place inside = *at;
		size_t used = strlen(inside.text);
		int r;

		snprintf(inside.text + used, sizeof(inside.text) - used, ".processes[%zu]", i);
		r = read_process(process, gpu_add_process(g), &inside, e);
		if (r)
			return r;
	}
	return 0;
}

void fake_add_gpu(struct scan *s)
{
	int index = (int)s->gpus_count;
	struct gpu *g = scan_add_gpu(s);

	g->index = index;
	g->uuid = mem_printf("GPU-fake-%d", index);
	g->name = mem_strdup(FAKE_NAME);
	g->memory_total_mb = quantity_of(FAKE_MEMORY_MB);
	g->memory_used_mb = quantity_of(0);
	g->utilization_percent = quantity_of(0);
	g->temperature_c = quantity_of(0);
	g->power_mw = quantity_of(0);
	g->processes_known = true;
}

/* Left out: false. */
static int get_flag(const json_t *object, const char *name, bool *ret, const struct place *at,
		    struct err *e)
{
	json_t *value = json_object_get(object, name);

	if (value && !json_is_boolean(value))
		return wrong(at, name, "true or false", e);
	*ret = json_is_true(value);
	return 0;
}

/* "health" is what status --json calls it, with "health_reason". Left out: good. */
static int get_health(const json_t *object, struct gpu *g, const struct place *at, struct err *e)
{
	AUTO_FREE char *name = NULL;
	int r = get_text(object, "health", NULL, &name, at, e);

	if (!r)
		r = get_text(object, "health_reason", NULL, &g->health_reason, at, e);
	for (int i = HEALTH_GOOD; !r && name && i <= HEALTH_FAULTY; i++) {
		if (!strcmp(name, gpu_health_name((enum gpu_health)i)))
			g->health = (enum gpu_health)i;
	}
	if (!r && name && strcmp(name, gpu_health_name(g->health)) != 0)
		r = wrong(at, "health", "ok, warning or faulty", e);
	return r;
}

/* Overwrites the idle GPU with what the file says of it. */
static int read_gpu(const json_t *object, struct gpu *g, const struct place *at, struct err *e)
{
	const struct {
		const char *name;
		int64_t fallback;
		struct quantity *to;
	} quantities[] = {
		{"memory_total_mb", FAKE_MEMORY_MB, &g->memory_total_mb},
		{"memory_used_mb", 0, &g->memory_used_mb},
		{"utilization_percent", 0, &g->utilization_percent},
		{"temperature_c", 0, &g->temperature_c},
		{"power_mw", 0, &g->power_mw},
		{"power_limit_mw", 0, &g->power_limit_mw},
		{"device_minor", UNKNOWN, &g->device_minor},
		{"energy_mj", UNKNOWN, &g->energy_mj},
		{"samples_ms", UNKNOWN, &g->samples_ms},
		{"busy_ago_ms", UNKNOWN, &g->busy_ago_ms},
	};
	AUTO_FREE char *uuid = mem_strdup(g->uuid);
	struct quantity parent = {0};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(quantities); i++)
		r = get_quantity(object, quantities[i].name, quantities[i].fallback,
				 quantities[i].to, at, e);
	if (!r)
		r = get_text(object, "name", FAKE_NAME, &g->name, at, e);
	if (!r)
		r = get_text(object, "uuid", uuid, &g->uuid, at, e);
	if (!r)
		r = get_text(object, "problem", NULL, &g->problem, at, e);
	if (!r)
		r = get_text(object, "profile", NULL, &g->profile, at, e);
	if (!r)
		r = get_quantity(object, "parent", 0, &parent, at, e);
	if (!r && g->profile) {
		g->parent_index = parent;
		g->parent = mem_printf("GPU-fake-%lld", (long long)parent.value);
	}
	if (!r)
		r = get_flag(object, "mig", &g->mig, at, e);
	if (!r)
		r = get_health(object, g, at, e);
	if (!r)
		r = read_processes(object, g, at, e);
	if (!r)
		r = get_flag(object, "memory_shared", &g->memory_shared, at, e);
	if (!r && g->memory_shared)
		gpu_share_memory(g);
	return r;
}

/* The index of the i-th entry: its "index", else its place in the list. */
static int read_index(const json_t *object, size_t i, int *ret_index, const struct place *at,
		      struct err *e)
{
	static const char *const known[] = {
		"index",          "uuid",
		"name",           "memory_total_mb",
		"memory_used_mb", "utilization_percent",
		"temperature_c",  "power_mw",
		"power_limit_mw", "mig",
		"profile",        "parent",
		"memory_shared",  "health",
		"health_reason",  "problem",
		"processes",      "device_minor",
		"energy_mj",      "samples_ms",
		"busy_ago_ms",    NULL,
	};
	json_t *index = json_object_get(object, "index");
	int r;

	if (!json_is_object(object))
		return err_set(e, EINVAL, "%s: %s must be an object", at->file, at->text);
	r = check_members(object, known, at, e);
	if (r)
		return r;
	if (index && (!json_is_integer(index) || json_integer_value(index) < 0 ||
		      json_integer_value(index) >= POOL_GPUS_MAX))
		return wrong(at, "index", "a GPU id", e);
	*ret_index = index ? (int)json_integer_value(index) : (int)i;
	return 0;
}

/*
 * All GPUs of the list. With a count, entries beyond it are read (and must be right) but not shown;
 * without one, there are as many GPUs as the highest index says.
 */
static int read_gpus(const json_t *list, int count, struct scan *s, const char *file, struct err *e)
{
	bool seen[POOL_GPUS_MAX] = {false};
	json_t *object;
	size_t i;

	if (json_array_size(list) > POOL_GPUS_MAX)
		return err_set(e, EINVAL, "%s: gpus names %zu GPUs, more than %d", file,
			       json_array_size(list), POOL_GPUS_MAX);
	json_array_foreach(list, i, object)
	{
		struct place at = {.file = file};
		struct gpu ignored = {0};
		int index = 0, r;

		snprintf(at.text, sizeof(at.text), "gpus[%zu]", i);
		r = read_index(object, i, &index, &at, e);
		if (r)
			return r;
		if (seen[index])
			return err_set(e, EINVAL, "%s: %s: index %d appears twice", file, at.text,
				       index);
		seen[index] = true;
		while (count == 0 && s->gpus_count <= (size_t)index)
			fake_add_gpu(s);
		r = read_gpu(object, (size_t)index < s->gpus_count ? &s->gpus[index] : &ignored,
			     &at, e);
		gpu_clear(&ignored);
		if (r)
			return r;
	}
	return 0;
}

static int load_file(const char *path, json_t **ret_root, struct err *e)
{
	AUTO_FCLOSE FILE *file = file_stream_as_user(path);
	json_error_t problem;
	json_t *root;

	if (!file)
		return err_sys(e, errno, "cannot read the fake GPU state '%s'", path);
	root = json_loadf(file, JSON_REJECT_DUPLICATES, &problem);
	if (!root)
		return err_set(e, EINVAL, "%s:%d:%d: %s", path, problem.line, problem.column,
			       problem.text);
	*ret_root = root;
	return 0;
}

void fake_state_clear(struct fake_state *f)
{
	free(f->failure);
	*f = (struct fake_state){0};
}

int fake_state_read(const char *path, int count, struct scan *s, struct fake_state *f,
		    struct err *e)
{
	static const char *const known[] = {"gpus", "error", "delay_ms", "driver_version", NULL};
	struct place at = {.file = path};
	AUTO(json_freep) json_t *root = NULL;
	struct quantity delay_ms = {0};
	json_t *gpus;
	int r;

	r = load_file(path, &root, e);
	if (r)
		return r;
	if (!json_is_object(root))
		return err_set(e, EINVAL, "%s: the file must hold an object", at.file);
	r = check_members(root, known, &at, e);
	if (!r)
		r = get_quantity(root, "delay_ms", 0, &delay_ms, &at, e);
	if (!r)
		r = get_text(root, "error", NULL, &f->failure, &at, e);
	if (!r)
		r = get_text(root, "driver_version", NULL, &s->driver_version, &at, e);
	gpus = json_object_get(root, "gpus");
	if (!r && gpus && !json_is_array(gpus))
		r = wrong(&at, "gpus", "a list", e);
	f->delay_ms = delay_ms.value;
	return r ? r : read_gpus(gpus, count, s, at.file, e);
}
