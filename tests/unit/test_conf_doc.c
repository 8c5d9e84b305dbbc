/* The readers of YAML, JSON and TOML: what each refuses and where, and what they make of values. */
#include "test.h"

#include <stdbool.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/doc/doc.h"

/* The tree on one line: i1 for the whole number 1, s"x", d1979-05-27, [..], {k: ..}. */
static void render(struct str *out, const struct doc_node *node)
{
	bool mapping = node->kind == DOC_MAPPING;

	if (node->kind != DOC_SEQUENCE && !mapping) {
		str_addf(out, "%c%s", "nbifds"[node->kind], node -> text ? node -> text : "");
		return;
	}
	str_add(out, mapping ? "{" : "[");
	for (size_t i = 0; i < node->count; i++) {
		str_add(out, i ? " " : "");
		if (mapping)
			str_addf(out, "%s:", node->children[i]->key);
		render(out, node->children[i]);
	}
	str_add(out, mapping ? "}" : "]");
}

/* What text gives: the rendered tree, or the error. The caller frees it. */
static char *outcome(enum doc_format format, const char *text, size_t length)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	struct str out = {0};
	struct err e = {0};

	if (doc_parse("f", format, text, length, &root, &e)) {
		assert_null(root);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
		str_add(&out, e.text);
	} else {
		render(&out, root);
	}
	return str_steal(&out);
}

struct doc_case {
	const char *text, *outcome;
};

static void check(enum doc_format format, const struct doc_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *got = outcome(format, cases[i].text, strlen(cases[i].text));

		if (strcmp(got, cases[i].outcome) != 0)
			fail_msg("%s\n  gives    %s\n  expected %s", cases[i].text, got,
				 cases[i].outcome);
	}
}

static void test_yaml_values(void **state)
{
	static const struct doc_case cases[] = {
		{"", "{}"},
		{"# nothing\n---\n...\n", "{}"},
		{"a: 1\nb: -0x\nc: 0x1F\nd: 0o17\ne: +5\n", "{a:i1 b:s-0x c:i31 d:i15 e:i5}"},
		{"a: 1.5\nb: .5\nc: 1.\nd: 1e3\ne: .inf\nf: -.INF\ng: .nan\nh: 1e\ni: .\n",
		 "{a:f1.5 b:f.5 c:f1. d:f1e3 e:f.inf f:f-.INF g:f.nan h:s1e i:s.}"},
		{"a: true\nb: FALSE\nc: yes\nd: off\ne: tRue\n",
		 "{a:btrue b:bfalse c:syes d:soff e:stRue}"},
		{"a: ~\nb: null\nc:\nd: ''\ne: \"null\"\n", "{a:n b:n c:n d:s e:snull}"},
		{"a: '1'\nb: \"true\"\nc: !!str 12\nd: ! 12\n", "{a:s1 b:strue c:s12 d:s12}"},
		{"a: 1:30\nb: 2001-01-01\nc: 1_000\n", "{a:s1:30 b:s2001-01-01 c:s1_000}"},
		{"a: |\n  x\n  y\nb: >\n  x\n  y\n", "{a:sx\ny\n b:sx y\n}"},
		{"a: [1, [x], {y: z}]\r\nb: {}\r\n", "{a:[i1 [sx] {y:sz}] b:{}}"},
		{"1: a\ntrue: b\n", "{1:sa true:sb}"},
		{"{\"a\":1,\"b\":[true]}", "{a:i1 b:[btrue]}"},
		{"\xef\xbb\xbf"
		 "a: \xc3\xa9\n",
		 "{a:s\xc3\xa9}"},
	};

	check(DOC_YAML, cases, ARRAY_SIZE(cases));
}

