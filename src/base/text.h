/*
 * Other people's text (names, notes, process names, command lines) made harmless. It may hold
 * escape sequences, newlines, bytes that are no UTF-8, or characters that turn the line around.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A copy that is safe on a terminal and on one line: control characters (C0, DEL, C1), line and
 * paragraph separators, bidirectional controls and invalid UTF-8 appear as \x1b or \u202e; a
 * backslash stays as it is. The caller frees it. NULL gives NULL.
 */
char *text_printable(const char *text);

/* The same with everything that is not ASCII spelled out, for terminals that know nothing else. */
char *text_ascii(const char *text);

/* text_printable for the locale of the environment: in one that is not of UTF-8, question marks of
   the same width stand for what is not ASCII. */
char *text_shown(const char *text);

/* True if the locale is one of UTF-8. */
bool text_locale_is_utf8(void);

/*
 * A copy with invalid UTF-8 replaced by U+FFFD, everything else untouched: what JSON accepts.
 * The caller frees it. NULL gives NULL.
 */
char *text_utf8(const char *text);

/*
 * Decodes the UTF-8 character at text (at most length bytes): its code point in *ret_code_point and
 * its length in bytes as result; 0 if the bytes are not valid UTF-8 (overlong forms, surrogates and
 * values above U+10FFFF are not).
 */
size_t text_decode(const char *text, size_t length, unsigned *ret_code_point);

/* True for the characters that text_printable escapes. */
bool text_is_hostile(unsigned code_point);

/*
 * How many columns a printable text takes on a terminal: wide characters count twice, combining
 * ones not at all; what the locale does not know counts once.
 */
size_t text_width(const char *text);

#endif
