/*
 * How the files here forward. Each has a list FUNCTIONS(X) with a row for each function, of its
 * result, name, parameters and arguments; the compiler compares them with the library's header.
 * Functions with a variable number of arguments are written out, by their twins with a va_list.
 */
#ifndef BASE_LAZY_FORWARD_H
#define BASE_LAZY_FORWARD_H

#include <stdbool.h>

#include "base/lazy/lazy.h"
#include "base/library.h"

/* One library, filled by its file. */
struct lazy_library {
	const char *file;    /* what the linker would have recorded: libjansson.so.4 */
	const char *package; /* what has it, for the error */
	const char *names;   /* see library_open */
	void *functions;
	bool loaded;
};

extern struct lazy_library lazy_hiredis, lazy_jansson, lazy_yaml;

/* Loads the library, or ends the program with an error. */
void lazy_require(enum lazy library);

#define LAZY_POINTER(result, name, parameters, arguments) __typeof__(name) *(name);
#define LAZY_NAME(result, name, parameters, arguments) #name "\0"
#define LAZY_FORWARD(result, name, parameters, arguments) \
	result name parameters                            \
	{                                                 \
		if (!functions.name)                      \
			lazy_require(LIBRARY);            \
		return functions.name arguments;          \
	}

#endif