static void test_yaml_errors(void **state)
{
	static const struct doc_case cases[] = {
		{"a: 1\na: 2\n", "f:2:1: key 'a' appears twice (first on line 1)"},
		{"a: 1\n'a': 2\n", "f:2:1: key 'a' appears twice (first on line 1)"},
		{"a: &x [1]\nb: *x\n", "f:2:4: aliases are not supported"},
		{"a: &x 1\n*x : 2\n", "f:2:1: aliases are not supported"},
		{"a: &x [*x]\n", "f:1:8: aliases are not supported"},
		{"a: !!int 3\n", "f:1:4: tags are not supported"},
		{"a: !!set {x}\n", "f:1:4: tags are not supported"},
		{"a: !x [1]\n", "f:1:4: tags are not supported"},
		{"? [a]\n: 1\n", "f:1:3: a key must be a word"},
		{"? {a: b}\n: 1\n", "f:1:3: a key must be a word"},
		{"a: 1\n---\nb: 2\n", "f:2:1: a second document"},
		{"a: 010\n", "f:1:4: a number with leading zeros: leave them out, or quote it as "
			     "text"},
		{"a: 99999999999999999999\n", "f:1:4: the number is too large"},
		{"a: \"\\0\"\n", "f:1:4: a NUL character in text"},
		{"\"\\0\": 1\n", "f:1:1: a NUL character in a key"},
		{"a: [1\nb: 2\n",
		 "f:2:2: did not find expected ',' or ']' (while parsing a flow sequence from line 1)"},
		{"a:\n\t- 1\n", "f:2:1: a tab cannot indent a line of YAML: use spaces"},
		{"a:\r\n  b: 1\r\n \tc: 2\r\n",
		 "f:3:2: a tab cannot indent a line of YAML: use spaces"},
		{"a: 1\nb: @\tx\n",
		 "f:2:4: found character that cannot start any token (while scanning for the next token from line 2)"},
		{"a: 1\n b: 2\n", "f:2:3: mapping values are not allowed in this context"},
		{"a: 1\nb: \x01\n", "f:2:4: control characters are not allowed"},
		{"a: 1\nb: \xff\n", "f:2:4: byte 0xff is not valid UTF-8"},
		{"\xc3\xa9: \xc0\x80\n", "f:1:4: byte 0xc0 is not valid UTF-8"},
		{"\xff\xfe"
		 "a",
		 "f:1:1: the file is UTF-16, save it as UTF-8"},
		{"just text\n", "f:1:1: the document must be a mapping of keys to values"},
	};

	check(DOC_YAML, cases, ARRAY_SIZE(cases));
}

static void test_json(void **state)
{
	static const struct doc_case cases[] = {
		{"{}", "{}"},
		{" {\"a\" : [ ] , \"b\":{ } }\r\n", "{a:[] b:{}}"},
		{"{\"a\":[1,-2,-0,1.50,1e3,true,false,null]}",
		 "{a:[i1 i-2 i0 f1.50 f1e3 btrue bfalse n]}"},
		{"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83c\\udf89\"}",
		 "{a:s\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\x89}"},
		{"{\"a.b\":\"}]\\\\\",\"\":1}", "{a.b:s}]\\ :i1}"},
		{"\t{\"a\"\n:\t1,\"b\":\"\x7f\xc2\x85\xe2\x80\xa8\"}",
		 "{a:i1 b:s\x7f\xc2\x85\xe2\x80\xa8}"},
		{"", "f:1:1: '[' or '{' expected near end of file"},
		{"{\"a\":1,\n \"a\":2}", "f:2:4: duplicate object key near '\"a\"'"},
		{"{\"a\":01}", "f:1:6: invalid token near '0'"},
		{"{\"a\":NaN}", "f:1:8: invalid token near 'NaN'"},
		{"{\"a\":99999999999999999999}",
		 "f:1:25: too big integer near '99999999999999999999'"},
		{"{} x", "f:1:4: end of file expected near 'x'"},
		{"[1]", "f:1:1: the document must be an object: {...}"},
		{"{\"a\": // no\n1}", "f:1:7: invalid token near '/'"},
		{"{\"a\": \"\\u0000\"}",
		 "f:1:14: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'"},
		{"\xff", "f:1:1: byte 0xff is not valid UTF-8"},
	};

	check(DOC_JSON, cases, ARRAY_SIZE(cases));
}

