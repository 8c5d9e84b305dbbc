/* Allocation that ends the program instead of failing, and the destructors behind AUTO_... */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *mem_checked(void *p)
{
	static const char message[] = "Error: out of memory\n";

	if (!p) {
		if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
			_exit(1);
		_exit(1);
	}
	return p;
}

void *mem_alloc(size_t count, size_t size)
{
	return mem_checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_resize(void *array, size_t count, size_t size)
{
	return mem_checked(reallocarray(array, count ? count : 1, size ? size : 1));
}

char *mem_strdup(const char *text)
{
	return text ? mem_checked(strdup(text)) : NULL;
}

char *mem_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return mem_checked(text);
}

void mem_replace(char **text, const char *value)
{
	char *copy = mem_strdup(value);

	free(*text);
	*text = copy;
}

void *mem_steal_pointer(void *variable)
{
	void *value, *none = NULL;

	memcpy(&value, variable, sizeof(value));
	memcpy(variable, &none, sizeof(none));
	return value;
}

int mem_steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

void mem_auto_free(void *variable)
{
	int saved = errno;

	free(mem_steal_pointer(variable));
	errno = saved;
}

void mem_auto_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

void mem_auto_fclose(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	*file = NULL;
	errno = saved;
}
