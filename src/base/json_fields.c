/* Structs as JSON, by tables of their members; see json_fields.h. */
#include "base/json_fields.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* A list as its two members have it. */
struct list {
	char *elements;
	size_t count;
};

static struct list list_of(const struct json_field *f, const void *from)
{
	const char *base = from;

	return (struct list){.elements = *(char *const *)(base + f->offset),
			     .count = *(const size_t *)(base + f->count_offset)};
}

/* ---- writing ---- */

static bool is_missing(const struct json_field *f, const void *from)
{
	const char *member = (const char *)from + f->offset;

	switch (f->type) {
	case FIELD_IS_TEXT:
	case FIELD_IS_POINTER:
		return !*(char *const *)member;
	case FIELD_IS_QUANTITY:
		return !((const struct quantity *)member)->known;
	case FIELD_IS_CLOCK:
		return f->optional && !*member;
	case FIELD_IS_INTS:
	case FIELD_IS_STRUCTS:
		return f->optional && !list_of(f, from).count;
	case FIELD_IS_BOOL:
	case FIELD_IS_INT:
	case FIELD_IS_INT64:
	case FIELD_IS_ID:
	case FIELD_IS_STRUCT:
		break;
	}
	return false;
}

static json_t *write_text(const struct json_field *f, const char *text)
{
	AUTO_FREE char *valid = f->exact ? NULL : text_utf8(text);

	return json_string(f->exact ? text : valid);
}

/* NULL where one of the elements cannot be written. */
static json_t *write_list(const struct json_field *f, const void *from)
{
	struct list list = list_of(f, from);
	json_t *array = json_array();
	int r = 0;

	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = json_array_append_new(
			array, f->type == FIELD_IS_INTS
				       ? json_integer(((const int *)(const void *)list.elements)[i])
				       : json_fields_write(f->fields, list.elements + i * f->size));
	if (r == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *write_value(const struct json_field *f, const void *from)
{
	const void *member = (const char *)from + f->offset;

	switch (f->type) {
	case FIELD_IS_BOOL:
		return json_boolean(*(const bool *)member);
	case FIELD_IS_INT:
		return json_integer(*(const int *)member);
	case FIELD_IS_INT64:
		return json_integer(*(const int64_t *)member);
	case FIELD_IS_TEXT:
		return write_text(f, *(char *const *)member);
	case FIELD_IS_ID:
	case FIELD_IS_CLOCK:
		return json_string(member);
	case FIELD_IS_QUANTITY:
		return json_integer(((const struct quantity *)member)->value);
	case FIELD_IS_STRUCT:
		return json_fields_write(f->fields, member);
	case FIELD_IS_POINTER:
		return json_fields_write(f->fields, *(void *const *)member);
	case FIELD_IS_INTS:
	case FIELD_IS_STRUCTS:
		break;
	}
	return write_list(f, from);
}

json_t *json_fields_write(const struct json_field *fields, const void *from)
{
	json_t *object = json_object();

	for (const struct json_field *f = fields; f->name; f++) {
		bool missing = is_missing(f, from);

		if (missing && f->optional)
			continue;
		/* A value that is NULL is refused there, too. */
		if (missing || json_object_set_new(object, f->name, write_value(f, from)) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

char *json_fields_text(json_t *document)
{
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	return text;
}

/* ---- reading ---- */

static int read_int(const json_t *value, int *to)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < INT_MIN || number > INT_MAX)
		return -EPROTO;
	*to = (int)number;
	return 0;
}

static int read_id(const json_t *value, char *to)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != ID_SIZE - 1)
		return -EPROTO;
	memcpy(to, text, ID_SIZE);
	return 0;
}

static int read_clock(const json_t *value, char *to)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= CLOCK_NAME_SIZE)
		return -EPROTO;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

static int read_list(const struct json_field *f, const json_t *array, void *to)
{
	size_t count = json_array_size(array);
	size_t size = f->type == FIELD_IS_INTS ? sizeof(int) : f->size;
	char *elements, *base = to;
	int r = 0;

	/* An empty one that is optional would have been left out. */
	if (!json_is_array(array) || (f->max && count > f->max) || (f->optional && !count))
		return -EPROTO;
	elements = mem_alloc(count, size);
	*(char **)(base + f->offset) = elements;
	*(size_t *)(base + f->count_offset) = count;
	for (size_t i = 0; r == 0 && i < count; i++) {
		const json_t *value = json_array_get(array, i);

		r = f->type == FIELD_IS_INTS
			    ? read_int(value, (int *)(void *)(elements + i * size))
			    : json_fields_read(f->fields, value, elements + i * size);
	}
	return r;
}

static int read_value(const struct json_field *f, const json_t *value, void *to)
{
	void *member = (char *)to + f->offset;

	switch (f->type) {
	case FIELD_IS_BOOL:
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value) ? 0 : -EPROTO;
	case FIELD_IS_INT:
		return read_int(value, member);
	case FIELD_IS_INT64:
		*(int64_t *)member = json_integer_value(value);
		return json_is_integer(value) ? 0 : -EPROTO;
	case FIELD_IS_TEXT:
		*(char **)member = mem_strdup(json_string_value(value));
		return json_is_string(value) ? 0 : -EPROTO;
	case FIELD_IS_ID:
		return read_id(value, member);
	case FIELD_IS_CLOCK:
		return read_clock(value, member);
	case FIELD_IS_QUANTITY:
		*(struct quantity *)member = quantity_of(json_integer_value(value));
		return json_is_integer(value) ? 0 : -EPROTO;
	case FIELD_IS_STRUCT:
		return json_fields_read(f->fields, value, member);
	case FIELD_IS_POINTER:
		*(void **)member = mem_alloc(1, f->size);
		return json_fields_read(f->fields, value, *(void **)member);
	case FIELD_IS_INTS:
	case FIELD_IS_STRUCTS:
		break;
	}
	return read_list(f, value, to);
}

int json_fields_read(const struct json_field *fields, const json_t *object, void *to)
{
	int r = json_is_object(object) ? 0 : -EPROTO;

	for (const struct json_field *f = fields; r == 0 && f->name; f++) {
		const json_t *value = json_object_get(object, f->name);

		if (value)
			r = read_value(f, value, to);
		else if (!f->optional)
			r = -EPROTO;
	}
	return r;
}
