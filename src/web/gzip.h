/* Compression of what is sent. Pure. Called by response.c. */
#ifndef WEB_GZIP_H
#define WEB_GZIP_H

#include <stddef.h>

/* The bytes as a gzip file, which the caller frees; NULL where that is not smaller. */
char *gzip_pack(const void *bytes, size_t length, size_t *ret_length);

#endif
