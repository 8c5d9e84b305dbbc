/*
 * Prints the tree that our reader makes of standard input as JSON on one line, or "error: ..." with
 * exit status 1; with --many, for each of several texts, each behind a line that tells its length
 * in bytes. toml_compare.py compares that with Python's reader.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "conf/doc/doc.h"

/* Scalars become ["int", "42"], so that kinds are compared as well. */
static json_t *to_json(const struct doc_node *node)
{
	static const char *const kinds[] = {
		[DOC_NULL] = "null",   [DOC_BOOL] = "bool", [DOC_INT] = "int",
		[DOC_FLOAT] = "float", [DOC_DATE] = "date", [DOC_STRING] = "string",
	};
	json_t *json;

	if (node->kind == DOC_MAPPING) {
		json = json_object();
		for (size_t i = 0; i < node->count; i++)
			json_object_set_new(json, node->children[i]->key,
					    to_json(node->children[i]));
		return json;
	}
	json = json_array();
	if (node->kind == DOC_SEQUENCE) {
		json_array_append_new(json, json_string("list"));
		for (size_t i = 0; i < node->count; i++)
			json_array_append_new(json, to_json(node->children[i]));
		return json;
	}
	json_array_append_new(json, json_string(kinds[node->kind]));
	json_array_append_new(json, json_string(node->text ? node->text : ""));
	return json;
}

static int dump(const char *text, size_t length)
{
	AUTO(doc_freep) struct doc_node *root = NULL;
	struct err e = {0};
	json_t *json;

	if (doc_parse("input", DOC_TOML, text, length, &root, &e)) {
		printf("error: %s\n", e.text);
		return 1;
	}
	json = to_json(root);
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(json);
	return 0;
}

int main(int argc, char **argv)
{
	AUTO_FREE char *text = mem_alloc(DOC_BYTES_MAX + 1, 1);
	char line[32];

	if (argc < 2 || strcmp(argv[1], "--many") != 0)
		return dump(text, fread(text, 1, DOC_BYTES_MAX, stdin));
	while (fgets(line, sizeof(line), stdin)) {
		size_t length = strtoul(line, NULL, 10);

		if (length > DOC_BYTES_MAX || fread(text, 1, length, stdin) != length)
			return 2;
		dump(text, length);
	}
	return 0;
}
