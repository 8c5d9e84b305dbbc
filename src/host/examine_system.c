/* The system, its clock, and kinds of file systems, for `canhazgpu doctor`; see examine.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "host/examine.h"
#include "host/tree.h"

/* 2025-01-01: before this program was written. */
#define EARLIEST_NS (INT64_C(1735689600) * NS_PER_SECOND)

char *host_os_release(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *value;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != '=')
			continue;
		value = line + length + 1;
		value += *value == '"' || *value == '\'';
		return mem_printf("%.*s", (int)strcspn(value, "\"'\n"), value);
	}
	return NULL;
}

static char *distribution(void)
{
	AUTO_FCLOSE FILE *file = fopen("/etc/os-release", "re");
	char text[4096] = "";

	if (file)
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	return host_os_release(text, "PRETTY_NAME");
}

void host_examine_system(struct findings *f)
{
	AUTO_FREE char *name = distribution();
	struct utsname kernel = {0};

	uname(&kernel);
	findings_add(f, "system", FINDING_OK, NULL, "%s %s %s, %s", kernel.sysname, kernel.release,
		     kernel.machine, name ? name : "no /etc/os-release");
}

void host_examine_kernel(struct findings *f)
{
	static const char advice[] =
		"Linux 5.9 and later have both; a container's filter of system "
		"calls may hide them";
	bool has_pidfd = host_has_pidfd(), has_close_range = file_has_close_range();

	if (has_pidfd && has_close_range)
		findings_add(f, "kernel", FINDING_OK, NULL, "has pidfd_open and close_range");
	if (!has_pidfd)
		findings_add(f, "kernel", FINDING_NOTE, advice,
			     "has no pidfd_open: the ends of processes are polled");
	if (!has_pidfd && !has_close_range)
		findings_extend(f, FINDING_NOTE, NULL,
				"no close_range: descriptors are closed one by one");
	else if (!has_close_range)
		findings_add(f, "kernel", FINDING_NOTE, advice,
			     "has no close_range: descriptors are closed one by one");
}

/* Whether the clock is synchronised; in a container that may be unknown. */
static void examine_synchronisation(struct findings *f)
{
	struct timex time = {0};
	int state = adjtimex(&time);

	if (state < 0)
		findings_extend(f, FINDING_OK, NULL, "whether it is synchronised is unknown");
	else if (state == TIME_ERROR || (time.status & STA_UNSYNC))
		findings_extend(
			f, FINDING_NOTE,
			"run a time service (chrony, systemd-timesyncd): hosts that share a "
			"pool compare their clocks",
			"it is not synchronised");
	else
		findings_extend(f, FINDING_OK, NULL, "synchronised");
}

void host_examine_clock(struct findings *f)
{
	static const char advice[] = "set the clock ('timedatectl set-time', or a time service): "
				     "expiry, heartbeats and reports depend on it";
	int64_t now_ns = clock_now_ns();
	char text[CLOCK_RFC3339_SIZE];
	struct stat program;

	clock_rfc3339(now_ns - now_ns % NS_PER_SECOND, text);
	if (now_ns < EARLIEST_NS)
		findings_add(f, "clock", FINDING_FAILED, advice, "%s cannot be right", text);
	else if (stat("/proc/self/exe", &program) == 0 &&
		 program.st_mtim.tv_sec > (now_ns + NS_PER_DAY) / NS_PER_SECOND)
		findings_add(f, "clock", FINDING_FAILED, advice,
			     "%s is before this program was built", text);
	else
		findings_add(f, "clock", FINDING_OK, NULL, "%s", text);
	examine_synchronisation(f);
}

struct file_system {
	uint64_t type; /* f_type, see statfs(2) */
	const char *name;
};

static const char *find_type(const struct file_system *table, size_t count, uint64_t type)
{
	for (size_t i = 0; i < count; i++) {
		/* f_type is signed, and 32 bits wide on some machines. */
		if (table[i].type == (type & 0xffffffff))
			return table[i].name;
	}
	return NULL;
}

const char *host_network_file_system(uint64_t type)
{
	static const struct file_system table[] = {
		{0x6969, "nfs"},       {0x517b, "smb"},        {0xff534d42, "cifs"},
		{0xfe534d42, "smb3"},  {0x00c36400, "ceph"},   {0x65735546, "fuse"},
		{0x01021997, "9p"},    {0x5346414f, "afs"},    {0x0bd00bd0, "lustre"},
		{0x47504653, "gpfs"},  {0x19830326, "beegfs"}, {0x73757245, "coda"},
		{0xaad7aaea, "panfs"},
	};

	return find_type(table, ARRAY_SIZE(table), type);
}

const char *host_passing_file_system(uint64_t type)
{
	static const struct file_system table[] = {
		{0x01021994, "tmpfs"}, {0x858458f6, "ramfs"}, {0x794c7630, "overlay"}};

	return find_type(table, ARRAY_SIZE(table), type);
}
