/* Reads the text of the command INFO: lines "name:value". Used by examine.c, script.c and the
 * tests. */
#ifndef STORE_REDIS_INFO_H
#define STORE_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>

/* The value of a field, cut to size - 1 bytes; "" where there is no such field. */
void redis_info_field(const char *text, const char *name, char *value, size_t size);

/* Whether the field has exactly that value. */
bool redis_info_is(const char *text, const char *name, const char *value);

/* What kind of server it is, with its version: "Redis 7.0.15"; others tell Redis's version as well.
 */
void redis_info_product(const char *text, char *name, size_t size);

#endif
