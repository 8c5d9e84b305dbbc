/* hiredis, loaded when the store is a Redis server; see lazy.h. */
#include <hiredis/hiredis.h>

#include "base/lazy/forward.h"

#define LIBRARY LAZY_HIREDIS

#define FUNCTIONS(X)                                                               \
	X(void, freeReplyObject, (void *reply), (reply))                           \
	X(int, redisFormatCommandArgv,                                             \
	  (char **target, int count, const char **words, const size_t *lengths),   \
	  (target, count, words, lengths))                                         \
	X(redisReader *, redisReaderCreate, (void), ())                            \
	X(int, redisReaderFeed, (redisReader * r, const char *bytes, size_t size), \
	  (r, bytes, size))                                                        \
	X(void, redisReaderFree, (redisReader * r), (r))                           \
	X(int, redisReaderGetReply, (redisReader * r, void **reply), (r, reply))

static struct {
	FUNCTIONS(LAZY_POINTER)
} functions;

struct lazy_library lazy_hiredis = {
	.file = CANHAZGPU_LIBHIREDIS,
	.package = "hiredis",
	.names = FUNCTIONS(LAZY_NAME),
	.functions = &functions,
};

FUNCTIONS(LAZY_FORWARD)
