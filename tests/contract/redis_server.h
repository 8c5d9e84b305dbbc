/*
 * A redis-server of the tests' own: on a Unix socket, and on a free loopback port where that is
 * asked for. Nothing is written to disk unless it is told to. It ends with the test program.
 */
#ifndef TESTS_CONTRACT_REDIS_SERVER_H
#define TESTS_CONTRACT_REDIS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct redis_server {
	char dir[64]; /* its folder, removed when it stops */
	char socket[96];
	int port;                   /* 0: none */
	pid_t pid;                  /* 0: not running */
	const char *const *options; /* more words of its command line, NULL-terminated */
};

/* Makes the folder, starts the server and waits until it answers. Options stay borrowed. */
void redis_server_start(struct redis_server *s, bool with_port, const char *const *options);

/* Kills it (SIGKILL), or starts it once more in the same place. */
void redis_server_kill(struct redis_server *s);
void redis_server_again(struct redis_server *s);

/* Ends it and removes its folder. */
void redis_server_stop(struct redis_server *s);

/* The URL of one of its databases, by socket; the caller frees it. */
char *redis_server_url(const struct redis_server *s, int db);

/* What redis-cli makes of some words on a database: its output without the last newline. Static. */
const char *redis_server_cli(const struct redis_server *s, int db, const char *const *words);
#define REDIS_CLI(server, db, ...) \
	redis_server_cli((server), (db), (const char *const[]){__VA_ARGS__, NULL})

/* A loopback port that nobody listens on at the moment. */
int redis_server_free_port(void);

#endif
