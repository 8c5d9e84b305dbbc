/* Words for a shell on another host, whichever that is. */
#ifndef REMOTE_QUOTE_H
#define REMOTE_QUOTE_H

#include "base/str.h"

/*
 * Adds a command of these words, so that the login shell on the other side makes these words of
 * them, byte for byte: ssh hands over one text, and the shell may be sh, bash, dash, zsh, fish or
 * csh.
 */
void remote_quote(struct str *out, const char *const *words);

#endif
