/* Telling one account its news, by whatever channels it has chosen. */
#ifndef TELL_DELIVER_H
#define TELL_DELIVER_H

#include "tell/hooks.h"
#include "tell/note.h"

/*
 * Tells the account of that uid what is new. Everything that is the account's own (its notify.yaml,
 * its terminals, sendmail for it, its command) happens in processes that have become that account,
 * with time limits. In a process of its own (tell_program_adopt), which may take a minute.
 */
void tell_deliver(const struct tell_options *options, uid_t uid, const struct tell_notes *notes);

/* Why the caller's account would be told nothing by that channel ("": by those that its notify.yaml
   names), and what to do about it; NULL: it would. The caller frees it. */
char *tell_channel_problem(const struct tell_options *options, const char *channel);

/* For `canhazgpu doctor`: whether the caller's notify.yaml can be read, and what it says. */
void tell_prefs_examine(const struct tell_options *options, struct findings *f);

#endif
