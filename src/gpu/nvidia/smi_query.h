/* What nvidia-smi is asked for, for smi.c and smi_parse.c. Pure. */
#ifndef GPU_NVIDIA_SMI_QUERY_H
#define GPU_NVIDIA_SMI_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/* The fields of --query-gpu, in the order in which they are asked for. */
enum nvidia_smi_field {
	SMI_INDEX,
	SMI_UUID,
	SMI_NAME,
	SMI_BUS_ID,
	SMI_MEMORY_TOTAL,
	SMI_MEMORY_USED,
	SMI_UTILIZATION,
	SMI_TEMPERATURE,
	SMI_POWER,
	SMI_MIG,
	SMI_DRIVER_VERSION,
	SMI_FIELDS,
};

/* The fields of --query-compute-apps. */
enum nvidia_smi_process_field {
	SMI_PROCESS_GPU,
	SMI_PROCESS_PID,
	SMI_PROCESS_NAME,
	SMI_PROCESS_MEMORY,
	SMI_PROCESS_FIELDS,
};

/* One of the two queries. An older nvidia-smi refuses a whole query for one field that it does not
   know; so such fields are left out, and it is asked again. */
struct nvidia_smi_query {
	const char *option;        /* "--query-gpu" */
	const char *const *fields; /* their names */
	size_t count;
	unsigned left_out; /* a bit for each field: 1u << SMI_MIG */
};

struct nvidia_smi_query nvidia_smi_query_gpus(void);
struct nvidia_smi_query nvidia_smi_query_processes(void);

/* "--query-gpu=index,uuid,..." without the fields that are left out. The caller frees it. */
char *nvidia_smi_query_text(const struct nvidia_smi_query *q);

/*
 * Leaves out what an answer calls an unknown field: Field "mig.mode.current" is not a valid field
 * to query. False: the answer names none that was asked for, or nothing would be left to ask for.
 */
bool nvidia_smi_leave_out(struct nvidia_smi_query *q, const char *answer);

/* How many columns a row has. */
size_t nvidia_smi_columns(const struct nvidia_smi_query *q);

#endif
