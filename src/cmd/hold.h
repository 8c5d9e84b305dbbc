/*
 * GPUs that are kept on another host for a run that is on its way there (`run --host any`): a
 * manual reservation for two minutes, which the run claims.
 */
#ifndef CMD_HOLD_H
#define CMD_HOLD_H

#include "cmd/command.h"
#include "remote/answer.h"
struct remote;
struct words;

enum hold_result {
	HOLD_TAKEN,   /* *ret_id is the reservation */
	HOLD_REFUSED, /* *ret_why, one line */
	HOLD_UNABLE,  /* the program there cannot do that: an older one, or another */
};

/*
 * Takes them; `wishes` are the options that say which. If this process, or what it becomes by exec,
 * ends before the run has claimed them, however it ends, they are given back: a small process of
 * its own, which outlives it, sees to that. It goes when the two minutes are over. The caller frees
 * the texts.
 */
enum hold_result hold_take(const struct invocation *in, const struct remote *host,
			   const struct words *wishes, char **ret_id, char **ret_why);

/* Whether a GPU is kept like that, as far as can be seen: a run is on its way to it. */
bool hold_has(const struct remote_gpu *gpu);

#endif
