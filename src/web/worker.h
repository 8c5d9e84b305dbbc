/*
 * The processes behind the server. It has one thread and must never wait, but reading the pool may
 * take long: a driver hangs, a disk is slow, Redis is away. So processes do what may take time,
 * each one thing at a time: scan the GPUs and read the pool, add up the history, watch for changes,
 * follow other hosts. They are asked and answer over a socket; one that takes too long is killed
 * and replaced.
 *
 * Called by server.c, refresh.c, history.c and hosts.c; what the processes do is in work.c.
 */
#ifndef WEB_WORKER_H
#define WEB_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"
#include "pool/web_config.h"

/* What a scan may take, whatever gpu.timeout says: a worker that takes too long is replaced. */
#define WORKER_SCAN_LIMIT_NS (15 * NS_PER_SECOND)

enum worker_kind { WORKER_WATCH, WORKER_REFRESH, WORKER_HISTORY, WORKER_HOSTS, WORKERS };

/* What is asked. The watching one is asked nothing: it sends a byte at each change. */
enum question_kind {
	ASK_REFRESH,
	ASK_REPORT,
	ASK_REPORT_BY_DAY,
	ASK_TIMELINE,
	ASK_EVENTS,
	QUESTIONS,
	ASK_HOSTS = QUESTIONS, /* answered when there is something new, and after some seconds */
};

struct question {
	int kind;
	int days; /* ASK_HOSTS: 1 where anybody wants to see them, else 0; but for ASK_REFRESH all
		     others: 1 to QUESTION_DAYS_MAX, up to now; reports also a month */
};

#define QUESTION_DAYS_MAX 90

/* A month is this plus its number, counted from the year 0. */
#define QUESTION_MONTHS 1000

/* The texts of an answer. One about the history has only the first, a failure only its reason.
   ANSWER_EVENTS is sent to the streams as it is, ANSWER_ROWS is this host's row in /api/hosts.
   ASK_HOSTS: the documents of one other host, or as ANSWER_EVENTS why it is away; with the last of
   those that are new, ANSWER_ROWS and ANSWER_METRICS of all of them. */
enum { ANSWER_STATUS, ANSWER_QUEUE, ANSWER_METRICS, ANSWER_HOST, ANSWER_DOCUMENTS };
enum { ANSWER_EVENTS = ANSWER_DOCUMENTS, ANSWER_ROWS, ANSWER_TEXTS };
#define ANSWER_HISTORY ANSWER_STATUS
#define ANSWER_PROBLEM ANSWER_STATUS

/* Followed by the texts, one behind the other. */
struct answer_head {
	int code;             /* 0, or a positive errno */
	uint64_t fingerprint; /* of what the documents show, without what only time changes */
	int host;             /* ASK_HOSTS: whose documents these are; -1: nobody's */
	int undecided;        /* ASK_HOSTS: hosts that have neither answered nor failed yet */
	uint32_t lengths[ANSWER_TEXTS];
};

struct answer {
	struct answer_head head;
	const char *texts[ANSWER_TEXTS]; /* lengths in head; into the worker's input */
};

struct worker {
	enum worker_kind kind;
	const struct web_config *config;
	pid_t pid; /* 0: ended, and waited for */
	int fd;    /* -1: not running */
	bool busy;
	struct question question; /* while busy */
	int64_t asked_ns;         /* monotonic, as are all times here */
	int64_t start_again_ns;   /* not before this, after an end that was not planned */
	struct str input;
};

void worker_init(struct worker *w, enum worker_kind kind, const struct web_config *config);
void worker_clear(struct worker *w); /* ends the process */

/* Starts the process unless it runs or has to wait. Fails silently: it is tried again. */
void worker_start(struct worker *w);

/* A process was waited for: if it was this one, its number is nobody's. */
void worker_ended(struct worker *w, pid_t pid);

/* Asks. False where that is not possible now. */
bool worker_ask(struct worker *w, struct question question);

/*
 * Reads what is there. True with an answer to the question (valid until the next call). The process
 * may have ended meanwhile: then that is the answer.
 */
bool worker_read(struct worker *w, struct answer *ret_answer);

/* For the one that watches: takes what it has sent; true if that was something. */
bool worker_drain(struct worker *w);

/* When the process has had its time for an answer; INT64_MAX while it is not asked. */
int64_t worker_limit_ns(const struct worker *w);

/* Ends a process that has exceeded its limit. True if it had: *ret_answer says so. */
bool worker_check_limit(struct worker *w, struct answer *ret_answer);

#endif
