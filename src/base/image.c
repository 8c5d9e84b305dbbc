/* See image.h. */
#include "base/image.h"

#include <stdlib.h>

void image_clear(struct image *image)
{
	free(image->bytes);
	*image = (struct image){0};
}
