/*
 * show_scan [N]: what canhazgpu's nvidia provider sees, for scripts/gpu-check, which compares it
 * with nvidia-smi. One line per fact, separated by '|' (an unknown value is '?'):
 *   source|nvml|550.54.14
 *   gpu|index|bus id|uuid|name|total MiB|used MiB|problem
 *   process|uuid|pid|MiB
 *   time|median microseconds of N scans
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gpu/gpu.h"

static const char *text(const char *value)
{
	return value ? value : "?";
}

static void print_quantity(struct quantity q, const char *end)
{
	if (q.known)
		printf("%" PRId64 "%s", q.value, end);
	else
		printf("?%s", end);
}

static void print_scan(const struct scan *s)
{
	printf("source|%s|%s\n", text(s->source), text(s->driver_version));
	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct gpu *g = &s->gpus[i];

		printf("gpu|%d|%s|%s|%s|", g->index, text(g->pci_bus_id), text(g->uuid),
		       text(g->name));
		print_quantity(g->memory_total_mb, "|");
		print_quantity(g->memory_used_mb, "|");
		printf("%s\n", g->problem ? g->problem : "");
		for (size_t p = 0; p < g->processes_count; p++) {
			printf("process|%s|%d|", text(g->uuid), (int)g->processes[p].pid);
			print_quantity(g->processes[p].memory_mb, "\n");
		}
	}
}

static int compare_times(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int main(int argc, char **argv)
{
	struct gpu_options options = {.provider = "nvidia"};
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	AUTO_FREE int64_t *times_ns = NULL;
	struct err e = {0};

	if (count < 1)
		count = 1;
	times_ns = mem_alloc(count, sizeof(*times_ns));
	for (size_t i = 0; i < count; i++) {
		int64_t start_ns = clock_monotonic_ns();
		struct scan s = {0};

		if (gpu_scan(&options, &s, &e)) {
			fprintf(stderr, "show_scan: %s\n", e.text);
			return EXIT_FAILURE;
		}
		times_ns[i] = clock_monotonic_ns() - start_ns;
		if (i == 0)
			print_scan(&s);
		scan_clear(&s);
	}
	qsort(times_ns, count, sizeof(*times_ns), compare_times);
	printf("time|%" PRId64 "\n", times_ns[count / 2] / 1000);
	return EXIT_SUCCESS;
}
