/*
 * Whatever nvidia-smi prints: no crash, and nothing that could not be read looks free. The input up
 * to the first 0x01 byte is the table of GPUs, the rest that of processes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/smi_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* The lines of a text that hold more than white space. */
static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 0;
	bool blank = true;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' || text[i] == '\r') {
			blank = true;
		} else if (blank && !strchr(" \t\v\f", text[i] ? text[i] : '?')) {
			blank = false;
			lines++;
		}
	}
	return lines;
}

static void check_gpu(const struct gpu *g, size_t rank)
{
	if (g->index != (int)rank)
		abort();
	if (!g->memory_used_mb.known && !g->problem)
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
	struct scan s = {0};
	struct err e = {0};

	if (nvidia_smi_parse_gpus(text, first, &s, &e)) {
		if (!e.code || s.gpus)
			abort();
		return 0;
	}
	if (s.gpus_count != count_lines(text, first))
		abort();
	nvidia_smi_parse_processes(cut ? cut + 1 : "", cut ? size - first - 1 : 0, &s);
	for (size_t i = 0; i < s.gpus_count; i++)
		check_gpu(&s.gpus[i], i);
	scan_clear(&s);
	return 0;
}
