/* Names: of an account, of this host, of this boot. Part of host/process.h. */
#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

char *host_account_name(uid_t uid)
{
	AUTO_FREE char *buffer = NULL;
	size_t size = 1024;
	struct passwd entry, *found = NULL;
	int r;

	do {
		size *= 2;
		buffer = mem_resize(buffer, size, 1);
		r = getpwuid_r(uid, &entry, buffer, size, &found);
	} while (r == EINTR || (r == ERANGE && size < (size_t)1 << 20));
	if (r == 0 && found && found->pw_name && *found->pw_name)
		return mem_strdup(found->pw_name);
	return mem_printf("uid %u", (unsigned)uid);
}

int host_account_find(const char *name, uid_t *ret_uid)
{
	const struct passwd *entry;
	int64_t number;

	errno = 0;
	entry = getpwnam(name);
	if (entry) {
		*ret_uid = entry->pw_uid;
		return 0;
	}
	if (parse_int(name, 0, UINT32_MAX - 1, &number, NULL) < 0)
		return -ENOENT;
	*ret_uid = (uid_t)number;
	return 0;
}

bool host_in_group(const char *name)
{
	const struct group *entry = getgrnam(name);
	AUTO_FREE gid_t *groups = NULL;
	int count;

	if (!entry)
		return false;
	if (entry->gr_gid == getgid())
		return true;
	count = getgroups(0, NULL);
	groups = mem_alloc(count > 0 ? (size_t)count : 1, sizeof(*groups));
	count = getgroups(count, groups);
	for (int i = 0; i < count; i++) {
		if (groups[i] == entry->gr_gid)
			return true;
	}
	return false;
}

/* The inode of the first pid namespace: PROC_PID_INIT_INO in Linux's include/linux/proc_ns.h. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

char *host_pid_namespace(void)
{
	char namespace[64];
	ssize_t n = readlink("/proc/self/ns/pid", namespace, sizeof(namespace) - 1);

	if (n <= 0)
		return NULL;
	namespace[n] = '\0';
	return strcmp(namespace, FIRST_PID_NAMESPACE) ? mem_strdup(namespace) : NULL;
}

char *host_name(void)
{
	char name[256] = "";

	/* A name that was cut may lack its NUL: the last byte stays untouched. */
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return mem_strdup("localhost");
	return mem_strdup(name);
}

/* NULL where the kernel does not say: then a process cannot be distinguished from one before the
   last boot. */
char *host_boot_id(void)
{
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return *text ? mem_strdup(text) : NULL;
}
