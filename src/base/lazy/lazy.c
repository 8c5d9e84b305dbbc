/* Loading the libraries of lazy.h. */
#include "base/lazy/lazy.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/lazy/forward.h"

static struct lazy_library *const libraries[] = {
	[LAZY_HIREDIS] = &lazy_hiredis,
	[LAZY_JANSSON] = &lazy_jansson,
	[LAZY_YAML] = &lazy_yaml,
};

int lazy_load(enum lazy library, struct err *e)
{
	struct lazy_library *l = libraries[library];
	struct err problem = {0};

	if (l->loaded)
		return 0;
	if (library_open(l->file, l->names, l->functions, &problem) < 0)
		return err_set(e, ENOTSUP, "%s is needed: install the package of %s (%s)", l->file,
			       l->package, problem.text);
	l->loaded = true;
	return 0;
}

void lazy_require(enum lazy library)
{
	struct err e = {0};

	if (lazy_load(library, &e) == 0)
		return;
	dprintf(STDERR_FILENO, "Error: %s\n", e.text);
	_exit(EXIT_STATUS_FAILED);
}
