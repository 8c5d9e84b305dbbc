/* What the fuzz targets of the three configuration readers share. */
#ifndef FUZZ_DOC_H
#define FUZZ_DOC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "conf/doc/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_require(bool condition)
{
	if (!condition)
		abort();
}

/* What every tree promises: kinds, texts, keys and places, and no more nodes than allowed. */
static inline void fuzz_check_node(const struct doc_node *node, bool in_mapping, size_t *nodes)
{
	bool container = node->kind == DOC_MAPPING || node->kind == DOC_SEQUENCE;
	AUTO_FREE char *clean = text_utf8(node->text);

	fuzz_require(++*nodes <= DOC_NODES_MAX);
	fuzz_require(node->line >= 1 && node->column >= 1);
	fuzz_require(in_mapping == (node->key != NULL));
	fuzz_require(!in_mapping || (node->key_line >= 1 && node->key_column >= 1));
	fuzz_require((container || node->kind == DOC_NULL) == (node->text == NULL));
	fuzz_require(container || node->count == 0);
	fuzz_require(!clean || !strcmp(clean, node->text));
	for (size_t i = 0; i < node->count; i++) {
		const struct doc_node *child = node->children[i];

		fuzz_check_node(child, node->kind == DOC_MAPPING, nodes);
		if (child->key)
			fuzz_require(doc_find(node, child->key) == child);
	}
}

/* Reads data; an error must be one line with a place, a tree must keep its promises. */
static inline struct doc_node *fuzz_read(enum doc_format format, const uint8_t *data, size_t size)
{
	struct doc_node *root = NULL;
	struct err e = {0};
	size_t nodes = 0;

	if (doc_parse("f", format, (const char *)data, size, &root, &e)) {
		fuzz_require(root == NULL && e.exit_status == EXIT_STATUS_USAGE);
		fuzz_require(!strncmp(e.text, "f:", 2) && !strchr(e.text, '\n'));
		return NULL;
	}
	fuzz_require(root->kind == DOC_MAPPING);
	fuzz_check_node(root, false, &nodes);
	return root;
}

#endif
