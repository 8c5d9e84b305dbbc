/* Who somebody is for the pool; see identity.h. */
#include "host/identity.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

#define RANGES_MAX 340 /* the kernel's own limit */

/* The map of this process's namespace: `count` ids from `inside` on are those from `outside` on. */
struct map {
	bool is_read, is_whole;
	size_t ranges_count;
	struct range {
		unsigned inside, outside, count;
	} * ranges;
};

/* Without /proc there is no telling; then this is taken for the first namespace. */
static void map_read(struct map *m, const char *path)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	struct range r;

	m->is_read = m->is_whole = true;
	while (file && m->ranges_count < RANGES_MAX &&
	       fscanf(file, "%u %u %u", &r.inside, &r.outside, &r.count) == 3) {
		m->ranges = mem_resize(m->ranges, m->ranges_count + 1, sizeof(*m->ranges));
		m->ranges[m->ranges_count++] = r;
	}
	/* Only root of the host can map all there are. */
	if (m->ranges_count)
		m->is_whole = m->ranges[0].count == UINT32_MAX && m->ranges[0].inside == 0 &&
			      m->ranges[0].outside == 0;
}

static unsigned outside(struct map *m, const char *path, unsigned id)
{
	if (!m->is_read)
		map_read(m, path);
	if (m->is_whole)
		return id;
	for (size_t i = 0; i < m->ranges_count; i++) {
		const struct range *r = &m->ranges[i];

		/* Root outside of a part of the ids is root of another such namespace. */
		if (id >= r->inside && id - r->inside < r->count)
			return r->outside + (id - r->inside) ? r->outside + (id - r->inside)
							     : HOST_UID_NOBODY;
	}
	return HOST_UID_NOBODY;
}

static struct map uids, gids;

uid_t host_uid_outside(uid_t uid)
{
	return outside(&uids, "/proc/self/uid_map", uid);
}

gid_t host_gid_outside(gid_t gid)
{
	return outside(&gids, "/proc/self/gid_map", gid);
}

uid_t host_own_uid(void)
{
	return host_uid_outside(getuid());
}

bool host_owner_is_certain(void)
{
	host_own_uid();
	return uids.is_whole || getuid() != HOST_UID_NOBODY;
}
