/* Arguments that are no options: what they stand for, and what a misplaced one was probably meant
 * to be. */
#ifndef CMD_WORDS_H
#define CMD_WORDS_H

#include "cmd/command.h"
#include "conf/args.h"

/*
 * Takes the arguments as the value of the command's word_option ("release 2"), several as a list,
 * and checks the number of those of a command that has none. A usage error where there are too many
 * or too few, or where the option is given as well.
 */
int words_take(const struct command *command, struct settings *s, struct args_result *args,
	       struct err *e);

/* The first option of the table that such a word is a good value of: "--duration 2h". NULL: none
   is. Texts and paths do not count, for which any word is good. The caller frees it. */
char *words_option(const struct option_spec *table, const char *word);

/* The option on the command line that could have a value, and was given none; NULL: there is none.
 */
const char *words_valueless(const struct command *command, const struct settings *s);

/*
 * Why the first of these words, which `run` has found to be no program, is none: "leave out the
 * quotes", and the like. `valueless` is the option that could have a value and was given none,
 * "wait"; NULL: there is none. NULL where nothing can be said; the caller frees it.
 */
char *words_run_hint(const struct option_spec *table, const char *valueless, char *const *words);

#endif
