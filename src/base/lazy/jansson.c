/* jansson, loaded when there is JSON to read or to write; see lazy.h. */
#include <jansson.h>

#include "base/lazy/forward.h"

#define LIBRARY LAZY_JANSSON

#define FUNCTIONS(X)                                                                             \
	X(json_t *, json_array, (void), ())                                                      \
	X(int, json_array_append_new, (json_t * array, json_t * value), (array, value))          \
	X(json_t *, json_array_get, (const json_t *array, size_t i), (array, i))                 \
	X(size_t, json_array_size, (const json_t *array), (array))                               \
	X(void, json_delete, (json_t * json), (json))                                            \
	X(int, json_dumpf, (const json_t *json, FILE *file, size_t flags), (json, file, flags))  \
	X(char *, json_dumps, (const json_t *json, size_t flags), (json, flags))                 \
	X(json_t *, json_false, (void), ())                                                      \
	X(json_t *, json_integer, (json_int_t value), (value))                                   \
	X(json_int_t, json_integer_value, (const json_t *json), (json))                          \
	X(json_t *, json_loadb, (const char *text, size_t size, size_t flags, json_error_t *e),  \
	  (text, size, flags, e))                                                                \
	X(json_t *, json_loadf, (FILE * file, size_t flags, json_error_t * e), (file, flags, e)) \
	X(json_t *, json_loads, (const char *text, size_t flags, json_error_t *e),               \
	  (text, flags, e))                                                                      \
	X(json_t *, json_null, (void), ())                                                       \
	X(double, json_number_value, (const json_t *json), (json))                               \
	X(json_t *, json_object, (void), ())                                                     \
	X(json_t *, json_object_get, (const json_t *object, const char *key), (object, key))     \
	X(void *, json_object_iter, (json_t * object), (object))                                 \
	X(const char *, json_object_iter_key, (void *iter), (iter))                              \
	X(void *, json_object_iter_next, (json_t * object, void *iter), (object, iter))          \
	X(json_t *, json_object_iter_value, (void *iter), (iter))                                \
	X(void *, json_object_key_to_iter, (const char *key), (key))                             \
	X(int, json_object_set_new, (json_t * object, const char *key, json_t *value),           \
	  (object, key, value))                                                                  \
	X(size_t, json_object_size, (const json_t *object), (object))                            \
	X(json_t *, json_real, (double value), (value))                                          \
	X(double, json_real_value, (const json_t *json), (json))                                 \
	X(json_t *, json_string, (const char *value), (value))                                   \
	X(const char *, json_string_value, (const json_t *json), (json))                         \
	X(json_t *, json_true, (void), ())                                                       \
	X(json_t *, json_vpack_ex,                                                               \
	  (json_error_t * e, size_t flags, const char *format, va_list values),                  \
	  (e, flags, format, values))                                                            \
	X(int, json_vunpack_ex,                                                                  \
	  (json_t * json, json_error_t * e, size_t flags, const char *format, va_list values),   \
	  (json, e, flags, format, values))

static struct {
	FUNCTIONS(LAZY_POINTER)
} functions;

struct lazy_library lazy_jansson = {
	.file = CANHAZGPU_LIBJANSSON,
	.package = "jansson",
	.names = FUNCTIONS(LAZY_NAME),
	.functions = &functions,
};

FUNCTIONS(LAZY_FORWARD)

json_t *json_pack(const char *format, ...)
{
	va_list values;
	json_t *json;

	va_start(values, format);
	json = json_vpack_ex(NULL, 0, format, values);
	va_end(values);
	return json;
}

int json_unpack(json_t *json, const char *format, ...)
{
	va_list values;
	int r;

	va_start(values, format);
	r = json_vunpack_ex(json, NULL, 0, format, values);
	va_end(values);
	return r;
}
