/* Compression of what is sent; see gzip.h. */
#include "web/gzip.h"

#include <limits.h>
/* Input is constant. */
#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

/* JSON gets a sixth of its size already by that; more takes the server longer than it saves on any
   network that people watch it over. */
#define LEVEL 3

/* 15 bits of window, as a gzip file. */
#define WINDOW_GZIP (15 + 16)

char *gzip_pack(const void *bytes, size_t length, size_t *ret_length)
{
	AUTO_FREE char *packed = NULL;
	z_stream z = {0};
	int r;

	if (!length || length > INT_MAX ||
	    deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	/* One byte less: where it does not fit, it is not worth it. */
	packed = mem_alloc(length, 1);
	z.next_in = bytes;
	z.avail_in = (uInt)length;
	z.next_out = (Bytef *)packed;
	z.avail_out = (uInt)length - 1;
	r = deflate(&z, Z_FINISH);
	*ret_length = z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? mem_steal(&packed) : NULL;
}
