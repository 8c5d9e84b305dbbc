/* What the backends note about one GPU besides its values: one line per subject, collected. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"

/* A driver may say the same in answer to several questions. */
__attribute__((format(printf, 2, 0))) static void add_line(char **line, const char *format,
							   va_list args)
{
	char text[512];
	char *all;

	vsnprintf(text, sizeof(text), format, args);
	if (*line && strstr(*line, text))
		return;
	all = *line ? mem_printf("%s; %s", *line, text) : mem_strdup(text);
	free(*line);
	*line = all;
}

void gpu_add_problem(struct gpu *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(&g->problem, format, args);
	va_end(args);
}

void gpu_add_health(struct gpu *g, enum gpu_health health, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_line(&g->health_reason, format, args);
	va_end(args);
	if (health > g->health)
		g->health = health;
}
