/* What of the news an account is told, and how: pure. */
#ifndef TELL_CHOOSE_H
#define TELL_CHOOSE_H

#include <limits.h>

#include "tell/note.h"

/* The same about the same is not told again within this time. */
#define TELL_REPEAT_NS (600 * INT64_C(1000000000))
/* So far back what was told counts, and no account is told more than this in it. */
#define TELL_PERIOD_NS (3600 * INT64_C(1000000000))
#define TELL_MOST 20

#define TELL_ADDRESS_SIZE 256

/* What ~/.config/canhazgpu/notify.yaml says. */
struct tell_prefs {
	unsigned channels;            /* enum tell_channel */
	bool defaults;                /* the kinds that are told by default ... */
	uint64_t kinds;               /* ... and these, bits by enum event_kind */
	int quiet_from_minute;        /* of the day: no terminal from then ... */
	int quiet_until_minute;       /* ... until then; both the same: no such time */
	char mail[TELL_ADDRESS_SIZE]; /* "": the account itself */
	char command[PATH_MAX];       /* "": none */
};

#define TELL_PREFS_DEFAULT ((struct tell_prefs){.channels = TELL_TERMINAL, .defaults = true})

/* The answer: what is told by each channel. */
struct tell_choice {
	unsigned *channels; /* of each note that is new (from notes->told on); 0: not told */
	size_t held;        /* so many were too many */
};

/*
 * Decides for the notes that are new. minute_of_day is that of the account's wall clock. What was
 * told before is found by applying the same rules to the older notes.
 */
void tell_choose(const struct tell_notes *notes, const struct tell_prefs *prefs, int minute_of_day,
		 struct tell_choice *ret_choice);
void tell_choice_clear(struct tell_choice *c);

/* Whether anything is told by one of these channels. */
bool tell_choice_has(const struct tell_notes *notes, const struct tell_choice *c,
		     unsigned channels);

#endif
