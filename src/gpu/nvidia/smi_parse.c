/*
 * The tables that nvidia-smi prints. Called by smi.c, and by the tests with recorded texts.
 * Pure: no I/O, no clock, no globals.
 */
#include "gpu/nvidia/smi_parse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/smi_value.h"

enum gpu_column {
	COLUMN_INDEX,
	COLUMN_UUID,
	COLUMN_NAME,
	COLUMN_BUS_ID,
	COLUMN_MEMORY_TOTAL,
	COLUMN_MEMORY_USED,
	COLUMN_UTILIZATION,
	COLUMN_TEMPERATURE,
	COLUMN_POWER,
	COLUMN_MIG,
	COLUMN_DRIVER_VERSION,
	COLUMN_COUNT,
};

/* Complaints are one short sentence; sscanf at every place of a long line would take for ever. */
#define COMPLAINT_MAX 512

/* A bus id somewhere in a complaint: "... GPU 0000:3B:00.0: GPU is lost". NULL: there is none. */
static char *find_bus_id(const char *line)
{
	AUTO_FREE char *start = strndup(line, COMPLAINT_MAX);

	for (const char *p = start; p && *p; p++) {
		unsigned domain, bus, device, function;
		int length = 0;

		if (!isxdigit((unsigned char)*p) ||
		    sscanf(p, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &length) != 4)
			continue;
		return mem_printf("%08X:%02X:%02X.%X", domain, bus, device, function);
	}
	return NULL;
}

/* Splits a line at commas into at most max texts without spaces around; returns how many there are.
 */
static size_t split(char *line, char **columns, size_t max)
{
	size_t count = 0;

	for (char *rest = line; rest;) {
		char *column = strsep(&rest, ",");

		if (count < max)
			columns[count] = nvidia_smi_trim(column);
		count++;
	}
	return count;
}

/* A row with all its columns. */
static void read_row(struct gpu *g, char **columns)
{
	g->uuid = nvidia_smi_text(columns[COLUMN_UUID]);
	g->name = nvidia_smi_text(columns[COLUMN_NAME]);
	g->pci_bus_id = nvidia_smi_text(columns[COLUMN_BUS_ID]);
	g->memory_total_mb = nvidia_smi_number(columns[COLUMN_MEMORY_TOTAL], 1, "MiB");
	g->memory_used_mb = nvidia_smi_number(columns[COLUMN_MEMORY_USED], 1, "MiB");
	g->utilization_percent = nvidia_smi_number(columns[COLUMN_UTILIZATION], 1, "%");
	g->temperature_c = nvidia_smi_number(columns[COLUMN_TEMPERATURE], 1, "C");
	g->power_mw = nvidia_smi_number(columns[COLUMN_POWER], 1000, "W");
	g->mig = !strcasecmp(columns[COLUMN_MIG], "Enabled");
	if (!g->memory_used_mb.known)
		gpu_add_problem(g, "memory use is unknown: nvidia-smi says '%.60s'",
				columns[COLUMN_MEMORY_USED]);
}

/* One line. Whatever it is, it is taken for a GPU. False: it is no row, and the GPU is unknown. */
static bool read_line(struct scan *s, char *line)
{
	AUTO_FREE char *whole = mem_strdup(line);
	char *columns[COLUMN_COUNT];
	struct gpu *g = scan_add_gpu(s);

	g->index = (int)s->gpus_count - 1;
	if (split(line, columns, COLUMN_COUNT) == COLUMN_COUNT &&
	    nvidia_smi_number(columns[COLUMN_INDEX], 1, "").known) {
		read_row(g, columns);
		if (!s->driver_version)
			s->driver_version = nvidia_smi_text(columns[COLUMN_DRIVER_VERSION]);
		return true;
	}
	g->pci_bus_id = find_bus_id(whole);
	gpu_add_problem(g, "nvidia-smi cannot read this GPU: %.200s", whole);
	return false;
}

int nvidia_smi_parse_gpus(const char *text, size_t length, struct scan *ret_scan, struct err *e)
{
	AUTO_FREE char *copy = nvidia_smi_copy(text, length);
	AUTO_FREE char *first = NULL;
	struct scan s = {0};
	size_t rows = 0;
	char *rest = copy;

	for (char *line; (line = nvidia_smi_next_line(&rest));) {
		if (!first)
			first = mem_strdup(line);
		if (s.gpus_count == POOL_GPUS_MAX) {
			scan_clear(&s);
			return err_set(e, E2BIG, "nvidia-smi names more than %d GPUs",
				       POOL_GPUS_MAX);
		}
		rows += read_line(&s, line);
	}
	if (rows) {
		*ret_scan = s;
		return 0;
	}
	scan_clear(&s);
	if (first && strcasestr(first, "No devices were found"))
		return err_set(e, ENODEV, "nvidia-smi says: No devices were found");
	if (first && strcasestr(first, "version mismatch"))
		return err_set(e, EIO, "nvidia-smi says: %.200s (reboot this host)", first);
	return err_set(e, EIO, "nvidia-smi says: %.200s", first ? first : "nothing");
}

/* ---- processes ---- */

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

/*
 * Cuts "uuid, pid, name, memory" into four. The name may hold commas (and anything else), the
 * others cannot: the first two end at the first commas, the last begins behind the last one.
 */
static bool split_process(char *line, char *columns[4])
{
	char *last = strrchr(line, ',');
	char *first = strchr(line, ',');
	char *second = first ? strchr(first + 1, ',') : NULL;

	if (!second || second == last)
		return false;
	*first = *second = *last = '\0';
	columns[0] = nvidia_smi_trim(line);
	columns[1] = nvidia_smi_trim(first + 1);
	columns[2] = nvidia_smi_trim(second + 1);
	columns[3] = nvidia_smi_trim(last + 1);
	return true;
}

static void read_process(struct scan *s, char *line)
{
	char why[128];
	char *columns[4];
	struct process *p;
	struct quantity pid;
	struct gpu *g = NULL;

	snprintf(why, sizeof(why), "nvidia-smi says '%.100s'", line);
	if (split_process(line, columns)) {
		g = find_gpu(s, columns[0]);
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
	pid = nvidia_smi_number(columns[1], 1, "");
	p = gpu_add_process(g);
	p->pid = pid.known && pid.value <= INT_MAX ? (pid_t)pid.value : 0;
	p->name = nvidia_smi_text(columns[2]);
	p->memory_mb = nvidia_smi_number(columns[3], 1, "MiB");
}

void nvidia_smi_parse_processes(const char *text, size_t length, struct scan *s)
{
	AUTO_FREE char *copy = nvidia_smi_copy(text, length);
	char *rest = copy;

	/* A GPU whose own row could not be read has no UUID: rows of its processes match no GPU. */
	for (size_t i = 0; i < s->gpus_count; i++) {
		s->gpus[i].processes_known = s->gpus[i].uuid != NULL;
		if (!s->gpus[i].uuid && !s->gpus[i].problem)
			gpu_add_problem(&s->gpus[i], "processes are unknown: no UUID is known");
	}
	for (char *line; (line = nvidia_smi_next_line(&rest));) {
		if (!strcasestr(line, "No running processes found") &&
		    !strcasestr(line, "No devices were found"))
			read_process(s, line);
	}
}
