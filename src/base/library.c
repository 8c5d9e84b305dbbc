/* Shared libraries at run time; see library.h. */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int library_open(const char *file, const char *names, void *functions, struct err *e)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	char *to = functions;

	if (!library)
		return err_set(e, ENOENT, "%s", dlerror());
	for (const char *name = names; *name; name += strlen(name) + 1) {
		if (!dlsym(library, name)) {
			dlclose(library);
			return err_set(e, ENOSYS, "%s has no %s", file, name);
		}
	}
	for (const char *name = names; *name; name += strlen(name) + 1) {
		void *found = dlsym(library, name);

		/* A pointer to data and one to a function: POSIX says they are alike. */
		memcpy(to, &found, sizeof(found));
		to += sizeof(found);
	}
	return 0;
}
