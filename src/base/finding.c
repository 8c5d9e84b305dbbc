/* What `canhazgpu doctor` finds; see finding.h. */
#include "base/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

const char *finding_result_name(enum finding_result result)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_NOTE] = "note",
		[FINDING_WARNING] = "warning",
		[FINDING_FAILED] = "FAILED",
	};

	return names[result];
}

__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		abort();
	return text;
}

void findings_add(struct findings *f, const char *check, enum finding_result result,
		  const char *advice, const char *format, ...)
{
	struct finding *finding;
	va_list args;

	f->items = mem_resize(f->items, f->count + 1, sizeof(*f->items));
	finding = &f->items[f->count++];
	va_start(args, format);
	*finding = (struct finding){
		.check = check,
		.result = result,
		.detail = format_text(format, args),
		.advice = mem_strdup(advice),
	};
	va_end(args);
}

/* "<old><between><new>" in the place of old; either may be NULL. */
static void append(char **text, const char *between, const char *new)
{
	char *old = *text;

	if (!new)
		return;
	*text = old ? mem_printf("%s%s%s", old, between, new) : mem_strdup(new);
	free(old);
}

void findings_extend(struct findings *f, enum finding_result result, const char *advice,
		     const char *format, ...)
{
	struct finding *finding = &f->items[f->count - 1];
	AUTO_FREE char *text = NULL;
	va_list args;

	va_start(args, format);
	text = format_text(format, args);
	va_end(args);
	append(&finding->detail, ", ", text);
	append(&finding->advice, "; ", advice);
	if (result > finding->result)
		finding->result = result;
}

size_t findings_count(const struct findings *f, enum finding_result result)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->items[i].result == result;
	return count;
}

void findings_clear(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].detail);
		free(f->items[i].advice);
	}
	free(f->items);
	*f = (struct findings){0};
}
