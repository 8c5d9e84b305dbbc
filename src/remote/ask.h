/*
 * Asking other hosts, all at the same time: each by a process of its own (ssh, this program itself
 * for this host, or one that reads from a web server), whose output is the answer. One that is
 * away, slow or says too much costs the others nothing.
 */
#ifndef REMOTE_ASK_H
#define REMOTE_ASK_H

#include <stdint.h>

#include "base/str.h"
#include "conf/remotes.h"
#include "remote/ssh.h"

/* An answer of more bytes is refused: 500 GPUs with 10 processes each need half of it. */
#define REMOTE_ANSWER_MAX ((size_t)4 << 20)

/* One question to one host. Zeroed at first; remote_call_clear frees all of it. */
struct remote_call {
	const struct remote *host; /* borrowed */
	struct words words;        /* the process that answers; none: `url` is asked */
	bool is_ssh;
	char *url;
	char *token; /* NULL: none */

	struct str answer;
	int exit_status; /* of the process; -1: none */
	bool hurried;    /* it was not waited for: others had answered enough */
	char *problem;   /* why there is no answer, one line; NULL: there is one */
};

void remote_call_clear(struct remote_call *call);

/* Has its host asked for that path ("/api/status") of the web server that it names. */
void remote_call_url(struct remote_call *call, const char *path);

/* For who does not need all answers: called when one has ended, `which` of them, and answers
   whether they are enough. Then the others get only that much more time. */
struct remote_patience {
	bool (*is_enough)(const struct remote_call *call, size_t which, void *argument);
	void *argument;
	int64_t more_ns;
};

/* Asks all, and comes back when each has answered or the time is up. One that has a problem already
   is not asked. `patience`: NULL: all of them are needed. */
void remote_ask(struct remote_call *calls, size_t count, int64_t timeout_ns,
		const struct remote_patience *patience);

/* Why a process gave no answer, by its exit status (-1: it was killed) and the last line of what it
   has printed as an error: for people. Never NULL; the caller frees it. */
char *remote_problem(bool is_ssh, int exit_status, const char *errors);

/* That none came in time; `line`: what it has said meanwhile, or "". The caller frees it. */
char *remote_no_answer(int64_t timeout_ns, const char *line);

/* Whether it says that the program there does not know that option: an older one, or another. */
bool remote_is_unknown_option(int exit_status, const char *problem, const char *option);

#endif
