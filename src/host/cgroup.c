/* A control group of its own for a run; see cgroup.h. The formats are described in the kernel's
   Documentation/admin-guide/cgroup-v2.rst, and in proc(5) for mountinfo. */
#include "host/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/proc.h"

#define TEXT_MAX ((size_t)4 << 20)
/* Nothing that a run makes is nested deeper. */
#define DEPTH_MAX 16

/* Where the hierarchy of version 2 is mounted, and which part of it that shows: fields 5 and 4 of a
   line "36 35 98:0 /root /mount/point options - cgroup2 ...". */
static bool find_mount(const char *mountinfo, char **ret_root, char **ret_point)
{
	for (const char *line = mountinfo; *line;) {
		const char *end = line + strcspn(line, "\n");
		AUTO_FREE char *copy = mem_printf("%.*s", (int)(end - line), line);
		char root[512], point[512];

		if (strstr(copy, " - cgroup2 ") &&
		    sscanf(copy, "%*s %*s %*s %511s %511s", root, point) == 2) {
			*ret_root = mem_strdup(root);
			*ret_point = mem_strdup(point);
			return true;
		}
		line = *end ? end + 1 : end;
	}
	return false;
}

char *host_cgroup_path(const char *cgroup, const char *mountinfo)
{
	const char *own = strncmp(cgroup, "0::/", 4) == 0 ? cgroup : strstr(cgroup, "\n0::/");
	AUTO_FREE char *root = NULL, *point = NULL, *path = NULL;
	size_t length;

	if (!own || !find_mount(mountinfo, &root, &point))
		return NULL;
	own = strchr(own, '/');
	path = mem_printf("%.*s", (int)strcspn(own, "\n"), own);
	length = strcmp(root, "/") ? strlen(root) : 0;
	/* Outside of what is mounted here, as seen from another namespace. */
	if (strncmp(path, root, length) != 0 || strstr(path, "/.."))
		return NULL;
	return mem_printf("%s%s", point, strcmp(path + length, "/") ? path + length : "");
}

static char *own_group(void)
{
	AUTO_FREE char *cgroup = NULL, *mountinfo = NULL;
	size_t length;

	if (host_proc_read_all(getpid(), "cgroup", TEXT_MAX, &cgroup, &length) < 0 ||
	    host_proc_read_all(getpid(), "mountinfo", TEXT_MAX, &mountinfo, &length) < 0)
		return NULL;
	return host_cgroup_path(cgroup, mountinfo);
}

/* Whether the group is ours to divide. Root can write everywhere: there, systemd's mark counts. */
static bool is_delegated(const char *path)
{
	struct stat st;
	char mark[8];

	if (stat(path, &st) < 0)
		return false;
	if (getuid() != 0)
		return st.st_uid == getuid();
	return getxattr(path, "user.delegate", mark, sizeof(mark)) == 1 && mark[0] == '1';
}

char *host_cgroup_make(const char *name)
{
	AUTO_FREE char *own = own_group(), *path = NULL;

	if (!own || !is_delegated(own))
		return NULL;
	path = mem_printf("%s/%s", own, name);
	return mkdir(path, 0755) == 0 ? mem_steal(&path) : NULL;
}

static bool write_file(const char *path, const char *name, const char *text)
{
	AUTO_FREE char *file = mem_printf("%s/%s", path, name);
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool host_cgroup_enter(const char *path)
{
	return write_file(path, "cgroup.procs", "0");
}

bool host_cgroup_kill(const char *path)
{
	return write_file(path, "cgroup.kill", "1");
}

/* Adds the processes of one group. */
static void add_processes(const char *path, pid_t **pids, size_t *count)
{
	AUTO_FREE char *file = mem_printf("%s/cgroup.procs", path);
	AUTO_FCLOSE FILE *f = fopen(file, "re");
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1) {
		if (pid <= 0) /* of another pid namespace */
			continue;
		*pids = mem_resize(*pids, *count + 1, sizeof(**pids));
		(*pids)[(*count)++] = pid;
	}
}

/* What is done with each group, those below it first. */
typedef void visit_group(const char *path, void *argument);

static void visit(const char *path, int depth, visit_group *each, void *argument)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(path) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		AUTO_FREE char *below = NULL;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = mem_printf("%s/%s", path, entry->d_name);
		visit(below, depth + 1, each, argument);
	}
	if (dir)
		closedir(dir);
	each(path, argument);
}

struct list {
	pid_t *pids;
	size_t count;
};

static void list_one(const char *path, void *argument)
{
	struct list *l = argument;

	add_processes(path, &l->pids, &l->count);
}

void host_cgroup_list(const char *path, pid_t **ret_pids, size_t *ret_count)
{
	struct list l = {0};

	visit(path, 0, list_one, &l);
	*ret_pids = l.pids;
	*ret_count = l.count;
}

static void remove_one(const char *path, void *argument)
{
	(void)argument;
	rmdir(path);
}

void host_cgroup_remove(const char *path)
{
	visit(path, 0, remove_one, NULL);
}
