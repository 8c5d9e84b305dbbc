/* What nvidia-smi is asked for; see smi_query.h. Pure. */
#include "gpu/nvidia/smi_query.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

static const char *const gpu_fields[SMI_FIELDS] = {
	[SMI_INDEX] = "index",
	[SMI_UUID] = "uuid",
	[SMI_NAME] = "name",
	[SMI_BUS_ID] = "pci.bus_id",
	[SMI_MEMORY_TOTAL] = "memory.total",
	[SMI_MEMORY_USED] = "memory.used",
	[SMI_UTILIZATION] = "utilization.gpu",
	[SMI_TEMPERATURE] = "temperature.gpu",
	[SMI_POWER] = "power.draw",
	[SMI_MIG] = "mig.mode.current",
	[SMI_DRIVER_VERSION] = "driver_version",
};

static const char *const process_fields[SMI_PROCESS_FIELDS] = {
	[SMI_PROCESS_GPU] = "gpu_uuid",
	[SMI_PROCESS_PID] = "pid",
	[SMI_PROCESS_NAME] = "process_name",
	[SMI_PROCESS_MEMORY] = "used_memory",
};

struct nvidia_smi_query nvidia_smi_query_gpus(void)
{
	return (struct nvidia_smi_query){
		.option = "--query-gpu", .fields = gpu_fields, .count = SMI_FIELDS};
}

struct nvidia_smi_query nvidia_smi_query_processes(void)
{
	return (struct nvidia_smi_query){.option = "--query-compute-apps",
					 .fields = process_fields,
					 .count = SMI_PROCESS_FIELDS};
}

char *nvidia_smi_query_text(const struct nvidia_smi_query *q)
{
	const char *separator = "=";
	struct str text = {0};

	str_add(&text, q->option);
	for (size_t i = 0; i < q->count; i++) {
		if (q->left_out & 1u << i)
			continue;
		str_addf(&text, "%s%s", separator, q->fields[i]);
		separator = ",";
	}
	return str_steal(&text);
}

size_t nvidia_smi_columns(const struct nvidia_smi_query *q)
{
	size_t count = 0;

	for (size_t i = 0; i < q->count; i++)
		count += !(q->left_out & 1u << i);
	return count;
}

/* Whether the text has the name in quotation marks of some kind. */
static bool is_quoted(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p++) {
		if (p > text && strchr("\"'`", p[-1]) && p[length] && strchr("\"'`", p[length]))
			return true;
	}
	return false;
}

bool nvidia_smi_leave_out(struct nvidia_smi_query *q, const char *answer)
{
	unsigned before = q->left_out;

	if (!strcasestr(answer, "not a valid field"))
		return false;
	for (size_t i = 0; i < q->count; i++) {
		if (is_quoted(answer, q->fields[i]))
			q->left_out |= 1u << i;
	}
	return q->left_out != before && nvidia_smi_columns(q) > 0;
}