/* toml_compare.py is about everything else that is valid. */
static void test_toml_values(void **state)
{
	static const struct doc_case cases[] = {
		{"", "{}"},
		{"a.b . \"c\" = 0x_", "f:1:13: '0x_' is not a value (text needs quotes)"},
		{"a = 1_000\nb = 0xDEAD_beef\nc = 0o17\nd = 0b101\ne = -0\nf = +1\n",
		 "{a:i1000 b:i3735928559 c:i15 d:i5 e:i0 f:i1}"},
		{"a = 1_0.5_0e+1_0\nb = inf\nc = -nan\n", "{a:f10.50e+10 b:finf c:f-nan}"},
		{"a = 1979-05-27T07:32:00.5-07:00\nb = 1979-05-27 07:32:00z\nc = 1979-05-27\n"
		 "d = 07:32:00",
		 "{a:d1979-05-27T07:32:00.5-07:00 b:d1979-05-27 07:32:00z c:d1979-05-27 d:d07:32:00}"},
		{"a = \"\"\"\r\nx\\\r\n   y\"\"\"\"\"\nb = '''\n'x''''\nc = '\\'\n",
		 "{a:sxy\"\" b:s'x' c:s\\}"},
		{"a = [1, # one\n [2],\n]\nb = {c.d = 1, c.e = {}}\n",
		 "{a:[i1 [i2]] b:{c:{d:i1 e:{}}}}"},
		{"[a.b]\nx = 1\n[a]\ny = 2\n[[c]]\n[[c]]\nz = 3\n[c.d]\n",
		 "{a:{b:{x:i1} y:i2} c:[{} {z:i3 d:{}}]}"},
		{"\"a.b\".c = 1\n", "{a.b:{c:i1}}"},
	};

	check(DOC_TOML, cases, ARRAY_SIZE(cases));
}

static void test_toml_errors(void **state)
{
	static const struct doc_case cases[] = {
		{"a = 1\na = 2\n", "f:2:1: key 'a' appears twice (first on line 1)"},
		{"[a]\n[a]\n", "f:2:2: 'a' is already defined (line 1)"},
		{"a = {}\n[a.b]\n", "f:2:2: 'a' is already defined (line 1)"},
		{"a = [1]\n[[a]]\n", "f:2:3: 'a' is already defined (line 1)"},
		{"a = {}\na.b = 1\n", "f:2:1: 'a' is already defined (line 1)"},
		{"[a.b.c]\n[a]\nb.c.d = 1\n", "f:3:3: 'c' is already defined (line 1)"},
		{"a\n", "f:1:2: expected '=' after the key"},
		{"= 1\n", "f:1:1: expected a key"},
		{"a. = 1\n", "f:1:4: expected a key"},
		{"a =\n", "f:1:4: expected a value"},
		{"a = b\n", "f:1:5: 'b' is not a value (text needs quotes)"},
		{"a = 1 b = 2\n", "f:1:7: expected the end of the line"},
		{"a = 'x\n'\n", "f:1:5: the string is not closed"},
		{"a = \"\"\"x\n", "f:1:5: the string is not closed"},
		{"a = \"\\x41\"\n", "f:1:6: unknown escape (use \\\\ for a backslash)"},
		{"a = \"\\u12\"\n", "f:1:6: \\u needs 4 hexadecimal digits"},
		{"a = \"\\ud800\"\n", "f:1:6: \\ud800 is not a character"},
		{"a = \"\\u0000\"\n", "f:1:6: a NUL character is not allowed"},
		{"a = \"\x01\"\n", "f:1:6: a control character (0x01) in a string"},
		{"# \x7f\n", "f:1:3: a control character (0x7f) in a comment"},
		{"a = 01\n", "f:1:5: '01' is not a value (text needs quotes)"},
		{"a = 1979-02-29\n", "f:1:5: '1979-02-29' is not a value (text needs quotes)"},
		{"a = 9223372036854775808\n", "f:1:5: the number 9223372036854775808 is too large"},
		{"a = [1 2]\n", "f:1:8: expected ',' or ']' in an array"},
		{"a = {b = 1,}\n", "f:1:12: expected a key"},
		{"a = {b = 1\n}\n", "f:1:11: expected ',' or '}' in an inline table"},
		{"[a\n", "f:1:3: expected ']' after the name of the table"},
		{"[[a]\n", "f:1:4: expected ']]' after the name of the table"},
		{"\"\"\"a\"\"\" = 1\n", "f:1:1: a key cannot span several lines"},
		{"\xc3\xa9 = 1\n", "f:1:1: expected a key"},
		{"a = '\xc3\xa9' x\n", "f:1:9: expected the end of the line"},
	};

	check(DOC_TOML, cases, ARRAY_SIZE(cases));
}

