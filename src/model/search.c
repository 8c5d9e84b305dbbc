/* The model of a running process: its command line, then those of its ancestors. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "host/process.h"
#include "model/model.h"

#define ANCESTORS_MAX 3

/* Cuts /proc's NUL-separated arguments and looks at them. */
static bool recognise_process(const struct process_info *info, struct model *ret_model)
{
	AUTO_FREE const char **argv = NULL;
	AUTO_FREE char *text = NULL;
	size_t length, argc = 0;

	text = host_process_arguments(info->pid, &length);
	if (!text)
		return false;
	argv = mem_alloc(MODEL_ARGUMENTS_MAX, sizeof(*argv));
	for (size_t i = 0; i < length && argc < MODEL_ARGUMENTS_MAX; i += strlen(text + i) + 1)
		argv[argc++] = text + i;
	return model_recognise(info->name, argv, argc, ret_model);
}

/* Looks at one process, unless this search has done so; tells its parent. */
static bool search_one(struct model_search *s, pid_t pid, pid_t *ret_parent,
		       struct model *ret_model)
{
	struct process_info info;

	for (size_t i = 0; i < s->count; i++)
		if (s->seen[i].pid == pid) {
			*ret_parent = s->seen[i].parent;
			return false;
		}
	if (host_process_stat(pid, &info) < 0)
		info = (struct process_info){.pid = pid};
	else if (recognise_process(&info, ret_model))
		return true;
	s->seen = mem_resize(s->seen, s->count + 1, sizeof(*s->seen));
	s->seen[s->count].pid = pid;
	s->seen[s->count++].parent = info.ppid;
	*ret_parent = info.ppid;
	return false;
}

bool model_search(struct model_search *s, pid_t pid, struct model *ret_model)
{
	for (int i = 0; i <= ANCESTORS_MAX && pid > 0; i++)
		if (search_one(s, pid, &pid, ret_model))
			return true;
	return false;
}

void model_search_clear(struct model_search *s)
{
	free(s->seen);
	*s = (struct model_search){0};
}
