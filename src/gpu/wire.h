/* A scan, or the error instead of it, as text: what the child of child.c sends to its parent. */
#ifndef GPU_WIRE_H
#define GPU_WIRE_H

#include "base/err.h"
#include "base/nouns.h"

/* One of the two is given. The caller frees the text. */
char *gpu_wire_pack(const struct scan *s, const struct err *error);

/* The scan, or the sender's error as the result. -EBADMSG: the text is neither. */
int gpu_wire_unpack(const char *text, size_t length, struct scan *ret_scan, struct err *e);

#endif
