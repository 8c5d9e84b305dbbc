/* Reads the files of /proc/<pid>: the one place that opens them. Called by the rest of src/host. */
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Opens /proc/<pid>/<file>; the descriptor or a negative errno. */
static int proc_open(pid_t pid, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESRCH : -errno;
}

/* Reads until the buffer is full or the file ends; the length or a negative errno. */
static ssize_t read_some(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

ssize_t host_proc_read(pid_t pid, const char *file, char *buffer, size_t size)
{
	AUTO_CLOSE int fd = proc_open(pid, file);
	ssize_t length;

	if (fd < 0)
		return fd;
	length = read_some(fd, buffer, size - 1);
	if (length >= 0)
		buffer[length] = '\0';
	return length;
}

int host_proc_read_all(pid_t pid, const char *file, size_t limit, char **ret_text,
		       size_t *ret_length)
{
	AUTO_CLOSE int fd = proc_open(pid, file);
	AUTO_FREE char *text = NULL;
	size_t length = 0, size = 4096;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n;

		if (size > limit)
			size = limit;
		text = mem_resize(text, size + 1, 1);
		n = read_some(fd, text + length, size - length);
		if (n < 0)
			return (int)n;
		length += (size_t)n;
		if (length < size || size == limit)
			break;
		size *= 4;
	}
	text[length] = '\0';
	*ret_text = mem_steal(&text);
	*ret_length = length;
	return 0;
}

/* Fields of /proc/<pid>/stat by the numbers of proc(5); the pid is 1 and the name is 2. */
enum stat_field {
	STAT_STATE = 3,
	STAT_PPID,
	STAT_PGRP,
	STAT_SESSION,
	STAT_TERMINAL,
	STAT_THREADS = 20,
	STAT_START = 22
};

/*
 * "pid (name) state ppid pgrp session ...". The name may hold spaces, parentheses and newlines, but
 * what follows it does not, so the last ')' closes it. No sscanf: it costs as much as the read.
 */
bool host_stat_parse(const char *text, struct process_info *ret_info)
{
	struct process_info info = {0};
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	long long values[STAT_START + 1] = {0};
	const char *next;
	size_t length;
	char *end;

	if (!open || !close || close < open || close[1] != ' ' || !close[2] || close[3] != ' ')
		return false;
	info.pid = (pid_t)strtol(text, &end, 10);
	if (end == text)
		return false;
	info.state = close[2];
	next = close + 3;
	for (int field = STAT_PPID; field <= STAT_START; field++, next = end) {
		values[field] = strtoll(next, &end, 10);
		if (end == next)
			return false;
	}
	info.ppid = (pid_t)values[STAT_PPID];
	info.pgrp = (pid_t)values[STAT_PGRP];
	info.session = (pid_t)values[STAT_SESSION];
	info.terminal = (dev_t)values[STAT_TERMINAL];
	info.start_ticks = (uint64_t)values[STAT_START];
	length = (size_t)(close - open - 1);
	if (length >= sizeof(info.name))
		length = sizeof(info.name) - 1;
	memcpy(info.name, open + 1, length);
	/* A first thread that has ended shows as a zombie while the other threads run on. */
	if (info.state == 'Z' && values[STAT_THREADS] > 1)
		info.state = 'S';
	*ret_info = info;
	return true;
}

bool host_status_uid(const char *text, uid_t *ret_uid)
{
	/* A newline in the process name is escaped in this file, so this can only be the field. */
	const char *field = strstr(text, "\nUid:");
	unsigned uid;

	if (!field || sscanf(field + 5, "%u", &uid) != 1)
		return false;
	*ret_uid = uid;
	return true;
}

bool host_status_has_signal(const char *text, const char *mask, int signal)
{
	AUTO_FREE char *name = mem_printf("\n%s:", mask);
	const char *field = strstr(text, name);

	if (!field || signal < 1 || signal > 64)
		return false;
	return strtoull(field + strlen(name), NULL, 16) >> (signal - 1) & 1;
}

int64_t host_timens_boot_ns(const char *text)
{
	/* "monotonic SECONDS NANOSECONDS", and a line "boottime". */
	const char *line = strstr(text, "boottime");
	long long seconds, rest;

	if (!line || sscanf(line, "boottime %lld %lld", &seconds, &rest) != 2)
		return 0;
	return seconds * NS_PER_SECOND + rest;
}

int host_process_stat(pid_t pid, struct process_info *ret_info)
{
	char text[2048];
	AUTO_CLOSE int fd = proc_open(pid, "stat");
	ssize_t length;

	if (fd < 0)
		return fd;
	/* It is one record, which comes as a whole: of hundreds a second read would count. */
	do
		length = read(fd, text, sizeof(text) - 1);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	if (!host_stat_parse(text, ret_info))
		return -ESRCH;
	ret_info->start_ticks = host_ticks_of_host(ret_info->start_ticks);
	return 0;
}

bool host_state_is_gone(char state)
{
	return state == 'Z' || state == 'X' || state == 'x';
}

bool host_state_is_stopped(char state)
{
	return state == 'T' || state == 't';
}

const char *host_environ_find(const char *block, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	for (size_t i = 0; i < length; i += strnlen(block + i, length - i) + 1) {
		size_t left = length - i;

		if (left > name_length && memcmp(block + i, name, name_length) == 0 &&
		    block[i + name_length] == '=')
			return block + i + name_length + 1;
	}
	return NULL;
}
