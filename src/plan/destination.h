/* Which of several hosts a request goes to: `run --host any`. */
#ifndef PLAN_DESTINATION_H
#define PLAN_DESTINATION_H

#include "plan/request.h"

/* One GPU of a host, as that host has described it. */
struct destination_gpu {
	const char *model;         /* NULL: unknown */
	struct quantity memory_mb; /* in all */
	bool idle;                 /* would be handed out */
	int64_t free_ns;           /* of one that is not: when it may be; TIME_NONE: unknown */
};

/* A host that has answered. */
struct destination {
	const struct destination_gpu *gpus; /* those in service */
	size_t count;
	size_t waiting; /* so many GPUs are waited for, and not collected yet */
};

enum destination_when {
	DESTINATION_NOW,   /* it has enough for the request, beyond what others wait for */
	DESTINATION_LATER, /* it would wait */
	DESTINATION_NEVER, /* it has not so many GPUs of the kind */
};

/* What a host means for the request. */
struct destination_choice {
	size_t host; /* which of them */
	enum destination_when when;
	bool unsure;      /* it does not say of all its GPUs of which kind they are */
	size_t idle;      /* so many that fit are free for it */
	size_t fitting;   /* so many would fit */
	int64_t start_ns; /* when it may start; TIME_NONE: unknown, or never */
};

/*
 * Sorts the hosts, the best first: those that have what the request is for now, the one with the
 * most fitting free GPUs first; then those where it would wait, the shortest estimated wait first
 * (of those that differ by half a minute, the shorter queue); then the others. Equals stay in their
 * order, beginning with number `first`: so many requests at one moment do not all go to one of
 * them. `ret` has room for all.
 */
void plan_destinations(const struct plan_request *request, int64_t now_ns,
		       const struct destination *hosts, size_t count, size_t first,
		       struct destination_choice *ret);

/* What has come of a search so far. */
struct destination_search {
	bool waits;      /* the request may queue */
	size_t looks;    /* so many times the hosts were asked */
	int64_t look_ns; /* how long that took last */
	bool hurried;    /* then, slow hosts were not waited for */
	bool lost;       /* then, hosts had enough, and had not when the GPUs were to be taken */
};

enum destination_step {
	DESTINATION_LOOK,   /* ask the hosts again, after a pause */
	DESTINATION_QUEUE,  /* wait on the best one */
	DESTINATION_REFUSE, /* none will do */
};

/*
 * What to do when no host has given its GPUs; `best` is the first of the choices (NULL: there are
 * no hosts). Who may queue looks again first, after a pause of a random length (`random` is from 0
 * up to 1): those who came at the same moment have the GPUs by then, or are in a queue, and not all
 * go to the one host that looked best to each of them. `*ret_pause_ns` is 0 where there is none.
 */
enum destination_step plan_destination_next(const struct destination_search *s,
					    const struct destination_choice *best, double random,
					    int64_t *ret_pause_ns);

#endif
