/* What `run` and `adopt` tell the supervisor that they start: everything, since it reads no options
 * and no configuration itself. */
#ifndef SUPERVISE_ORDERS_H
#define SUPERVISE_ORDERS_H

#include "base/err.h"
#include "base/nouns.h"
#include "pool/pool.h"

/* How long a reservation goes on after its command has ended (`run --until`). */
enum orders_until {
	UNTIL_COMMAND, /* not at all */
	UNTIL_GPUS,    /* while processes of the run live for linger_ns, and then while any uses the
			  GPUs */
	UNTIL_TREE,    /* while any process of the run lives */
};

struct orders {
	struct reservation *reservation; /* as granted; its holder names the command */
	int64_t timeout_ns;              /* 0: none */
	int64_t grace_ns;                /* between the stop signal and SIGKILL */
	int stop_signal;
	int64_t warn_before_ns; /* the command gets warn_signal so long before the time limit ... */
	int warn_signal;        /* ... if that is not 0 */
	char *cgroup;           /* of the run's own (host/cgroup.h); NULL: none */
	int until;              /* enum orders_until */
	int64_t linger_ns;
	int64_t heartbeat_ns; /* how often to renew */
	/* The container that the command starts; NULL: none. */
	char *cid_file;       /* where its engine writes its id */
	char *cid_directory;  /* made for that file, and removed with it; NULL: the file is the
				 user's */
	char *container_kill; /* see engine_kill_words */
	bool kill_on_lost;    /* stop the command when the reservation is gone */
	/* The GPUs are reserved by hand: `reservation` is not in the pool, and lasts until the
	   first of these reservations ends. */
	bool within;
	/* The processes of `adopt`, the command first: when it ends, the next living one takes its
	   place. NULL: the command was started for the reservation. */
	struct process_ref *adopted;
	size_t adopted_count;
	/* Its account wants to be told of the end, and before the time limit (`run --notify`), by
	   this channel, "" for the usual ones; NULL: no. */
	char *notify;
	char *notify_what;  /* the command, for people */
	bool notify_waited; /* the request has waited: tell of the start, too */
	char *sendmail;     /* tell.sendmail; NULL: the usual one */
	struct pool_config pool;
};

/* As one JSON document; the caller frees it. */
char *orders_write(const struct orders *o);

/* The caller clears *ret_orders. The reservation belongs to the account that reads them; only root
   can hold one for another account. */
int orders_read(const char *text, struct orders *ret_orders, struct err *e);

void orders_clear(struct orders *o);

#endif
