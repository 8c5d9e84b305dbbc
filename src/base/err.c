/* The error object: filled where something fails, printed by main alone. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 0))) static int err_vset(struct err *e, int code,
							  const char *format, va_list args)
{
	if (code <= 0)
		code = EIO;
	if (e) {
		e->code = code;
		e->exit_status = 0;
		vsnprintf(e->text, sizeof(e->text), format, args);
	}
	return -code;
}

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = err_vset(e, code, format, args);
	va_end(args);
	return r;
}

int err_sys(struct err *e, int code, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = err_vset(e, code, format, args);
	va_end(args);
	if (e) {
		size_t used = strlen(e->text);

		snprintf(e->text + used, sizeof(e->text) - used, ": %s", strerror(-r));
	}
	return r;
}

int err_usage(struct err *e, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = err_vset(e, EINVAL, format, args);
	va_end(args);
	if (e)
		e->exit_status = EXIT_STATUS_USAGE;
	return r;
}

int err_prefix(struct err *e, const char *format, ...)
{
	char old[sizeof(((struct err *)0)->text)];
	va_list args;
	size_t used;

	if (!e)
		return -EIO;
	memcpy(old, e->text, sizeof(old));
	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", old);
	return e->code > 0 ? -e->code : -EIO;
}

int err_append(struct err *e, const char *text)
{
	size_t used;

	if (!e)
		return -EIO;
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, "%s", text);
	return e->code > 0 ? -e->code : -EIO;
}

int err_exit_status(struct err *e, int exit_status)
{
	if (!e)
		return -EIO;
	e->exit_status = exit_status;
	return e->code > 0 ? -e->code : -EIO;
}

void err_clear(struct err *e)
{
	if (e)
		*e = (struct err){0};
}
