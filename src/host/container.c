/*
 * Which container a process runs in, by the names of its control groups. Runtimes put the
 * container's id of 64 hexadecimal digits into the path; LXC puts the container's name there.
 */
#include "host/proc.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define ID_LENGTH 64
#define ID_SHOWN 12
#define LXC_NAME_MAX 64

/* One component of a path; not closed by NUL. */
struct part {
	const char *text;
	size_t length;
};

static bool part_is(struct part p, const char *text)
{
	return p.length == strlen(text) && memcmp(p.text, text, p.length) == 0;
}

static bool part_cut_end(struct part *p, const char *end)
{
	size_t length = strlen(end);

	if (p->length < length || memcmp(p->text + p->length - length, end, length) != 0)
		return false;
	p->length -= length;
	return true;
}

/*
 * "docker-<id>.scope", "libpod-<id>", "cri-containerd-<id>.scope",
 * "kubepods-...:cri-containerd:<id>" or just "<id>". The conmon of podman and cri-o has a group of
 * its own that carries the id of the container it watches, but it runs outside.
 */
static char *part_id(struct part p)
{
	const char *id;

	part_cut_end(&p, ".scope");
	if (p.length < ID_LENGTH)
		return NULL;
	id = p.text + p.length - ID_LENGTH;
	for (size_t i = 0; i < ID_LENGTH; i++)
		if (!isxdigit((unsigned char)id[i]))
			return NULL;
	if (id > p.text && id[-1] != '-' && id[-1] != ':')
		return NULL;
	if (memmem(p.text, p.length, "conmon", strlen("conmon")))
		return NULL;
	return mem_printf("%.*s", ID_SHOWN, id);
}

/* "lxc.payload.<name>", or "<name>" below "lxc" or "lxc.payload". */
static char *part_lxc(struct part p, struct part above)
{
	static const char prefix[] = "lxc.payload.";
	size_t skip = 0;

	if (p.length > strlen(prefix) && memcmp(p.text, prefix, strlen(prefix)) == 0)
		skip = strlen(prefix);
	else if (!part_is(above, "lxc") && !part_is(above, "lxc.payload"))
		return NULL;
	p.length -= skip;
	if (p.length == 0 || p.length > LXC_NAME_MAX)
		return NULL;
	return mem_printf("%.*s", (int)p.length, p.text + skip);
}

/* The outermost container of a path: the one that this host's own tools know. */
static char *path_container(const char *path, const char *end)
{
	struct part above = {"", 0};

	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		struct part p = {path, (size_t)((slash ? slash : end) - path)};
		char *found;

		part_cut_end(&p, " (deleted)");
		found = part_id(p);
		if (!found)
			found = part_lxc(p, above);
		if (found)
			return found;
		above = p;
		if (!slash)
			break;
		path = slash + 1;
	}
	return NULL;
}

/* Lines "12:memory:/path" (version 1) or "0::/path" (version 2). */
char *host_cgroup_container(const char *text)
{
	while (*text) {
		const char *end = text + strcspn(text, "\n");
		const char *colon = memchr(text, ':', (size_t)(end - text));
		char *found;

		if (colon)
			colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
		if (colon) {
			found = path_container(colon + 1, end);
			if (found)
				return found;
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

bool host_cgroup_has(const char *text, const char *id)
{
	size_t length = strlen(id);

	for (const char *p = text; length && (p = strstr(p, id)) != NULL; p += length) {
		const char *start = p;

		while (start > text && start[-1] != '/' && start[-1] != '\n')
			start--;
		if (!memmem(start, (size_t)(p - start), "conmon", strlen("conmon")))
			return true;
	}
	return false;
}
