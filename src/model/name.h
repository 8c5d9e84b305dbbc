/* Reading the name of a model where one is expected. Private to the model detection of src/pool. */
#ifndef MODEL_NAME_H
#define MODEL_NAME_H

#include "model/model.h"

/*
 * True if name is in a list of words separated by spaces, where "x*" is a prefix; with maybe_cut, a
 * name that the kernel may have cut matches by what is left of it.
 */
bool model_list_has(const char *list, const char *name, size_t length, bool maybe_cut);

/* Reads a hub id, a path or a URL; false: it is none. */
bool model_name_read(const char *text, size_t length, struct model *ret_model);

/* Reads "pretrained=NAME,dtype=float" or the same as a JSON object. */
bool model_name_read_pairs(const char *text, struct model *ret_model);

#endif
