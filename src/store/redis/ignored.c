/* The processes that are ignored, as one JSON value; see json.h. No other program reads it. */
#include <jansson.h>
#include <stdlib.h>

#include "base/json_fields.h"
#include "base/mem.h"
#include "store/redis/json.h"

static const struct json_field ref_fields[] = {
	FIELD("pid", struct process_ref, pid),
	FIELD("start_ticks", struct process_ref, start_ticks),
	FIELDS_END,
};

static const struct json_field holder_fields[] = {
	FIELD("host", struct holder, host, .optional = true),
	FIELD("boot_id", struct holder, boot_id, .optional = true),
	FIELD_STRUCT("process", struct holder, command, ref_fields),
	FIELDS_END,
};

static const struct json_field process_fields[] = {
	FIELD_STRUCT("holder", struct ignored_process, holder, holder_fields),
	FIELD("name", struct ignored_process, name, .optional = true),
	FIELD("ignored_by", struct ignored_process, ignored_by, .optional = true),
	FIELD("ignored_ns", struct ignored_process, ignored_ns),
	FIELD("memory_mb", struct ignored_process, memory_mb),
	FIELDS_END,
};

/* The whole value. */
struct list {
	char *mark;
	struct ignored_process *processes;
	size_t count;
};

static const struct json_field list_fields[] = {
	FIELD("mark", struct list, mark, .optional = true),
	FIELD_STRUCTS("processes", struct list, processes, count, process_fields),
	FIELDS_END,
};

void redis_json_read_ignored(const char *text, struct pool_state *state)
{
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct list list = {0};
	int r = json_fields_read(list_fields, document, &list);

	for (size_t i = 0; i < list.count; i++) {
		if (r == 0)
			pool_state_ignore(state, &list.processes[i], false);
		ignored_process_clear(&list.processes[i]);
	}
	free(list.processes);
	free(list.mark);
	json_decref(document);
}

char *redis_json_write_ignored(const struct pool_state *state, const char *mark)
{
	const struct list list = {
		.mark = (char *)(uintptr_t)mark,
		.processes = state->ignored,
		.count = state->ignored_count,
	};

	return json_fields_text(json_fields_write(list_fields, &list));
}
