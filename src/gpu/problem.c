/* Why a value of a GPU is unknown: one line per GPU, collected by the backends. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"

void gpu_add_problem(struct gpu *g, const char *format, ...)
{
	char text[512];
	char *all;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	all = g->problem ? mem_printf("%s; %s", g->problem, text) : mem_strdup(text);
	free(g->problem);
	g->problem = all;
}
