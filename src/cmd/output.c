/* What commands that print share; see output.h. */
#include "cmd/output.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "pool/pool.h"

int print_json(json_t *document, struct err *e)
{
	int r = json_dumpf(document, stdout,
			   JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII);
	int code = errno;

	json_decref(document);
	putchar('\n');
	return r < 0 ? err_sys(e, code, "cannot write the output") : 0;
}

void print_cancelled(const struct pool_cancelled *cancelled, size_t count)
{
	char time[CLOCK_DURATION_SIZE];

	for (size_t i = 0; i < count; i++)
		printf("Cancelled request %.8s (%zu GPU%s, waited %s)\n", cancelled[i].id,
		       cancelled[i].wanted, str_plural(cancelled[i].wanted),
		       clock_duration(cancelled[i].waited_ns, time));
	for (size_t i = 0; i < count; i++) {
		if (cancelled[i].foreign)
			fprintf(stderr,
				"Warning: request %.8s is of another program, whose process does "
				"not notice that and goes on waiting: end it where it runs\n",
				cancelled[i].id);
	}
}

int print_text(const char *text, struct err *e)
{
	/* What is not buffered fails here, with a reason that a later flush does not know. */
	return fputs(text, stdout) < 0 ? err_sys(e, errno, "cannot write the output") : 0;
}

bool color_wanted(const struct settings *s, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fd) && !settings_flag(s, "no-color") && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}

/* A terminal that is stopped (Ctrl-S) must not stop a scan: others may be waiting for it. */
static bool is_ready(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	return poll(&ready, 1, 0) > 0;
}

void terminal_notice(const char *text)
{
	const char *term = getenv("TERM");
	bool can_erase = term && *term && strcmp(term, "dumb") != 0;
	pid_t foreground = isatty(STDERR_FILENO) ? tcgetpgrp(STDERR_FILENO) : -1;

	if (foreground != getpgrp() || !is_ready(STDERR_FILENO))
		return;
	if (is_ready(STDOUT_FILENO))
		fflush(stdout);
	if (text)
		fprintf(stderr, "%s%s%s", can_erase ? "\r\033[K" : "", text, can_erase ? "" : "\n");
	else if (can_erase)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}
