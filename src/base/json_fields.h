/*
 * A struct as a JSON object and back, by one table of its members, for what processes of this
 * program tell each other: the orders of a supervisor, the configuration of a pool, the scan of the
 * GPUs. A new member of such a struct is a new row.
 *
 *     static const struct json_field point_fields[] = {
 *             FIELD("x", struct point, x),
 *             FIELD("label", struct point, label, .optional = true),
 *             FIELDS_END,
 *     };
 */
#ifndef BASE_JSON_FIELDS_H
#define BASE_JSON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nouns.h"

enum field_type {
	FIELD_IS_BOOL,
	FIELD_IS_INT,
	FIELD_IS_INT64,
	FIELD_IS_TEXT,
	FIELD_IS_ID,
	FIELD_IS_CLOCK,
	FIELD_IS_QUANTITY,
	FIELD_IS_INTS,
	FIELD_IS_STRUCT,
	FIELD_IS_POINTER,
	FIELD_IS_STRUCTS,
};

struct json_field {
	const char *name; /* in the document */
	enum field_type type;
	size_t offset;                   /* of the member in its struct, bytes */
	size_t count_offset;             /* lists: of the member that counts the elements */
	size_t size;                     /* pointers, lists of structs: of one struct, bytes */
	size_t max;                      /* lists: the most elements that are read; 0: any number */
	const struct json_field *fields; /* structs: their members */
	bool optional; /* a NULL pointer, an unknown quantity, a clock without a name or an empty
			  list is left out */
	bool exact;    /* a text that is not UTF-8 is an error; else its bad bytes are replaced */
};

/* The row of a member that is a value; its type follows from the member's. */
#define FIELD(name_, struct_, member, ...)                                         \
	{                                                                          \
		.name = (name_), .offset = offsetof(struct_, member),            \
		.type = _Generic(&((struct_ *)0)->member, bool *: FIELD_IS_BOOL, \
				 int *: FIELD_IS_INT,                            \
				 int64_t *: FIELD_IS_INT64,                      \
				 uint64_t *: FIELD_IS_INT64,                     \
				 char **: FIELD_IS_TEXT,                         \
				 char(*)[ID_SIZE]: FIELD_IS_ID,                  \
				 char(*)[CLOCK_NAME_SIZE]: FIELD_IS_CLOCK,       \
				 struct quantity *: FIELD_IS_QUANTITY),          \
		##__VA_ARGS__ \
	}

/* The row of a member `int *`, with the member that counts its elements. */
#define FIELD_INTS(name_, struct_, member, count, ...)                                 \
	{                                                                              \
		.name = (name_), .offset = offsetof(struct_, member),                \
		.type = _Generic(&((struct_ *)0)->member, int **: FIELD_IS_INTS),    \
		.count_offset = offsetof(struct_, count), .max = POOL_GPUS_MAX,      \
		##__VA_ARGS__ \
	}

/* The row of a member that is a struct with a table of its own. */
#define FIELD_STRUCT(name_, struct_, member, table)                                            \
	{                                                                                      \
		.name = (name_), .offset = offsetof(struct_, member), .type = FIELD_IS_STRUCT, \
		.fields = (table)                                                              \
	}

/* The row of a member that points to a struct, which the reader allocates. */
#define FIELD_POINTER(name_, struct_, member, table, ...)                                       \
	{                                                                                       \
		.name = (name_), .offset = offsetof(struct_, member), .type = FIELD_IS_POINTER, \
		.size = sizeof(*((struct_ *)0)->member), .fields = (table), ##__VA_ARGS__       \
	}

/* The row of a member that is an array of structs, with the member that counts its elements. */
#define FIELD_STRUCTS(name_, struct_, member, count, table, ...)                                   \
	{                                                                                          \
		.name = (name_), .offset = offsetof(struct_, member), .type = FIELD_IS_STRUCTS,    \
		.count_offset = offsetof(struct_, count), .size = sizeof(*((struct_ *)0)->member), \
		.fields = (table), ##__VA_ARGS__                                                   \
	}

/* The last row of each table. */
#define FIELDS_END           \
	{                    \
		.name = NULL \
	}

struct json_t;

/* The struct as an object, which the caller owns. NULL where a text that is `exact` is not UTF-8,
   or a value that is not optional is missing. */
struct json_t *json_fields_write(const struct json_field *fields, const void *from);

/*
 * Fills a zeroed struct; members of the object that no row names are ignored. -EPROTO where it is
 * no object, or one of its members is missing, of another type or out of range; the struct then
 * holds what was read before. The caller clears it in any case.
 */
int json_fields_read(const struct json_field *fields, const struct json_t *object, void *to);

/* A document, which is used up, as text that the caller frees; NULL for NULL. */
char *json_fields_text(struct json_t *document);

#endif
