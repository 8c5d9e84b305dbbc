/*
 * A proxy in front of a redis-server that breaks connections where it is told to: a process of its
 * own, steered through shared memory.
 */
#ifndef TESTS_CONTRACT_REDIS_PROXY_H
#define TESTS_CONTRACT_REDIS_PROXY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum redis_cut {
	CUT_REQUEST,      /* the request does not reach the server */
	CUT_HALF_REQUEST, /* its first half does */
	CUT_REPLY,        /* the server has done it, nobody hears of it */
	CUT_HALF_REPLY,   /* the first half of the reply arrives */
	STALL_REPLY,      /* the reply never comes, the connection stays */
	CUTS,
};

struct redis_proxy {
	char socket[96];
	pid_t pid;
	struct {
		atomic_int at;    /* which request from now on is hit, 1 is the next; 0: none */
		atomic_int kind;  /* enum redis_cut */
		atomic_bool hit;  /* it has happened */
		atomic_int every; /* every so many requests one is hit, by chance; 0: none */
	} * control;
};

void redis_proxy_start(struct redis_proxy *p, const char *dir, const char *server_socket);
void redis_proxy_stop(struct redis_proxy *p);

#endif
