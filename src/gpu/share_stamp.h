/*
 * What is known of a scan that another process has taken, and whether it may be used. Pure: the
 * rule is a function of the two, and tests/unit/test_gpu_share.c has a table of cases.
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

/* A stamp with the scan behind it, as gpu/wire.h writes it. The caller frees the text. */
char *share_stamp_write(const struct share_stamp *s, const char *scan);

/* The stamp, and where the scan begins in the text. -EBADMSG: it is no such text. The caller clears
 *ret_stamp. */
int share_stamp_read(const char *text, struct share_stamp *ret_stamp, const char **ret_scan);

#endif