/* Nesting, number of values and size have limits in every format: nothing is deep or slow. */
static void test_limits(void **state)
{
	static const enum doc_format formats[] = {DOC_YAML, DOC_JSON, DOC_TOML};
	AUTO(str_clear) struct str many = {0};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		AUTO(str_clear) struct str deep = {0};
		AUTO_FREE char *got = NULL;

		str_add(&deep, formats[i] == DOC_TOML ? "a = " : "{\"a\": ");
		for (int j = 0; j < 1000; j++)
			str_add(&deep, "[");
		for (int j = 0; j < 1000; j++)
			str_add(&deep, "]");
		str_add(&deep, formats[i] == DOC_TOML ? "\n" : "}");
		got = outcome(formats[i], str_text(&deep), deep.length);
		assert_non_null(strstr(got, "nested "));
	}
	str_add(&many, "{\"a\": [");
	for (int j = 0; j < DOC_NODES_MAX; j++)
		str_add(&many, "1,\n");
	str_add(&many, "1]}");
	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *got = outcome(formats[i], str_text(&many), many.length);

		assert_string_equal(got, "f:9999:1: more than 10000 values");
	}
}

/* Longer than YAML allows a key to be, which much of JSON is otherwise. */
static void test_long_json_key(void **state)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	AUTO(str_clear) struct str text = {0};
	struct err e = {0};

	str_addf(&text, "{\"%02000d\":\n {\"a\":1}}", 0);
	assert_int_equal(doc_parse("f", DOC_JSON, str_text(&text), text.length, &root, &e), 0);
	assert_int_equal(strlen(root->children[0]->key), 2000);
	assert_int_equal(root->children[0]->line, 2);
	assert_int_equal(root->children[0]->children[0]->column, 7);
}

/* As much as there may be, in lines: counting each place from the beginning would take minutes
   under the sanitizers. */
static void test_full_toml(void **state)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	AUTO(str_clear) struct str text = {0};
	const struct doc_node *last;
	struct err e = {0};
	const int lines = DOC_NODES_MAX - 2;

	for (int i = 0; i < lines; i++)
		str_addf(&text, "x.k%04d = '%085d'\n", i, 0);
	assert_int_equal(doc_parse("f", DOC_TOML, str_text(&text), text.length, &root, &e), 0);
	assert_int_equal(root->children[0]->key_line, 1);
	assert_int_equal(root->children[0]->count, lines);
	last = root->children[0]->children[lines - 1];
	assert_string_equal(last->key, "k9997");
	assert_int_equal(last->key_line, lines);
	assert_int_equal(last->key_column, 3);
	assert_int_equal(last->line, lines);
	assert_int_equal(last->column, 11);
}

static void test_size_and_nul(void **state)
{
	static const enum doc_format formats[] = {DOC_YAML, DOC_JSON, DOC_TOML};
	AUTO_FREE char *big = mem_alloc(DOC_BYTES_MAX + 1, 1);

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		AUTO_FREE char *nul = outcome(formats[i], "\n \0", 3);
		AUTO_FREE char *large = NULL;

		assert_string_equal(nul, "f:2:2: a NUL byte: this is not a text file");
		memset(big, '\n', DOC_BYTES_MAX + 1);
		large = outcome(formats[i], big, DOC_BYTES_MAX + 1);
		assert_string_equal(large, "f: larger than 1024 KiB");
	}
}

/* Every node knows where it stands, in all formats; columns count characters. */
static void test_places(void **state)
{
	static const struct {
		enum doc_format format;
		const char *text;
		int line, column, key_line, key_column;
	} cases[] = {
		{DOC_YAML, "\xc3\xa9: 1\na:\n  b: '\xc3\xa9'\n", 3, 6, 3, 3},
		{DOC_YAML, "{\xc3\xa9: 1, a: {b: 2}}", 1, 15, 1, 12},
		{DOC_JSON, "{\"\xc3\xa9\": 1,\r\n \"a\": {\"b\": 2}}", 2, 13, 2, 8},
		{DOC_TOML, "'\xc3\xa9' = 1\n[a]\n  b = 2\n", 3, 7, 3, 3},
		{DOC_TOML, "'\xc3\xa9'.c = 1\na.b = 2\n", 2, 7, 2, 3},
		{DOC_TOML, "'\xc3\xa9' = 1\na = {b = 2}", 2, 10, 2, 6},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(doc_freep) struct doc_node *root = NULL;
		const struct doc_node *node;
		struct err e = {0};

		if (doc_parse("f", cases[i].format, cases[i].text, strlen(cases[i].text), &root,
			      &e))
			fail_msg("%s", e.text);
		node = doc_find(doc_find(root, "a"), "b");
		assert_int_equal(node->line, cases[i].line);
		assert_int_equal(node->column, cases[i].column);
		assert_int_equal(node->key_line, cases[i].key_line);
		assert_int_equal(node->key_column, cases[i].key_column);
	}
}

