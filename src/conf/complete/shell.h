/* What the three writers of completion scripts share. */
#ifndef CONF_COMPLETE_SHELL_H
#define CONF_COMPLETE_SHELL_H

#include "conf/complete/complete.h"

/*
 * The i-th option that may follow a command (NULL: precede one): its own, the global ones that it
 * does not have itself, --help, --version. NULL after the last.
 */
const struct option_spec *complete_option(const struct complete_input *input,
					  const struct complete_command *command, size_t i);

/* True if a value follows as a word of its own. */
bool complete_takes_word(const struct option_spec *spec);

/* Adds text with every "|" replaced by a space: choices as words. */
void complete_add_words(struct str *out, const char *choices);

void complete_bash(const struct complete_input *input, struct str *out);
void complete_zsh(const struct complete_input *input, struct str *out);
void complete_fish(const struct complete_input *input, struct str *out);

#endif
