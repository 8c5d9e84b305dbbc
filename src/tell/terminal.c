/*
 * Writing to the terminals of an account; see terminal.h.
 *
 * Where somebody is logged in is in utmp. Many systems have none any more: there the terminals of
 * the account's processes count, of which a multiplexer has many, so that only those that were used
 * last get the message. Whatever names a terminal is only a hint: what is opened must be a terminal
 * that belongs to the account, and the process has no more rights than the account.
 */
#include "tell/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/file.h"
#include "base/mem.h"
#include "host/process.h"

#define NAME_SIZE 32

struct terminal {
	char name[NAME_SIZE]; /* below /dev */
	struct stat st;
	int fd;
};

struct terminals {
	struct terminal items[64];
	size_t count;
};

/* Whether it is a name of a terminal, and of nothing else below /dev. */
static bool is_terminal_name(const char *name)
{
	const char *digits = NULL;

	if (!strncmp(name, "pts/", 4))
		digits = name + 4;
	else if (!strncmp(name, "tty", 3))
		digits = name + strcspn(name, "0123456789");
	return digits && *digits && strlen(name) < NAME_SIZE &&
	       strspn(digits, "0123456789") == strlen(digits) &&
	       !strchr(name + 4 - !strncmp(name, "tty", 3), '/');
}

/* Whether messages may be written there: a terminal of this account that takes them. */
static bool takes_messages(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_uid == getuid() && (st->st_mode & S_IWGRP);
}

static void add(struct terminals *t, const char *name)
{
	struct terminal *item = &t->items[t->count];
	AUTO_FREE char *path = mem_printf(_PATH_DEV "%s", name);

	for (size_t i = 0; i < t->count; i++) {
		if (!strcmp(t->items[i].name, name))
			return;
	}
	if (t->count == ARRAY_SIZE(t->items) || !is_terminal_name(name) ||
	    lstat(path, &item->st) < 0 || !takes_messages(&item->st))
		return;
	snprintf(item->name, sizeof(item->name), "%s", name);
	t->count++;
}

/* False: there is no utmp. */
static bool add_from_utmp(struct terminals *t)
{
	AUTO_FREE char *account = host_account_name(getuid());
	const struct utmpx *entry;
	bool found;

	if (access(_PATH_UTMP, R_OK) < 0)
		return false;
	setutxent();
	for (found = false; (entry = getutxent());) {
		AUTO_FREE char *user =
			mem_printf("%.*s", (int)sizeof(entry->ut_user), entry->ut_user);
		AUTO_FREE char *line =
			mem_printf("%.*s", (int)sizeof(entry->ut_line), entry->ut_line);

		found = found || entry->ut_type == USER_PROCESS;
		if (entry->ut_type == USER_PROCESS && !strcmp(user, account))
			add(t, line);
	}
	endutxent();
	/* One that nobody is in is not kept: containers have such a file. */
	return found;
}

bool tell_terminal_name(dev_t number, char name[NAME_SIZE])
{
	/* Documentation/admin-guide/devices.txt: 136 to 143 are the pseudo terminals, 4 has the
	   console's and, from 64, the serial ones. */
	if (major(number) >= 136 && major(number) <= 143)
		snprintf(name, NAME_SIZE, "pts/%u", minor(number) + (major(number) - 136) * 256);
	else if (major(number) == 4 && minor(number) > 0 && minor(number) < 64)
		snprintf(name, NAME_SIZE, "tty%u", minor(number));
	else if (major(number) == 4 && minor(number) >= 64)
		snprintf(name, NAME_SIZE, "ttyS%u", minor(number) - 64);
	else
		return false;
	return true;
}

/* The terminals of this account's processes. */
static void add_from_processes(struct terminals *t)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;

	if (host_process_list(&pids, &count, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct process_info info;
		char name[NAME_SIZE];

		if (host_process_stat(pids[i], &info) == 0 && info.terminal &&
		    tell_terminal_name(info.terminal, name))
			add(t, name);
	}
}

/* The one that was used last comes first: its time of access is that of the last input. */
static int compare(const void *a, const void *b)
{
	const struct terminal *first = a, *second = b;
	const struct timespec *x = &first->st.st_atim, *y = &second->st.st_atim;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

/* Opens what was found, if it is still that. Neither does it become this process's terminal, nor is
   it waited for. */
static int open_terminal(const struct terminal *t)
{
	AUTO_FREE char *path = mem_printf(_PATH_DEV "%s", t->name);
	AUTO_CLOSE int fd = file_open_as_user(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !takes_messages(&st) || st.st_rdev != t->st.st_rdev ||
	    !isatty(fd))
		return -1;
	return mem_steal_fd(&fd);
}

static bool write_terminal(const struct terminal *t, const char *text)
{
	AUTO_CLOSE int fd = open_terminal(t);
	size_t length = strlen(text);

	while (fd >= 0 && length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		length -= (size_t)n;
	}
	return fd >= 0;
}

size_t tell_terminals(const char *text)
{
	struct terminals t = {.count = 0};
	size_t written = 0;

	if (!add_from_utmp(&t))
		add_from_processes(&t);
	qsort(t.items, t.count, sizeof(*t.items), compare);
	for (size_t i = 0; i < t.count && i < TELL_TERMINALS_MAX; i++)
		written += write_terminal(&t.items[i], text);
	return written;
}
