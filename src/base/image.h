/* A whole pool as the bytes of a database file, which is what a backup is; and what it holds. Made
   and read by the SQLite store (store/sqlite/backup.c), whatever the store of the pool. */
#ifndef BASE_IMAGE_H
#define BASE_IMAGE_H

#include <stddef.h>

struct image {
	void *bytes;
	size_t size;
};

struct image_contents {
	size_t gpus, reservations, waiting, records;
};

/* Frees the bytes. */
void image_clear(struct image *image);

#endif
