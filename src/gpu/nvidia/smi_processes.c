/* The table of processes that nvidia-smi prints; see smi_parse.h. Pure. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/smi_lines.h"
#include "gpu/nvidia/smi_parse.h"
#include "gpu/nvidia/smi_value.h"

static void processes_unknown(struct gpu *g, const char *why)
{
	if (g->processes_known)
		gpu_add_problem(g, "processes are unknown: %s", why);
	g->processes_known = false;
}

void nvidia_smi_no_processes(struct scan *s, const char *why)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		s->gpus[i].processes_known = true; /* so that the reason is written down */
		processes_unknown(&s->gpus[i], why);
	}
}

/* The GPU of a UUID. "MIG-GPU-<uuid>/1/0" is an instance of GPU-<uuid>. */
static struct gpu *find_gpu(struct scan *s, const char *uuid)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		const char *own = s->gpus[i].uuid;
		size_t length = own ? strlen(own) : 0;

		if (!length)
			continue;
		if (!strcasecmp(own, uuid))
			return &s->gpus[i];
		if (!strncasecmp(uuid, "MIG-", 4) && !strncasecmp(uuid + 4, own, length) &&
		    (uuid[4 + length] == '/' || !uuid[4 + length]))
			return &s->gpus[i];
	}
	return NULL;
}

/* Whether a field was asked for. */
static bool is_asked(const struct nvidia_smi_query *q, enum nvidia_smi_process_field field)
{
	return !(q->left_out & 1u << field);
}

/* Cuts off what stands before the first comma; NULL: there is none. */
static char *cut_first(char **rest)
{
	char *comma = strchr(*rest, ','), *text = *rest;

	if (!comma)
		return NULL;
	*comma = '\0';
	*rest = comma + 1;
	return nvidia_smi_trim(text);
}

/*
 * Cuts "GPU-1, 4242, python3, 8400" into its texts, "" for those that were not asked for. The name
 * may hold commas (and anything else), the others cannot: the GPU and the pid end at the first
 * commas, the memory begins behind the last one.
 */
static bool split_process(const struct nvidia_smi_query *q, char *line, const char **fields)
{
	char *rest = line, *last;

	for (size_t i = 0; i < SMI_PROCESS_FIELDS; i++)
		fields[i] = "";
	fields[SMI_PROCESS_GPU] = cut_first(&rest);
	if (fields[SMI_PROCESS_GPU] && is_asked(q, SMI_PROCESS_PID) &&
	    (is_asked(q, SMI_PROCESS_NAME) || is_asked(q, SMI_PROCESS_MEMORY)))
		fields[SMI_PROCESS_PID] = cut_first(&rest);
	else if (is_asked(q, SMI_PROCESS_PID))
		fields[SMI_PROCESS_PID] = nvidia_smi_trim(rest);
	if (!fields[SMI_PROCESS_GPU] || !fields[SMI_PROCESS_PID])
		return false;
	last = strrchr(rest, ',');
	if (is_asked(q, SMI_PROCESS_MEMORY) && is_asked(q, SMI_PROCESS_NAME)) {
		if (!last)
			return false;
		*last = '\0';
		fields[SMI_PROCESS_MEMORY] = nvidia_smi_trim(last + 1);
	} else if (is_asked(q, SMI_PROCESS_MEMORY)) {
		fields[SMI_PROCESS_MEMORY] = nvidia_smi_trim(rest);
	}
	if (is_asked(q, SMI_PROCESS_NAME))
		fields[SMI_PROCESS_NAME] = nvidia_smi_trim(rest);
	return true;
}

static void read_process(const struct nvidia_smi_query *q, struct scan *s, char *line)
{
	char why[128];
	const char *fields[SMI_PROCESS_FIELDS];
	struct process *p;
	struct quantity pid;
	struct gpu *g = NULL;

	snprintf(why, sizeof(why), "nvidia-smi says '%.100s'", line);
	if (split_process(q, line, fields)) {
		g = find_gpu(s, fields[SMI_PROCESS_GPU]);
	} else {
		line[strcspn(line, ",")] = '\0';
		g = find_gpu(s, nvidia_smi_trim(line));
		if (g) {
			processes_unknown(g, why);
			return;
		}
	}
	for (size_t i = 0; !g && i < s->gpus_count; i++)
		processes_unknown(&s->gpus[i], why);
	if (!g)
		return;
	/* A process whose pid is not reported is still a process: pid 0. */
	pid = nvidia_smi_number(fields[SMI_PROCESS_PID], 1, "");
	p = gpu_add_process(g);
	p->pid = pid.known && pid.value <= INT_MAX ? (pid_t)pid.value : 0;
	p->name = nvidia_smi_text(fields[SMI_PROCESS_NAME]);
	p->memory_mb = nvidia_smi_number(fields[SMI_PROCESS_MEMORY], 1, "MiB");
}

/* Lines that say nothing about a process. */
static bool is_empty(const char *line)
{
	return strcasestr(line, "No running processes found") ||
	       strcasestr(line, "No devices were found");
}

/* Whether a line is about one card, by its address: the rows of processes begin with a UUID. */
static bool is_verdict(const char *line)
{
	AUTO_FREE char *bus_id = NULL;

	if (!strncasecmp(line, "GPU-", 4) || !strncasecmp(line, "MIG-", 4))
		return false;
	if (nvidia_smi_is_warning(line))
		return true;
	bus_id = nvidia_smi_is_complaint(line) ? nvidia_smi_bus_id(line) : NULL;
	return bus_id != NULL;
}

void nvidia_smi_parse_processes(const struct nvidia_smi_query *q, const char *text, size_t length,
				struct scan *s)
{
	AUTO_FREE char *copy = nvidia_smi_copy(text, length);
	char *rest = copy;

	if (!is_asked(q, SMI_PROCESS_GPU)) {
		nvidia_smi_no_processes(s, "this nvidia-smi does not tell which GPU they use");
		return;
	}
	/* A GPU whose own row could not be read may have processes that match no GPU. */
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (!s->gpus[i].processes_known && !s->gpus[i].problem)
			gpu_add_problem(&s->gpus[i], "processes are unknown: no UUID is known");
	}
	for (char *line; (line = nvidia_smi_next_line(&rest));) {
		if (is_verdict(line))
			nvidia_smi_take_verdict(s, line);
		else if (!is_empty(line))
			read_process(q, s, line);
	}
}
