/*
 * What is known of a scan that another process has taken or takes, and whether it may be used, or
 * is waited for. Pure: tests/unit/test_gpu_share_rule.c has tables of cases.
 */
#ifndef GPU_SHARE_STAMP_H
#define GPU_SHARE_STAMP_H

#include "base/err.h"
#include "base/nouns.h"

/* A scan, by when and by whom it was taken. */
struct share_stamp {
	char *boot_id; /* of the kernel that ran then */
	char *scope;   /* what decides what a scan shows: see share.c */
	int64_t uid;   /* of the account that took it */
	bool complete; /* it shows all of every GPU, and nothing of the account has any part in it
			*/
	int64_t gpus_count; /* 0 for a failure */
	int64_t begin_ns;   /* time since boot */
	int64_t end_ns;     /* the same */
	int64_t begin_wall_ns;
};

void share_stamp_clear(struct share_stamp *s);

/* Who asks, and what for. */
struct share_question {
	const char *boot_id, *scope;
	int64_t uid;
	int64_t gpus_count; /* how many the pool has, but for retired ones; 0: unknown */
	int64_t asked_ns;   /* time since boot, as the next one */
	int64_t now_ns;
	int64_t now_wall_ns;
	int64_t since_wall_ns; /* what began before that shows too little: the last commit */
	bool fresh;            /* so does what began before the question */
};

/*
 * Whether the scan answers the question: it is of this boot and scope, began late enough, and was
 * still running when it was asked, or has ended less than a second ago. One that is not complete
 * answers only the account that took it.
 */
bool share_stamp_answers(const struct share_stamp *s, const struct share_question *q);

/* Whether a scan is kept though that one is there: it is not one that began later. */
bool share_stamp_replaces(const struct share_stamp *s, const struct share_stamp *there);

/*
 * Whether the right to open a device of that name, in /dev or /dev/nvidia-caps, decides what a scan
 * shows. Those that programs use for their work (nvidia-uvm, nvidia-modeset) do not.
 */
bool share_stamp_counts_device(const char *name);

/* A process that scans, as it says itself in the file of the lock. */
struct share_holder {
	int64_t uid;
	int64_t begin_ns; /* monotonic, as the next one */
	int64_t beat_ns;  /* when it was last certain that it runs */
};

#define SHARE_HOLDER_SIZE 72 /* of the text, with its end */

void share_holder_write(const struct share_holder *h, char text[SHARE_HOLDER_SIZE]);

/* False: the text is none. */
bool share_holder_read(const char *text, struct share_holder *ret_holder);

/* A process that waits for the scan of another one. */
struct share_joiner {
	int64_t uid;
	int64_t limit_ns; /* for all of its waiting and scanning */
	int64_t late_uid; /* whom it has given up on; -1: nobody */
};

/*
 * Whether the holder is not waited for any longer: its scan takes more than half of one's own
 * limit, so that the other half is left for a scan of one's own; and an account for which one has
 * waited in vain gets no second chance. A user can freeze the process that asks the driver while
 * the one that speaks for it runs. Those of one's own account are waited for until the limit.
 */
bool share_holder_is_late(const struct share_holder *h, const struct share_joiner *j,
			  int64_t now_ns);

/* A stamp with the scan behind it, as gpu/wire.h writes it. The caller frees the text. */
char *share_stamp_write(const struct share_stamp *s, const char *scan);

/* The stamp, and where the scan begins in the text. -EBADMSG: it is no such text. The caller clears
 *ret_stamp. */
int share_stamp_read(const char *text, struct share_stamp *ret_stamp, const char **ret_scan);

#endif
