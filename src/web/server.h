/*
 * The web server, as its files share it. One thread, one loop (server.c), which never waits for
 * anything but the next event:
 *
 *     http.c     requests, over libmicrohttpd; connection.c has limits for connections
 *     route.c    what each path answers; access.c which clients get answers
 *     refresh.c  the documents of the pool as it was read last; refresh_step.c decides when to read
 *     history.c  the documents about the past, made on request
 *     hosts.c    the documents of other hosts (web.hosts)
 *     stream.c   event streams
 *     worker.c   the processes that read pool and history, so that nothing here can hang
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/queue.h>

#include "pool/web_config.h"
#include "web/refresh_step.h"
#include "web/response.h"
#include "web/stream.h"
#include "web/worker.h"

/* What a request can wait for. */
struct need {
	int kind; /* ASK_REFRESH, ... */
	int days; /* ASK_HOSTS: the number of the host, from 1 on; 0: all */
};

/* A request, from its first line to the end of its answer. */
struct request {
	TAILQ_ENTRY(request) entry; /* while it waits */
	struct server *server;
	struct MHD_Connection *connection;
	struct need need;
	int64_t begun_ns, deadline_ns; /* while it waits, and until when */
	bool waiting;
	bool waited;       /* answer it with what there is */
	bool waited_hosts; /* the same, about other hosts */
	bool headers_seen, too_long;
	size_t body; /* bytes of a body, which is thrown away */
	char target[];
};

/* A TCP connection. */
struct connection {
	TAILQ_ENTRY(connection) entry;
	TAILQ_ENTRY(connection) idle_entry; /* while `idle`: it has to send a request */
	bool idle;
	int fd;
	uint64_t address; /* what identifies the client: see connection.c; 0: this host */
	int64_t deadline_ns;
};

/* The documents of the latest refresh. */
struct refresh {
	struct refresh_state state;
	struct document
		*documents[ANSWER_DOCUMENTS]; /* NULL where there is none yet, or it failed */
	struct document *problem;             /* why there is none */
	struct str metrics, row;              /* the texts that others are added to: see hosts.c */
};

/* What is known of one of the other hosts. */
struct other {
	struct document *documents[ANSWER_DOCUMENTS]; /* NULL: there is none */
	char *problem;                                /* why there are none; NULL: too early */
};

/* The other hosts, in the order of the configuration. */
struct others {
	struct other *items;
	struct str rows, metrics;        /* of all of them */
	struct document *list, *scraped; /* with what is this host's; NULL: to be made */
	int undecided;
	bool resting;     /* the process follows nobody */
	int64_t asked_ns; /* when a client asked last */
	bool news;        /* the streams have to be told */
	int64_t told_ns;
};

/* One document about the past. */
struct past {
	struct document *document;
	int64_t read_ns; /* when reading it began */
};

/* So many of the latest months can be asked for, and each question has a place of its own. */
#define HISTORY_MONTHS 120
#define HISTORY_PLACES (1 + QUESTION_DAYS_MAX + HISTORY_MONTHS)

struct histories {
	struct past pasts[QUESTIONS][HISTORY_PLACES];
	int64_t changed_ns; /* when the pool changed last */
	int64_t asked_ns;   /* when the latest reading began */
	int64_t check_ns;   /* when to drop old ones */
};

struct server {
	const struct web_config *config;
	bool loopback; /* only this host can reach it */
	struct MHD_Daemon *daemon;
	int listen_fd, events_fd, signal_fd;
	struct worker workers[WORKERS];
	struct refresh refresh;
	struct histories histories;
	struct others others;
	struct streams streams;
	TAILQ_HEAD(request_list, request) waiting;
	TAILQ_HEAD(connection_list, connection) connections;
	TAILQ_HEAD(idle_list, connection) idle; /* in the order of their deadlines */
	struct document *(*pages)[2]; /* plain and compressed, in the order of page_files */
	bool stopping;
	bool woken;                     /* a request, since libmicrohttpd ran last */
	unsigned long long watchdog_us; /* 0: systemd wants no signs of life */
	int64_t sign_ns;                /* when the next one is due */
};

/* Serves until SIGTERM or SIGINT. The listening socket is the server's from now on. */
int server_run(const struct web_config *config, int listen_fd, bool loopback, struct err *e);

/* ---- http.c ---- */

int http_start(struct server *s, struct err *e);
void http_stop(struct server *s);

/* Lets a request sleep until what it needs is there, or its time limit was reached. */
enum MHD_Result http_wait(struct request *r, struct need need, int64_t limit_ns);

/* Wakes those that need this and began to wait by a time: it is there, or it could not be had. */
void http_wake(struct server *s, struct need need, int64_t begun_ns);

/* Whether a request waits for a document of that kind. */
bool http_is_awaited(const struct server *s, int kind);

/* Wakes those whose time limit was reached. Returns when to call this again. */
int64_t wake_expired(struct server *s, int64_t now_ns);

/* ---- refresh.c ---- */

/* True where the request has to wait for a refresh; *ret_result is what its handler returns then.
 */
bool refresh_must_wait(struct request *r, enum MHD_Result *ret_result);

/* Answers with a document of the latest refresh (ANSWER_...), or lets the request wait for one. */
enum MHD_Result refresh_answer(struct request *r, int text);

/* 200 or 503; the reason only for clients that are trusted. */
enum MHD_Result refresh_health(struct request *r, bool trusted);

/* The pool has changed. */
void refresh_changed(struct server *s, int64_t now_ns);

/* Begins a refresh and tells the event streams when it is time. Returns when to call this again. */
int64_t refresh_tick(struct server *s, int64_t now_ns);

void refresh_done(struct server *s, const struct answer *answer);
void refresh_clear(struct server *s);

/* ---- history.c ---- */

/* Answers with the document of a question about the past, or waits for it. */
enum MHD_Result history_answer(struct request *r, const char *query, int kind, int fallback_days);

/* Asks for what is wanted. Returns when to call this again. */
int64_t history_tick(struct server *s, int64_t now_ns);
void history_done(struct server *s, struct question question, const struct answer *answer);
void history_clear(struct server *s);

/* ---- hosts.c ---- */

void hosts_init(struct server *s);

/* The number of another host, from 0 on; one of these where it is none. */
enum { HOST_HERE = -1, HOST_UNKNOWN = -2 };
int hosts_find(const struct server *s, const char *name);

/* The list of hosts; metrics with those of other hosts; a document of one of these. */
enum MHD_Result hosts_answer_list(struct request *r);
enum MHD_Result hosts_answer_metrics(struct request *r);
enum MHD_Result hosts_answer(struct request *r, int host, int text);

/* The documents of this host have changed. */
void hosts_refreshed(struct server *s);

/* Asks for news, and tells the streams. Returns when to call this again. */
int64_t hosts_tick(struct server *s, int64_t now_ns);
void hosts_done(struct server *s, const struct answer *answer);
void hosts_clear(struct server *s);

#endif
