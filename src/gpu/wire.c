/*
 * A scan as JSON and back, for the pipe of child.c. Both ends are this program, so a member is its
 * C name; a value that is unknown is left out.
 */
#include "gpu/wire.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum kind { KIND_TEXT, KIND_INT, KIND_BOOL, KIND_QUANTITY };

struct field {
	const char *name;
	enum kind kind;
	size_t offset; /* of the member in its struct, bytes */
};

#define FIELD(type, member, kind)                            \
	{                                                    \
#member, kind, offsetof(struct type, member) \
	}

static const struct field scan_fields[] = {
	FIELD(scan, source, KIND_TEXT),
	FIELD(scan, driver_version, KIND_TEXT),
};

static const struct field gpu_fields[] = {
	FIELD(gpu, index, KIND_INT),
	FIELD(gpu, uuid, KIND_TEXT),
	FIELD(gpu, name, KIND_TEXT),
	FIELD(gpu, pci_bus_id, KIND_TEXT),
	FIELD(gpu, memory_total_mb, KIND_QUANTITY),
	FIELD(gpu, memory_used_mb, KIND_QUANTITY),
	FIELD(gpu, utilization_percent, KIND_QUANTITY),
	FIELD(gpu, temperature_c, KIND_QUANTITY),
	FIELD(gpu, power_mw, KIND_QUANTITY),
	FIELD(gpu, power_limit_mw, KIND_QUANTITY),
	FIELD(gpu, mig, KIND_BOOL),
	FIELD(gpu, processes_known, KIND_BOOL),
	FIELD(gpu, problem, KIND_TEXT),
};

static const struct field process_fields[] = {
	FIELD(process, pid, KIND_INT),
	FIELD(process, name, KIND_TEXT),
	FIELD(process, memory_mb, KIND_QUANTITY),
};

static void json_freep(json_t **json)
{
	json_decref(*json);
}

/* A member's value, NULL where there is none to send. */
static json_t *pack_value(const struct field *f, const void *member)
{
	const struct quantity *quantity = member;

	switch (f->kind) {
	case KIND_TEXT: {
		/* Drivers name processes as they like; JSON takes UTF-8 only. */
		AUTO_FREE char *text = text_utf8(*(char *const *)member);

		return text ? json_string(text) : NULL;
	}
	case KIND_INT:
		return json_integer(*(const int *)member);
	case KIND_BOOL:
		return json_boolean(*(const bool *)member);
	case KIND_QUANTITY:
		return quantity->known ? json_integer(quantity->value) : NULL;
	}
	return NULL;
}

static json_t *pack_fields(const struct field *fields, size_t count, const void *from)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		json_t *value = pack_value(&fields[i], (const char *)from + fields[i].offset);

		if (value)
			json_object_set_new(object, fields[i].name, value);
	}
	return object;
}

static json_t *pack_gpu(const struct gpu *g)
{
	json_t *object = pack_fields(gpu_fields, ARRAY_SIZE(gpu_fields), g);
	json_t *processes = json_array();

	for (size_t i = 0; i < g->processes_count; i++)
		json_array_append_new(
			processes,
			pack_fields(process_fields, ARRAY_SIZE(process_fields), &g->processes[i]));
	json_object_set_new(object, "processes", processes);
	return object;
}

char *gpu_wire_pack(const struct scan *s, const struct err *error)
{
	AUTO(json_freep) json_t *root = NULL;
	json_t *gpus;
	char *text;

	if (error) {
		AUTO_FREE char *why = text_utf8(error->text);

		root = json_pack("{s:i, s:s}", "code", error->code, "text", why);
	} else {
		root = pack_fields(scan_fields, ARRAY_SIZE(scan_fields), s);
		gpus = json_array();
		for (size_t i = 0; i < s->gpus_count; i++)
			json_array_append_new(gpus, pack_gpu(&s->gpus[i]));
		json_object_set_new(root, "gpus", gpus);
	}
	text = json_dumps(root, JSON_COMPACT);
	return text ? text : mem_strdup("");
}

static bool unpack_value(const struct field *f, const json_t *value, void *member)
{
	switch (f->kind) {
	case KIND_TEXT:
		*(char **)member = mem_strdup(json_string_value(value));
		return json_is_string(value);
	case KIND_INT:
		*(int *)member = (int)json_integer_value(value);
		return json_is_integer(value);
	case KIND_BOOL:
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value);
	case KIND_QUANTITY:
		*(struct quantity *)member = quantity_of(json_integer_value(value));
		return json_is_integer(value);
	}
	return false;
}

static bool unpack_fields(const struct field *fields, size_t count, const json_t *object, void *to)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, fields[i].name);

		if (value && !unpack_value(&fields[i], value, (char *)to + fields[i].offset))
			return false;
	}
	return json_is_object(object);
}

static bool unpack_gpu(const json_t *object, struct gpu *g)
{
	json_t *processes = json_object_get(object, "processes"), *process;
	size_t i;

	if (!unpack_fields(gpu_fields, ARRAY_SIZE(gpu_fields), object, g) ||
	    !json_is_array(processes))
		return false;
	json_array_foreach(processes, i, process)
	{
		if (!unpack_fields(process_fields, ARRAY_SIZE(process_fields), process,
				   gpu_add_process(g)))
			return false;
	}
	return true;
}

static bool unpack_scan(const json_t *root, struct scan *s)
{
	json_t *gpus = json_object_get(root, "gpus"), *gpu;
	size_t i;

	if (!unpack_fields(scan_fields, ARRAY_SIZE(scan_fields), root, s) || !json_is_array(gpus))
		return false;
	json_array_foreach(gpus, i, gpu)
	{
		if (!unpack_gpu(gpu, scan_add_gpu(s)))
			return false;
	}
	return true;
}

int gpu_wire_unpack(const char *text, size_t length, struct scan *ret_scan, struct err *e)
{
	AUTO(json_freep) json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	const char *why = json_string_value(json_object_get(root, "text"));
	struct scan s = {0};

	if (why)
		return err_set(e, (int)json_integer_value(json_object_get(root, "code")), "%s",
			       why);
	if (!unpack_scan(root, &s)) {
		scan_clear(&s);
		return err_set(e, EBADMSG, "the scan that came back is unreadable");
	}
	*ret_scan = s;
	return 0;
}
