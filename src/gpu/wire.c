/*
 * A scan as JSON and back, for the pipe of child.c. Both ends are this program, so a member has its
 * C name; a value that is unknown is left out.
 */
#include "gpu/wire.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/json_fields.h"
#include "base/mem.h"

#define OPTIONAL(type, member) FIELD(#member, struct type, member, .optional = true)

static const struct json_field process_fields[] = {
	OPTIONAL(process, pid),
	OPTIONAL(process, name),
	OPTIONAL(process, memory_mb),
	FIELDS_END,
};

static_assert(sizeof(enum gpu_health) == sizeof(int), "health travels as an int");

static const struct json_field gpu_fields[] = {
	OPTIONAL(gpu, index),
	OPTIONAL(gpu, uuid),
	OPTIONAL(gpu, name),
	OPTIONAL(gpu, pci_bus_id),
	OPTIONAL(gpu, device_minor),
	OPTIONAL(gpu, runtime_index),
	OPTIONAL(gpu, runtime_id),
	OPTIONAL(gpu, memory_total_mb),
	OPTIONAL(gpu, memory_used_mb),
	OPTIONAL(gpu, utilization_percent),
	OPTIONAL(gpu, temperature_c),
	OPTIONAL(gpu, power_mw),
	OPTIONAL(gpu, power_limit_mw),
	OPTIONAL(gpu, energy_mj),
	OPTIONAL(gpu, samples_ms),
	OPTIONAL(gpu, busy_ago_ms),
	OPTIONAL(gpu, mig),
	OPTIONAL(gpu, instances_problem),
	OPTIONAL(gpu, profile),
	OPTIONAL(gpu, parent),
	OPTIONAL(gpu, processes_known),
	OPTIONAL(gpu, problem),
	OPTIONAL(gpu, memory_shared),
	{.name = "health",
	 .type = FIELD_IS_INT,
	 .offset = offsetof(struct gpu, health),
	 .optional = true},
	OPTIONAL(gpu, health_reason),
	FIELD_STRUCTS("processes", struct gpu, processes, processes_count, process_fields),
	FIELDS_END,
};

static const struct json_field scan_fields[] = {
	OPTIONAL(scan, source),
	OPTIONAL(scan, driver_version),
	OPTIONAL(scan, complaint),
	OPTIONAL(scan, hidden),
	OPTIONAL(scan, topology),
	FIELD_STRUCTS("gpus", struct scan, gpus, gpus_count, gpu_fields),
	FIELDS_END,
};

/* What comes instead of a scan that failed. */
struct failure {
	int code;
	char *text;
};

static const struct json_field failure_fields[] = {
	FIELD("code", struct failure, code),
	FIELD("text", struct failure, text),
	FIELDS_END,
};

char *gpu_wire_pack(const struct scan *s, const struct err *error)
{
	struct failure failure = {0};

	if (!error)
		return json_fields_text(json_fields_write(scan_fields, s));
	failure.code = error->code;
	failure.text = (char *)error->text;
	return json_fields_text(json_fields_write(failure_fields, &failure));
}

static int unpack_scan(const json_t *document, struct scan *ret_scan, struct err *e)
{
	struct scan s = {0};

	if (json_fields_read(scan_fields, document, &s) < 0) {
		scan_clear(&s);
		return err_set(e, EBADMSG, "the scan that came back is unreadable");
	}
	*ret_scan = s;
	return 0;
}

int gpu_wire_unpack(const char *text, size_t length, struct scan *ret_scan, struct err *e)
{
	json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	struct failure failure = {0};
	int r;

	if (json_fields_read(failure_fields, document, &failure) == 0)
		r = err_set(e, failure.code, "%s", failure.text);
	else
		r = unpack_scan(document, ret_scan, e);
	free(failure.text);
	json_decref(document);
	return r;
}
