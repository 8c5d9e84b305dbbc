/*
 * Whatever nvidia-smi prints: no crash, and nothing that could not be read looks free. The input up
 * to the first 0x01 byte is the table of GPUs, the rest that of processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/smi_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* The start of a text, up to a NUL or to so many bytes. */
static const char *line_of(const char *text, size_t length)
{
	static char line[256];

	snprintf(line, sizeof(line), "%.*s", (int)length, text);
	return line;
}

static void check_gpu(const struct gpu *g, size_t rank)
{
	if (g->index != (int)rank)
		abort();
	if (!g->memory_used_mb.known && !g->memory_shared && !g->problem)
		abort();
	if (!g->processes_known && !g->problem)
		abort();
	if (g->memory_used_mb.known && g->memory_used_mb.value < 0)
		abort();
	for (size_t i = 0; i < g->processes_count; i++) {
		if (g->processes[i].pid < 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *text = (const char *)data;
	const char *cut = size ? memchr(text, 1, size) : NULL;
	size_t first = cut ? (size_t)(cut - text) : size;
	struct nvidia_smi_query gpus = nvidia_smi_query_gpus();
	struct nvidia_smi_query processes = nvidia_smi_query_processes();
	struct scan s = {0};
	struct err e = {0};

	/* A program that answers like this is asked again with less. */
	nvidia_smi_leave_out(&gpus, line_of(text, first));
	nvidia_smi_leave_out(&processes, line_of(text, first));
	if (nvidia_smi_parse_gpus(&gpus, text, first, &s, &e)) {
		if (!e.code || s.gpus)
			abort();
		return 0;
	}
	if (!s.gpus_count || s.gpus_count > POOL_GPUS_MAX)
		abort();
	nvidia_smi_parse_processes(&processes, cut ? cut + 1 : "", cut ? size - first - 1 : 0, &s);
	nvidia_smi_parse_list(cut ? cut + 1 : text, cut ? size - first - 1 : first, &s);
	for (size_t i = 0; i < s.gpus_count; i++)
		check_gpu(&s.gpus[i], i);
	scan_clear(&s);
	return 0;
}
