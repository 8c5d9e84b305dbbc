/*
 * Running somebody else's program with something on its standard input: a hook, sendmail. It gets
 * an account, a clean environment, a time limit, and nothing of this process; its output goes to
 * the log. When its time is up it is killed, with all that it has started.
 */
#ifndef TELL_PROGRAM_H
#define TELL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "tell/account.h"

struct tell_program {
	const char *label; /* for the log: "hook 50-slack" */
	const char *path;
	char *const *arguments;             /* NULL-terminated, the name first */
	const char *input;                  /* its standard input */
	const struct tell_account *account; /* whose program it becomes */
	int64_t limit_ns;
	/* What it leaves running is its own affair: a mail server's background delivery. Else that
	   is killed as well, once the program has ended. */
	bool may_leave_others;
};

/* Output that is logged of one call; with more than PROGRAM_OUTPUT_MAX, the program finds that
   nobody reads it (SIGPIPE). */
#define PROGRAM_LINES_MAX 20
#define PROGRAM_OUTPUT_MAX (64 * 1024)

/* As fork; a failure is logged. The child ends after TELL_LIFE_S at the latest, whatever hangs in
   it: a name service, a file system; and with it the program that it runs. */
pid_t tell_fork(void);
#define TELL_LIFE_S 300

/* For a process that runs programs, before the first one: orphans of what it runs become its own
   children, and it has no others. */
void tell_program_adopt(void);

/* Runs it to its end. 0: it has succeeded; -ETIMEDOUT: it was killed; -EIO: it failed, which was
   logged. */
int tell_program_run(const struct tell_program *p);

#endif
