/*
 * The alternate screen; see terminal.h. Called by screen.c.
 *
 * Handlers give the terminal back themselves, so that Ctrl-C works at any moment, also while a
 * driver does not answer. They call only what a handler may: write, tcsetattr, sigaction, raise,
 * _exit.
 */
#include "cmd/terminal.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

/* Alternate screen without a cursor; and back. */
#define ENTER "\x1b[?1049h\x1b[?25l"
#define LEAVE "\x1b[?25h\x1b[?1049l"

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static struct {
	volatile sig_atomic_t entered;  /* has to be given back */
	volatile sig_atomic_t outdated; /* has to be taken again before something is drawn */
	volatile sig_atomic_t redraw;
	bool keys; /* standard input is the terminal, too */
	struct termios before;
	sigset_t waiting; /* see terminal_waiting_mask */
} terminal;

void terminal_write(const char *bytes, size_t length)
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
	if (!terminal.entered)
		return;
	terminal.entered = 0;
	terminal_write(LEAVE, sizeof(LEAVE) - 1);
	if (terminal.keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

/* Keys arrive one by one and are not shown; Ctrl-C and Ctrl-Z stay what they are. */
static void enter(void)
{
	struct termios raw = terminal.before;

	if (terminal.keys) {
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	terminal.entered = 1;
	terminal.outdated = 0;
	terminal_write(ENTER, sizeof(ENTER) - 1);
}

/* Ctrl-C is the usual way to quit. Other signals end the program as they would without a terminal.
 */
static void on_end(int number)
{
	leave();
	if (number == SIGINT)
		_exit(0);
	signal(number, SIG_DFL);
	raise(number);
}

static void handle(int number, void (*handler)(int));

/* Stops as Ctrl-Z does everywhere, then continues. The main loop takes the screen again. */
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
	terminal.redraw = 1;
	raise(SIGWINCH);
	errno = saved;
}

/* After a stop that could not be noticed (SIGSTOP) the terminal may have changed. */
static void on_continue(int number)
{
	(void)number;
	terminal.outdated = 1;
	terminal.redraw = 1;
}

static void on_resize(int number)
{
	(void)number;
	terminal.redraw = 1;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	/* One handler at a time: none finds the terminal half given back. */
	sigfillset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void terminal_open(void)
{
	sigset_t wake;

	terminal.keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal.before) == 0;
	sigemptyset(&wake);
	sigaddset(&wake, SIGWINCH);
	sigaddset(&wake, SIGCONT);
	sigprocmask(SIG_BLOCK, &wake, &terminal.waiting);
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

void terminal_take(void)
{
	if (!terminal.entered || terminal.outdated)
		undisturbed(enter);
}

void terminal_close(void)
{
	undisturbed(leave);
	for (size_t i = 0; i < ARRAY_SIZE(ending_signals); i++)
		signal(ending_signals[i], SIG_DFL);
	signal(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &terminal.waiting, NULL);
}

bool terminal_in_foreground(void)
{
	return tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

bool terminal_has_keys(void)
{
	return terminal.keys;
}

bool terminal_redraw_needed(void)
{
	bool needed = terminal.redraw;

	terminal.redraw = 0;
	return needed;
}

const sigset_t *terminal_waiting_mask(void)
{
	return &terminal.waiting;
}
