/*
 * Another program on the same pool, with the habits that docs/redis.md describes: it takes the
 * lock, reads, pauses, writes, and deletes the lock; or works by a script; its heartbeat is a read
 * and a write without the lock. For the soak test.
 */
#ifndef TESTS_SOAK_OTHER_CLIENT_H
#define TESTS_SOAK_OTHER_CLIENT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct other_client {
	redisContext *redis;
	char name[32]; /* user and account */
	int gpus;      /* of the pool */
	bool careful;  /* in what it takes, see below */
};

/* Connects; ends the program where that fails. */
void other_open(struct other_client *o, const char *socket, const char *name, int gpus);
void other_close(struct other_client *o);

/* Takes one free GPU and returns its id, or -1 if there was none (or the lock was not to be had).
 */
int other_take_locked(struct other_client *o);
int other_take_by_script(struct other_client *o);

/*
 * Its careless habits: what it does without its lock, by what it has read a while ago. Where `o`
 * is careful it takes nothing that was freed a moment ago, so that its kind does not lose by that
 * what it has itself.
 *
 * other_cleanup ends what is past its expiry or silent, and what was collected for silent requests;
 * it returns how much that was. other_release_late is its release, of what may have ended by then.
 */
size_t other_cleanup(struct other_client *o);
void other_release_late(struct other_client *o, int gpu);

/* How what somebody holds on a GPU is left behind. */
enum leaving { LEFT_EXPIRED, LEFT_SILENT, LEFT_COLLECTED, LEAVINGS };

/* Makes it look so: expired, a run that was silent for long, or collected for a silent request. */
void other_leave(struct other_client *o, int gpu, enum leaving how);

/* Whether the state of the GPU has that text in it: its owner's name, or the id. */
bool other_sees(struct other_client *o, int gpu, const char *text);

/* Renews and releases what it has taken. */
void other_heartbeat(struct other_client *o, int gpu);
void other_release(struct other_client *o, int gpu);

#endif
