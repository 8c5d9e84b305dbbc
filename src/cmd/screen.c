/* What is drawn on the alternate screen, and waiting for keys; see screen.h. */
#include "cmd/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/terminal.h"

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	/* One that is not this session's has a foreground that we never are in. */
	return isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) >= 0 && term && *term &&
	       strcmp(term, "dumb") != 0;
}

void screen_open(void)
{
	terminal_open();
}

void screen_close(void)
{
	terminal_close();
}

void screen_size(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*ret_columns = size.ws_col ? size.ws_col : 80;
	*ret_rows = size.ws_row ? size.ws_row : 24;
}

/* Adds the lines of text, each followed by "clear the rest"; as many as there are rows. */
static void add_lines(struct str *frame, const char *text, size_t rows)
{
	size_t lines = 0, shown = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	for (; *text && shown < rows; shown++) {
		size_t length = strcspn(text, "\n");

		str_add(frame, shown ? "\r\n" : "");
		if (shown + 1 == rows && lines > rows)
			str_addf(frame, "... and %zu more lines", lines - shown);
		else
			str_add_bytes(frame, text, length);
		str_add(frame, "\x1b[K");
		text += length + (text[length] == '\n');
	}
}

void screen_draw(const char *text)
{
	AUTO(str_clear) struct str frame = {0};
	size_t columns, rows;

	if (!terminal_in_foreground())
		return;
	screen_size(&columns, &rows);
	str_add(&frame, "\x1b[H");
	add_lines(&frame, text, rows);
	str_add(&frame, "\x1b[J");
	terminal_take();
	terminal_write(frame.text, frame.length);
}

/* True if a key says so, or there will be no keys any more. */
static bool read_quit(void)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n < 0)
		return errno != EINTR && errno != EAGAIN;
	return n == 0 || memchr(keys, 'q', (size_t)n) || memchr(keys, 'Q', (size_t)n);
}

enum screen_event screen_wait(int64_t deadline_ns, int fd)
{
	for (;;) {
		/* `fg` sends SIGCONT, after which this is decided again. */
		struct pollfd inputs[] = {
			{.fd = terminal_has_keys() && terminal_in_foreground() ? STDIN_FILENO : -1,
			 .events = POLLIN},
			{.fd = fd, .events = POLLIN},
		};
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		struct timespec left = {.tv_sec = left_ns / NS_PER_SECOND,
					.tv_nsec = left_ns % NS_PER_SECOND};

		/* The terminal is gone: nobody sees it, and there will be no keys. */
		if (tcgetpgrp(STDOUT_FILENO) < 0)
			return SCREEN_QUIT;
		if (terminal_redraw_needed())
			return SCREEN_REDRAW;
		if (left_ns <= 0)
			return SCREEN_TIMEOUT;
		if (ppoll(inputs, ARRAY_SIZE(inputs), &left, terminal_waiting_mask()) <= 0)
			continue;
		if (inputs[0].revents && read_quit())
			return SCREEN_QUIT;
		if (inputs[1].revents)
			return SCREEN_WAKE;
	}
}
