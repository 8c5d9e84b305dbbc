/*
 * The alternate screen; see screen.h. Called by status_watch.c.
 *
 * Handlers give the terminal back themselves, so that Ctrl-C works at any moment, also while a
 * driver does not answer. They call only what a handler may: write, tcsetattr, sigaction, raise,
 * _exit.
 */
#include "cmd/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* Alternate screen without a cursor; and back. */
#define ENTER "\x1b[?1049h\x1b[?25l"
#define LEAVE "\x1b[?25h\x1b[?1049l"

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static struct {
	volatile sig_atomic_t entered;  /* has to be given back */
	volatile sig_atomic_t outdated; /* has to be taken anew before something is drawn */
	volatile sig_atomic_t redraw;
	bool keys; /* standard input is a terminal, too */
	struct termios before;
	sigset_t waiting; /* the mask while waiting: wake-ups come through only there */
} screen;

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	/* One that is not this session's has a foreground that we never are in. */
	return isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) >= 0 && term && *term &&
	       strcmp(term, "dumb") != 0;
}

/* All of the bytes, whatever interrupts. */
static void put(const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
}

static void leave(void)
{
	if (!screen.entered)
		return;
	screen.entered = 0;
	put(LEAVE, sizeof(LEAVE) - 1);
	if (screen.keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}

/* Keys arrive one by one and are not shown; Ctrl-C and Ctrl-Z stay what they are. */
static void enter(void)
{
	struct termios raw = screen.before;

	if (screen.keys) {
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	screen.entered = 1;
	screen.outdated = 0;
	put(ENTER, sizeof(ENTER) - 1);
}

/* Ctrl-C is the usual way to quit. Other signals end the program as they would without a screen. */
static void on_end(int number)
{
	leave();
	if (number == SIGINT)
		_exit(0);
	signal(number, SIG_DFL);
	raise(number);
}

static void handle(int number, void (*handler)(int));

/* Stops as Ctrl-Z does everywhere, then goes on. The main loop takes the screen again. */
static void on_stop(int number)
{
	int saved = errno;
	sigset_t stop;

	leave();
	sigemptyset(&stop);
	sigaddset(&stop, number);
	signal(number, SIG_DFL);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	handle(number, on_stop);
	screen.redraw = 1;
	raise(SIGWINCH);
	errno = saved;
}

/* Whoever went on after a stop that could not be noticed may find the terminal changed. */
static void on_continue(int number)
{
	(void)number;
	screen.outdated = 1;
	screen.redraw = 1;
}

static void on_resize(int number)
{
	(void)number;
	screen.redraw = 1;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	/* One handler at a time: none finds the terminal half given back. */
	sigfillset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void screen_open(void)
{
	sigset_t wake;

	screen.keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen.before) == 0;
	sigemptyset(&wake);
	sigaddset(&wake, SIGWINCH);
	sigaddset(&wake, SIGCONT);
	sigprocmask(SIG_BLOCK, &wake, &screen.waiting);
	handle(SIGWINCH, on_resize);
	handle(SIGCONT, on_continue);
	handle(SIGTSTP, on_stop);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		handle(ending_signals[i], on_end);
}

/* Runs a change of the terminal without a handler in the middle of it. */
static void undisturbed(void (*change)(void))
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	change();
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void screen_close(void)
{
	undisturbed(leave);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		signal(ending_signals[i], SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &screen.waiting, NULL);
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

/* In the background the terminal is somebody else's: neither its screen nor its keys are ours. */
static bool in_foreground(void)
{
	return tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

void screen_draw(const char *text)
{
	AUTO(str_clear) struct str frame = {0};
	size_t columns, rows;

	if (!in_foreground())
		return;
	screen_size(&columns, &rows);
	str_add(&frame, "\x1b[H");
	add_lines(&frame, text, rows);
	str_add(&frame, "\x1b[J");
	if (!screen.entered || screen.outdated)
		undisturbed(enter);
	put(frame.text, frame.length);
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
		/* `fg` sends SIGCONT, which is when this is looked at again. */
		struct pollfd inputs[] = {
			{.fd = screen.keys && in_foreground() ? STDIN_FILENO : -1,
			 .events = POLLIN},
			{.fd = fd, .events = POLLIN},
		};
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		struct timespec left = {.tv_sec = left_ns / NS_PER_SECOND,
					.tv_nsec = left_ns % NS_PER_SECOND};

		/* The terminal is gone: nobody will look, and there will be no keys. */
		if (tcgetpgrp(STDOUT_FILENO) < 0)
			return SCREEN_QUIT;
		if (screen.redraw) {
			screen.redraw = 0;
			return SCREEN_REDRAW;
		}
		if (left_ns <= 0)
			return SCREEN_TIMEOUT;
		if (ppoll(inputs, ARRAY_SIZE(inputs), &left, &screen.waiting) <= 0)
			continue;
		if (inputs[0].revents && read_quit())
			return SCREEN_QUIT;
		if (inputs[1].revents)
			return SCREEN_WAKE;
	}
}
