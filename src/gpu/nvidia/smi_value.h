/* The lines and single values of nvidia-smi's tables, for smi_parse.c. Pure. */
#ifndef GPU_NVIDIA_SMI_VALUE_H
#define GPU_NVIDIA_SMI_VALUE_H

#include <stddef.h>

#include "base/nouns.h"

/* A copy to cut up, NUL-terminated. A NUL inside becomes '?', so that it hides no rows; escape
   sequences of terminals are left out. */
char *nvidia_smi_copy(const char *text, size_t length);

/* Cuts the next line that is not blank off *rest and trims it; NULL: there is none. */
char *nvidia_smi_next_line(char **rest);

/* The text without white space around, cut in place. */
char *nvidia_smi_trim(char *text);

/* A copy, NULL for what nvidia-smi prints instead of a value: [N/A], [Not Supported], ERR!,
 * nothing. */
char *nvidia_smi_text(const char *text);

/* Whether a text is one of those that nvidia-smi prints instead of a value. */
bool nvidia_smi_is_no_value(const char *text);

/*
 * A decimal number from zero up, times scale, rounded down; that unit may follow it ("" for none).
 * Anything else is unknown: [N/A], ERR!, -1, nan, "12 potatoes", more than fits.
 */
struct quantity nvidia_smi_number(const char *text, int64_t scale, const char *unit);

#endif
