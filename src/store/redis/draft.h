/*
 * A commit in the making: the slots as its changes have left them, and the words of the script that
 * carries it out. Private to commit.c.
 */
#ifndef STORE_REDIS_DRAFT_H
#define STORE_REDIS_DRAFT_H

#include "store/redis/redis.h"

struct redis_draft_slot {
	const struct reservation *reservation; /* NULL: free */
	int64_t last_released_ns;
	struct time_base released_base;
	int64_t lapsed_ns;
	struct activity activity;         /* of the reservation */
	bool compared;                    /* must be as seen */
	bool touched;                     /* is written; compared, too */
	const struct change_drain *drain; /* in or out of service; NULL: neither */
};

/* A queue entry that a change puts or drops. */
struct redis_draft_entry {
	const struct queue_entry *entry;
	bool put;
};

struct redis_draft {
	const struct pool_state *seen;
	char mark[17]; /* in every value that is written: 16 hexadecimal digits, by chance */
	struct redis_draft_slot *slots; /* as many as seen, or as the pool has then, if more */
	struct redis_draft_entry *entries;
	size_t entries_count;
	const struct change_mark **marks;
	size_t marks_count;
	const struct change_activity **activities;
	size_t activities_count;
	const struct event **events;
	size_t events_count;
	struct usage_record *records; /* their texts are borrowed */
	size_t records_count;
	struct pool_state after; /* its ignored processes alone, as the changes leave them */
	bool ignores;            /* they are written; compared, too, unless the pool is new */
	bool quiet;              /* nobody is woken */
	int64_t lapsed_ns;       /* the time of this commit, if it names that; else TIME_NONE */
	const struct change_init *init;   /* NULL: the pool stays */
	const struct change_units *units; /* NULL: its numbers mean the same as before */
	redisReply *queue;                /* with init: the ids that are in the queue, or NULL */
	const struct machine *host;       /* to be recorded; NULL: stays, or nobody's if made */
	const struct change_topology *topology; /* NULL: that of the pool, if it stays */

	const char **words; /* for redis_run_script, which fills the first two */
	size_t count;
	char **owned; /* what words point to and only this frees */
	size_t owned_count, owned_capacity;
};

void redis_draft_init(struct redis_draft *d, const struct pool_state *seen);
void redis_draft_clear(struct redis_draft *d);

/* Makes all slots those of the new pool that the change describes. */
void redis_draft_make(struct redis_draft *d, const struct change_init *init);

/* Makes the numbers mean what the change says, and adds slots. */
void redis_draft_set_units(struct redis_draft *d, const struct change_units *units);

/* Adds the usage record of the end of a reservation on one GPU. */
void redis_draft_record(struct redis_draft *d, const struct reservation *v,
			const struct change_end *c, int gpu);

/* Adds a queue entry that is put or dropped. */
int redis_draft_entry(struct redis_draft *d, const struct queue_entry *w, bool put, struct err *e);

/* Lists a process that is ignored, or removes it. */
void redis_draft_ignore(struct redis_draft *d, const struct change_ignore *c);

/* Adds what is stored beside the slots and entries. */
void redis_draft_mark(struct redis_draft *d, const struct change_mark *c);
void redis_draft_activity(struct redis_draft *d, const struct change_activity *c);
void redis_draft_event(struct redis_draft *d, const struct event *event);

/* True if an entry of that id is dropped or put. */
bool redis_draft_has(const struct redis_draft *d, const char *id);

/* Makes the words of the script. */
void redis_draft_finish(struct redis_draft *d);

#endif
