/* Reading the command line of sudo and the like, as far as it says which variables are passed on.
 */
#ifndef HOST_WRAPPER_READ_H
#define HOST_WRAPPER_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "host/wrapper.h"

/* What a command line says about variables. */
struct wrapper_reading {
	bool passes_all;  /* sudo -E */
	bool login;       /* su - */
	bool no_command;  /* sudo -l, --version, ... */
	size_t list_at;   /* the word that lists variables; 0: none */
	const char *list; /* the names in it */
	size_t command_at;
};

/* The words end with NULL. What *list points to is a part of them. */
struct wrapper_reading wrapper_read(enum wrapper wrapper, char *const *words);

#endif
