/* Option tables as help text. Called by the commands that print help. */
#ifndef CONF_HELP_H
#define CONF_HELP_H

#include <stddef.h>

#include "base/str.h"
#include "conf/option.h"

/* Columns of a help text; narrower or wider terminals do not change it. */
#define HELP_WIDTH 80

/*
 * One line per option that can be given on the command line, continued where it is too long: " -j,
 * --json Output status as JSON array instead of table format". Default and choices are appended to
 * the row's text, unless it has them itself.
 */
void help_options(struct str *out, const struct option_spec *table);

/* The same, wrapped at `width` columns. */
void help_options_wrapped(struct str *out, const struct option_spec *table, size_t width);

#endif
