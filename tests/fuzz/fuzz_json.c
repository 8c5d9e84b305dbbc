/* The JSON reader of configuration files: its tree is the one that jansson makes. */
#include <jansson.h>

#include "fuzz_doc.h"

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
	json_t *json;

	if (!root)
		return 0;
	json = json_loadb((const char *)data + mark, size - mark, JSON_REJECT_DUPLICATES, NULL);
	fuzz_require(json != NULL);
	compare(root, json);
	json_decref(json);
	return 0;
}
