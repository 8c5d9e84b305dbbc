/* Names: of this host, of this boot, of this namespace. Part of host/process.h. */
#include "host/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/proc.h"

/* The inodes of the first namespaces: PROC_PID_INIT_INO and PROC_TIME_INIT_INO in Linux's
   include/linux/proc_ns.h. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"
#define FIRST_TIME_NAMESPACE "time:[4026531834]"

/* A namespace of this process, "pid:[4026532201]", unless it is the first one; NULL. */
static char *own_namespace(const char *path, const char *first)
{
	char namespace[64];
	ssize_t n = readlink(path, namespace, sizeof(namespace) - 1);

	if (n <= 0)
		return NULL;
	namespace[n] = '\0';
	return strcmp(namespace, first) ? mem_strdup(namespace) : NULL;
}

char *host_pid_namespace(void)
{
	return own_namespace("/proc/self/ns/pid", FIRST_PID_NAMESPACE);
}

static char *own_time_namespace(void)
{
	return own_namespace("/proc/self/ns/time", FIRST_TIME_NAMESPACE);
}

void host_clock_name(const char *boot_id, char name[CLOCK_NAME_SIZE])
{
	AUTO_FREE char *namespace = own_time_namespace();

	memset(name, 0, CLOCK_NAME_SIZE);
	if (boot_id)
		snprintf(name, CLOCK_NAME_SIZE, "%.40s%s%.20s", boot_id, namespace ? "/" : "",
			 namespace ? namespace : "");
}

/* A process does not change its time namespace: asked once. */
static int64_t boot_shift_ns(void)
{
	static bool known;
	static int64_t shift_ns;

	if (!known) {
		AUTO_FREE char *namespace = own_time_namespace();
		char text[256];

		if (namespace && host_proc_read(getpid(), "timens_offsets", text, sizeof(text)) > 0)
			shift_ns = host_timens_boot_ns(text);
		known = true;
	}
	return shift_ns;
}

uint64_t host_ticks_of_host(uint64_t ticks)
{
	return ticks - (uint64_t)(boot_shift_ns() / (NS_PER_SECOND / sysconf(_SC_CLK_TCK)));
}

int64_t host_boot_ns(void)
{
	return clock_boot_ns() - boot_shift_ns();
}

char *host_name(void)
{
	char name[256] = "";

	/* A name that was cut may lack its NUL: the last byte stays untouched. */
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		return mem_strdup("localhost");
	return mem_strdup(name);
}

/* The first line of a short file; NULL where there is none. */
static char *first_line(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
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

char *host_machine_id(void)
{
	AUTO_FREE char *namespace = host_pid_namespace();
	AUTO_FREE char *id = namespace ? NULL : first_line("/etc/machine-id");

	/* What systemd writes into images whose id is made at the first boot. */
	return id && strcmp(id, "uninitialized") != 0 ? mem_steal(&id) : NULL;
}

/* NULL where the kernel does not say: then a process cannot be distinguished from one before the
   last boot. */
char *host_boot_id(void)
{
	return first_line("/proc/sys/kernel/random/boot_id");
}
