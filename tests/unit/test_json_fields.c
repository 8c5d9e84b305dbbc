/* Structs as JSON by tables of their members: what is written is read again, and nothing else is
 * taken. */
#include "test.h"

#include <errno.h>
#include <jansson.h>

#include "base/json_fields.h"
#include "base/mem.h"

struct point {
	int x;
	char *label;
};

static const struct json_field point_fields[] = {
	FIELD("x", struct point, x),
	FIELD("label", struct point, label, .optional = true),
	FIELDS_END,
};

struct everything {
	bool flag;
	int number;
	int64_t large;
	uint64_t ticks;
	char *text, *path;
	char id[ID_SIZE];
	struct quantity known, unknown;
	int *ids, *none;
	size_t ids_count, none_count;
	struct point inside, *behind;
	struct point *list;
	size_t list_count;
};

static const struct json_field everything_fields[] = {
	FIELD("flag", struct everything, flag),
	FIELD("number", struct everything, number),
	FIELD("large", struct everything, large),
	FIELD("ticks", struct everything, ticks),
	FIELD("text", struct everything, text),
	FIELD("path", struct everything, path, .optional = true, .exact = true),
	FIELD("id", struct everything, id),
	FIELD("known", struct everything, known, .optional = true),
	FIELD("unknown", struct everything, unknown, .optional = true),
	FIELD_INTS("ids", struct everything, ids, ids_count),
	FIELD_INTS("none", struct everything, none, none_count, .optional = true),
	FIELD_STRUCT("inside", struct everything, inside, point_fields),
	FIELD_POINTER("behind", struct everything, behind, point_fields, .optional = true),
	FIELD_STRUCTS("list", struct everything, list, list_count, point_fields, .max = 2),
	FIELDS_END,
};

static void everything_clear(struct everything *x)
{
	for (size_t i = 0; i < x->list_count; i++)
		free(x->list[i].label);
	if (x->behind)
		free(x->behind->label);
	free(x->inside.label);
	free(x->text);
	free(x->path);
	free(x->ids);
	free(x->none);
	free(x->behind);
	free(x->list);
}

static int read_text(const char *text, struct everything *ret_value)
{
	json_t *document = json_loads(text, 0, NULL);
	int r = json_fields_read(everything_fields, document, ret_value);

	json_decref(document);
	return r;
}

static void test_round_trip(void **state)
{
	int ids[] = {3, -1};
	struct point list[] = {{.x = 5}, {.x = 6, .label = (char *)"six"}};
	struct point behind = {.x = 4};
	const struct everything in = {
		.flag = true,
		.number = INT32_MIN,
		.large = INT64_MIN,
		.ticks = UINT64_MAX,
		.text = (char *)"bad \xff byte",
		.path = (char *)"/p",
		.id = "01234567-89ab-cdef-0123-456789abcdef",
		.known = quantity_of(0),
		.ids = ids,
		.ids_count = 2,
		.inside = {.x = 1, .label = (char *)"in"},
		.behind = &behind,
		.list = list,
		.list_count = 2,
	};
	AUTO_FREE char *text = json_fields_text(json_fields_write(everything_fields, &in));
	AUTO(everything_clear) struct everything out = {0};

	(void)state;
	assert_non_null(text);
	assert_null(strstr(text, "none"));
	assert_int_equal(read_text(text, &out), 0);
	assert_true(out.flag);
	assert_int_equal(out.number, INT32_MIN);
	assert_true(out.large == INT64_MIN && out.ticks == UINT64_MAX);
	assert_string_equal(out.text, "bad \xef\xbf\xbd byte");
	assert_string_equal(out.path, "/p");
	assert_string_equal(out.id, in.id);
	assert_true(out.known.known && out.known.value == 0 && !out.unknown.known);
	assert_int_equal(out.ids_count, 2);
	assert_int_equal(out.ids[1], -1);
	assert_null(out.none);
	assert_string_equal(out.inside.label, "in");
	assert_int_equal(out.behind->x, 4);
	assert_int_equal(out.list_count, 2);
	assert_string_equal(out.list[1].label, "six");
}

static void test_write_refused(void **state)
{
	struct everything x = {.text = (char *)"", .path = (char *)"bad \xff byte"};

	(void)state;
	assert_null(json_fields_write(everything_fields, &x));
	x.path = x.text = NULL;
	assert_null(json_fields_write(everything_fields, &x));
	assert_null(json_fields_text(NULL));
}

/* A document that is right, and for each case one member of it that is not; NULL: it is not there.
 */
static void test_read_refused(void **state)
{
	static const char right[] =
		"{\"flag\": true, \"number\": 1, \"large\": 2, \"ticks\": 3, \"text\": \"\", "
		"\"id\": \"01234567-89ab-cdef-0123-456789abcdef\", \"ids\": [], "
		"\"inside\": {\"x\": 1}, \"list\": []}";
	static const struct {
		const char *member, *value;
	} cases[] = {
		{"flag", NULL},
		{"flag", "1"},
		{"number", NULL},
		{"number", "1.0"},
		{"number", "2147483648"},
		{"number", "-2147483649"},
		{"large", "\"2\""},
		{"ticks", "null"},
		{"text", NULL},
		{"text", "null"},
		{"path", "null"},
		{"id", "\"0123\""},
		{"id", "4"},
		{"known", "\"4\""},
		{"ids", NULL},
		{"ids", "{}"},
		{"ids", "[1, \"2\"]"},
		{"none", "[]"},
		{"inside", "[]"},
		{"inside", "{}"},
		{"behind", "null"},
		{"behind", "{\"label\": \"\"}"},
		{"list", "[{\"x\": 1}, {}]"},
		{"list", "[{\"x\": 1}, {\"x\": 1}, {\"x\": 1}]"},
	};
	AUTO(everything_clear) struct everything good = {0};

	(void)state;
	assert_int_equal(read_text(right, &good), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(everything_clear) struct everything out = {0};
		json_t *document = json_loads(right, 0, NULL);

		if (cases[i].value)
			json_object_set_new(document, cases[i].member,
					    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(document, cases[i].member);
		if (json_fields_read(everything_fields, document, &out) != -EPROTO)
			fail_msg("%s %s was taken", cases[i].member,
				 cases[i].value ? cases[i].value : "missing");
		json_decref(document);
	}
	assert_int_equal(json_fields_read(everything_fields, NULL, &good), -EPROTO);
}

static void test_unknown_ignored(void **state)
{
	struct point out = {0};
	json_t *document = json_pack("{s:i, s:n}", "x", 7, "y");

	(void)state;
	assert_int_equal(json_fields_read(point_fields, document, &out), 0);
	assert_int_equal(out.x, 7);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_write_refused),
		cmocka_unit_test(test_read_refused),
		cmocka_unit_test(test_unknown_ignored),
	};

	return cmocka_run_group_tests_name("json_fields", tests, NULL, NULL);
}
