/* The texts that people get: pure. */
#ifndef TELL_TEXT_H
#define TELL_TEXT_H

#include "tell/choose.h"

/*
 * What is written to a terminal, as write(1) does: a bell, from where and when, and each note that
 * is told there on lines of its own. Nothing of other people's text acts on the terminal. `time` is
 * "15:04". The caller frees it.
 */
char *tell_text_terminal(const struct tell_notes *notes, const struct tell_choice *choice,
			 const char *host, const char *time);

/*
 * The mail, headers and body, for `sendmail -i -t`. The address must have passed
 * tell_address_is_good. The caller frees it.
 */
char *tell_text_mail(const struct tell_notes *notes, const struct tell_choice *choice,
		     const char *host, const char *address);

/* Whether that is one address and nothing else: "alice", "alice@example.org". */
bool tell_address_is_good(const char *address);

#endif
