/*
 * The one error object. Whoever meets a failure fills it, everyone above just returns the code;
 * src/main.c prints it, once, and picks the exit status.
 *
 * A fallible function takes `struct err *e` last and returns 0 or a negative errno. Outputs named
 * `ret_...` are written on success only.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Exit statuses of the program; the man page has the same table. 126 and 127 are the shell's. */
enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_FAILED = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_GAVE_UP = 75,
	EXIT_STATUS_NOT_EXECUTABLE = 126,
	EXIT_STATUS_NOT_FOUND = 127,
};

struct err {
	int code;        /* positive errno; 0 while nothing failed */
	int exit_status; /* what main exits with; 0 means EXIT_STATUS_FAILED */
	char text[1024]; /* one line, no newline, without "Error: " */
};

/* Fills e (which may be NULL) and returns -code. A code of 0 becomes EIO: a failure is a failure.
 */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set, with ": <strerror(code)>" behind the text. For failed system calls. */
int err_sys(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The user asked for something that makes no sense: EINVAL, and exit status 2. */
int err_usage(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<prefix>: " in front of the text that e already has; returns -e->code. */
int err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a text behind the one that e already has; returns -e->code. */
int err_append(struct err *e, const char *text);

/* Sets the exit status and returns -e->code, so that it can close a return statement. */
int err_exit_status(struct err *e, int exit_status);

/* Forgets what e holds, so that it can be used again. */
void err_clear(struct err *e);

#endif
