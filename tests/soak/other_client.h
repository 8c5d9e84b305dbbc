/*
 * Another program on the same pool, with the habits that docs/redis.md describes: it takes the
 * lock, reads, pauses, writes, and deletes the lock; or works by a script; its heartbeat is a read
 * and a write without the lock. For the soak test.
 */
#ifndef TESTS_SOAK_OTHER_CLIENT_H
#define TESTS_SOAK_OTHER_CLIENT_H

#include <hiredis/hiredis.h>

struct other_client {
	redisContext *redis;
	char name[32]; /* user and account */
	int gpus;      /* of the pool */
};

/* Connects; ends the program where that fails. */
void other_open(struct other_client *o, const char *socket, const char *name, int gpus);
void other_close(struct other_client *o);

/* Takes one free GPU and returns its id, or -1 if there was none (or the lock was not to be had).
 */
int other_take_locked(struct other_client *o);
int other_take_by_script(struct other_client *o);

/* Renews and releases what it has taken. */
void other_heartbeat(struct other_client *o, int gpu);
void other_release(struct other_client *o, int gpu);

#endif
