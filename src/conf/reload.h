/*
 * Settings while a command goes on, for hours perhaps: they are read again when one of their files
 * has changed. A version with a mistake does not count: the last good one stays in effect.
 *
 *     r = reload_read(reload, clock_monotonic_ns(), &fresh, &e);
 *     if (r > 0)
 *             r = ... take over fresh, or leave all as it was and fail ...
 *     if (r != 0 || fresh)
 *             line = reload_settle(reload, r, &e);
 */
#ifndef CONF_RELOAD_H
#define CONF_RELOAD_H

#include "conf/settings.h"

/* A file that has gone, or is empty, may be in the middle of being replaced. So long the settings
   from it, the host's limits above all, stay in effect. */
#define RELOAD_LOST_LIMIT_NS (5 * NS_PER_SECOND)

struct reload;

/* Borrows s, the settings of the start. */
struct reload *reload_new(const struct settings *s);
struct reload *reload_free(struct reload *r); /* NULL is harmless; returns NULL */
void reload_freep(struct reload **r);         /* for AUTO(reload_freep) */

/*
 * Whether there are other settings than those in effect; where no file has changed, that costs some
 * calls of stat. 0: there are none. 1: *ret_fresh, which lives until reload_settle, is to be
 * tried. Negative: there are, but with a mistake. After anything but 0 call reload_settle.
 */
int reload_read(struct reload *r, int64_t now_ns, const struct settings **ret_fresh, struct err *e);

/*
 * The end of that: result 0 puts the fresh settings into effect, a negative one, with the error in
 * e, leaves those that are. Returns a line for the user where there is news, which the caller
 * frees: once per version with a mistake, and once when there is none any more. Else NULL.
 */
char *reload_settle(struct reload *r, int result, const struct err *e);

/* ---- the decisions, pure ---- */

struct reload_state {
	int64_t lost_ns; /* monotonic: a file has been missing since; 0: none is */
	bool broken;     /* the user was told of a mistake */
};

/* Whether what the files say now is to be believed. lost: one that was used is missing or empty. */
bool reload_believes(struct reload_state *s, bool lost, int64_t now_ns);

enum reload_news { RELOAD_NOTHING, RELOAD_BROKEN, RELOAD_MENDED };

/* What the user is told. is_new: not the version that was told of last. */
enum reload_news reload_conclude(struct reload_state *s, bool good, bool is_new);

#endif