/* The character at a place; NUL where there is none. */
static char char_at(const char *text, int line, int column)
{
	while (--line > 0)
		text += strcspn(text, "\n") + 1;
	while (--column > 0) {
		for (text++; ((unsigned char)*text & 0xc0) == 0x80;)
			text++;
	}
	return *text;
}

/* Whether every node says where its first character stands, and its key's. */
static bool has_places(const struct doc_node *node, const char *text)
{
	static const char *const first[] = {
		[DOC_NULL] = "n",          [DOC_BOOL] = "tf",
		[DOC_INT] = "-0123456789", [DOC_FLOAT] = "-0123456789",
		[DOC_STRING] = "\"",       [DOC_SEQUENCE] = "[",
		[DOC_MAPPING] = "{",
	};
	char at = char_at(text, node->line, node->column);
	bool good = at && strchr(first[node->kind], at) &&
		    (!node->key || char_at(text, node->key_line, node->key_column) == '"');

	for (size_t i = 0; good && i < node->count; i++)
		good = has_places(node->children[i], text);
	return good;
}

/* jansson's tree and ours must be the same. */
static bool same_as_jansson(const struct doc_node *node, const json_t *json)
{
	bool same = true;

	switch (node->kind) {
	case DOC_NULL:
		return json_is_null(json);
	case DOC_BOOL:
		return json_is_boolean(json) &&
		       !strcmp(node->text, json_is_true(json) ? "true" : "false");
	case DOC_INT:
		return json_is_integer(json) &&
		       json_integer_value(json) == strtoll(node->text, NULL, 10);
	case DOC_FLOAT:
		return json_is_real(json) && json_real_value(json) == strtod(node->text, NULL);
	case DOC_STRING:
		return json_is_string(json) && !strcmp(node->text, json_string_value(json));
	case DOC_SEQUENCE:
		same = json_is_array(json) && json_array_size(json) == node->count;
		for (size_t i = 0; same && i < node->count; i++)
			same = same_as_jansson(node->children[i], json_array_get(json, i));
		return same;
	case DOC_MAPPING:
		same = json_is_object(json) && json_object_size(json) == node->count;
		for (size_t i = 0; same && i < node->count; i++)
			same = same_as_jansson(node->children[i],
					       json_object_get(json, node->children[i]->key));
		return same;
	case DOC_DATE:
		break;
	}
	return false;
}

/* Breaks a document in random ways: both readers take it, with the same values, or neither does;
   and the walk that finds the places keeps in step with the values. */
static void test_json_agrees_with_jansson(void **state)
{
	static const char seed[] = "{\"a\": [1, -2.5e3, \"x\\u00e9\\n\", true, null, {}], \"b\":\n"
				   " {\"c\": \"\\ud83c\\udf89 \\\\\", \"d\": [[], {\"e\": 0}]}}";
	static const char alphabet[] = "{}[]\",:\\u0123def.-+ \n\ttrna";
	int accepted = 0;

	srand(7);
	for (int round = 0; round < 20000; round++) {
		AUTO(doc_freep) struct doc_node *root = NULL;
		AUTO_FREE char *text = mem_strdup(seed);
		size_t length = strlen(text);
		json_t *json;

		for (int i = rand() % 3; i >= 0; i--)
			text[(size_t)rand() % length] =
				alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
		if (doc_parse("f", DOC_JSON, text, length, &root, NULL) == 0) {
			accepted++;
			if (!json || !same_as_jansson(root, json) || !has_places(root, text))
				fail_msg("%s", text);
		} else if (json_is_object(json)) {
			fail_msg("%s", text);
		}
		json_decref(json);
	}
	assert_true(accepted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_values),
		cmocka_unit_test(test_yaml_errors),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_toml_values),
		cmocka_unit_test(test_toml_errors),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_full_toml),
		cmocka_unit_test(test_long_json_key),
		cmocka_unit_test(test_size_and_nul),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_json_agrees_with_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
