/* Files of the source tree, for tests that read them. */
#ifndef TESTS_UNIT_SOURCE_H
#define TESTS_UNIT_SOURCE_H

#include "test.h"

#include "base/mem.h"
#include "base/str.h"

/* All of a file that is there; its name counts from tests/. The caller frees it. */
static inline char *read_source(const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", getenv("CANHAZGPU_TEST_SOURCE"), name);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	struct str text = {0};
	char buffer[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		str_add_bytes(&text, buffer, n);
	return str_steal(&text);
}

#endif
