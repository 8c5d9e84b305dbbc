/* The texts of /proc/<pid>: a process chooses its name, and in part its control groups. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO_FREE char *id = NULL;
	struct process_info info;
	const char *value;
	uid_t uid;

	if (size > 0)
		memcpy(text, data, size);
	id = host_cgroup_container(text);
	if (id && strstr(text, "conmon") == NULL && !host_cgroup_has(text, id))
		abort();
	if (id && (!*id || strlen(id) > 64 || strpbrk(id, "/\n")))
		abort();
	if (host_stat_parse(text, &info) && !memchr(info.name, '\0', sizeof(info.name)))
		abort();
	(void)host_status_uid(text, &uid);
	value = host_environ_find(text, size, "A");
	if (value && (value < text + 2 || value > text + size || value[-1] != '='))
		abort();
	return 0;
}
