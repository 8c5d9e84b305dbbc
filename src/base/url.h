/*
 * The small part of URLs that naming a store needs: percent encoding, and URLs fit to be shown.
 * Called where a URL is made (src/cmd), read (src/store), or printed.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

/* True if url begins with `scheme`, such as "redis://", and does not end there. */
bool url_has_scheme(const char *url, const char *scheme);

/* The path in the URL of a store that is a file, such as "sqlite:/path"; NULL for any other URL.
   Borrowed. A new store of files is one more row in url.c. */
const char *url_file_path(const char *url);

/* A copy in which everything but letters, digits and "-._~" is %XX. The caller frees it. */
char *url_encode(const char *text);

/* The first `length` bytes of text with each %XX replaced by its byte; NULL where a % is not
   followed by two hexadecimal digits, or stands for NUL. The caller frees it. */
char *url_decode(const char *text, size_t length);

/* A copy without the password in "scheme://user:password@...", and without what may have been
   meant as one in an address that is written wrongly. The caller frees it. NULL gives NULL. */
char *url_without_password(const char *url);

#endif
