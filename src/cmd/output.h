/* What commands that print share. */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "conf/settings.h"

struct json_t;
struct pool_cancelled;

/* Prints a JSON document, which is used up, on standard output. */
int print_json(struct json_t *document, struct err *e);

/* Prints a text on standard output. */
int print_text(const char *text, struct err *e);

/* Prints a line for each request that was cancelled. */
void print_cancelled(const struct pool_cancelled *cancelled, size_t count);

/* True where colours are wanted on a stream: a terminal, and no NO_COLOR, TERM=dumb or --no-color.
 */
bool color_wanted(const struct settings *s, int fd);

/* Shows a notice (base/notice.h) on standard error where that is a terminal, and this process runs
   in its foreground; NULL takes it away. */
void terminal_notice(const char *text);

#endif
