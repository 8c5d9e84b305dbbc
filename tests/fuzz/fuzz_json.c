/* The JSON reader of configuration files: its tree is jansson's, and its places are right. */
#include <jansson.h>

#include "fuzz_doc.h"

/* The character at a place; NUL where there is none. The text ends with a NUL. */
static char char_at(const char *text, int line, int column)
{
	while (--line > 0) {
		text = strchr(text, '\n');
		fuzz_require(text++ != NULL);
	}
	for (; --column > 0 && *text; text++) {
		while (((unsigned char)text[1] & 0xc0) == 0x80)
			text++;
	}
	return *text;
}

/* The places of a node and its key are those of their first characters. */
static void check_places(const struct doc_node *node, const char *text)
{
	static const char *const first[] = {
		[DOC_NULL] = "n",          [DOC_BOOL] = "tf",
		[DOC_INT] = "-0123456789", [DOC_FLOAT] = "-0123456789",
		[DOC_STRING] = "\"",       [DOC_SEQUENCE] = "[",
		[DOC_MAPPING] = "{",
	};
	char at = char_at(text, node->line, node->column);

	fuzz_require(at && strchr(first[node->kind], at));
	fuzz_require(!node->key || char_at(text, node->key_line, node->key_column) == '"');
	for (size_t i = 0; i < node->count; i++)
		check_places(node->children[i], text);
}

static void compare(const struct doc_node *node, const json_t *json)
{
	switch (node->kind) {
	case DOC_NULL:
		fuzz_require(json_is_null(json));
		break;
	case DOC_BOOL:
		fuzz_require(json_is_boolean(json));
		break;
	case DOC_INT:
		fuzz_require(json_integer_value(json) == strtoll(node->text, NULL, 10));
		break;
	case DOC_FLOAT:
		fuzz_require(json_is_real(json) &&
			     json_real_value(json) == strtod(node->text, NULL));
		break;
	case DOC_STRING:
		fuzz_require(json_is_string(json) && !strcmp(node->text, json_string_value(json)));
		break;
	case DOC_SEQUENCE:
		fuzz_require(json_array_size(json) == node->count);
		for (size_t i = 0; i < node->count; i++)
			compare(node->children[i], json_array_get(json, i));
		break;
	case DOC_MAPPING:
		fuzz_require(json_object_size(json) == node->count);
		for (size_t i = 0; i < node->count; i++)
			compare(node->children[i], json_object_get(json, node->children[i]->key));
		break;
	case DOC_DATE:
		fuzz_require(false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(doc_freep) struct doc_node *root = fuzz_read(DOC_JSON, data, size);
	size_t mark = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0;
	AUTO_FREE char *text = mem_alloc(size - mark + 1, 1);
	json_t *json;

	if (!root)
		return 0;
	json = json_loadb((const char *)data + mark, size - mark, JSON_REJECT_DUPLICATES, NULL);
	fuzz_require(json != NULL);
	compare(root, json);
	memcpy(text, data + mark, size - mark);
	check_places(root, text);
	json_decref(json);
	return 0;
}
