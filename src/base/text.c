/* Other people's text made harmless. */
#include "base/text.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/str.h"

size_t text_decode(const char *text, size_t length, unsigned *ret_code_point)
{
	static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)text;
	unsigned code;
	size_t n;

	if (!length)
		return 0;
	if (b[0] < 0x80) {
		*ret_code_point = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		n = 2, code = b[0] & 0x1fU;
	else if (b[0] >= 0xe0 && b[0] <= 0xef)
		n = 3, code = b[0] & 0x0fU;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		n = 4, code = b[0] & 0x07U;
	else
		return 0;
	if (n > length)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0U) != 0x80)
			return 0;
		code = code << 6 | (b[i] & 0x3fU);
	}
	if (code < smallest[n] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	*ret_code_point = code;
	return n;
}

bool text_is_hostile(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) ||      /* C0, DEL, C1 */
	       c == 0x061c || c == 0x200e || c == 0x200f || /* Arabic letter mark, LRM, RLM */
	       (c >= 0x2028 && c <= 0x202e) ||              /* separators, embeddings, overrides */
	       (c >= 0x2066 && c <= 0x2069) ||              /* isolates */
	       c == 0xfeff || c == 0x200b;                  /* invisible: BOM, zero width space */
}

static void add_escaped(struct str *out, unsigned code)
{
	str_addf(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
}

/* How many characters from here are printable ASCII. */
static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f)
		n++;
	return n;
}

/* What becomes of characters beyond ASCII that are not hostile. */
enum beyond { BEYOND_KEPT, BEYOND_SPELLED, BEYOND_REPLACED };

/* Adds as many question marks as the character is wide where it can be shown. */
static void add_replaced(struct str *out, unsigned code)
{
	static locale_t utf8;
	locale_t before;
	int columns;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(utf8); /* without one, that of the program stays */
	columns = wcwidth((wchar_t)code);
	uselocale(before);
	str_add(out, columns == 0 ? "" : columns == 2 ? "??" : "?");
}

static void add_beyond(struct str *out, const char *text, size_t n, unsigned code,
		       enum beyond beyond)
{
	if (beyond == BEYOND_KEPT)
		str_add_bytes(out, text, n);
	else if (beyond == BEYOND_SPELLED)
		add_escaped(out, code);
	else
		add_replaced(out, code);
}

/* A copy with everything escaped that is hostile. */
static char *escape(const char *text, enum beyond beyond)
{
	struct str out = {0};
	size_t left, n;

	if (!text)
		return NULL;
	for (left = strlen(text); left; text += n, left -= n) {
		unsigned code = 0;

		n = plain_length(text);
		if (n) {
			str_add_bytes(&out, text, n);
			continue;
		}
		n = text_decode(text, left, &code);
		if (!n) {
			n = 1;
			add_escaped(&out, (unsigned char)*text);
		} else if (text_is_hostile(code)) {
			add_escaped(&out, code);
		} else {
			add_beyond(&out, text, n, code, beyond);
		}
	}
	return str_steal(&out);
}

char *text_printable(const char *text)
{
	return escape(text, BEYOND_KEPT);
}

char *text_ascii(const char *text)
{
	return escape(text, BEYOND_SPELLED);
}

/*
 * Takes the environment's locale for characters, once, unless the program has set one: only text
 * beyond ASCII needs it, and most calls show none.
 */
static void use_locale(void)
{
	static bool used;

	if (!used && !strcmp(setlocale(LC_CTYPE, NULL), "C"))
		setlocale(LC_CTYPE, "");
	used = true;
}

static bool is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return !*text;
}

bool text_locale_is_utf8(void)
{
	use_locale();
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

char *text_shown(const char *text)
{
	if (!text || is_ascii(text) || text_locale_is_utf8())
		return text_printable(text);
	return escape(text, BEYOND_REPLACED);
}

char *text_utf8(const char *text)
{
	struct str out = {0};
	size_t left, n;

	if (!text || is_ascii(text))
		return mem_strdup(text);
	for (left = strlen(text); left; text += n, left -= n) {
		unsigned code;

		n = text_decode(text, left, &code);
		if (n) {
			str_add_bytes(&out, text, n);
		} else {
			n = 1;
			str_add(&out, "\xef\xbf\xbd");
		}
	}
	return str_steal(&out);
}

size_t text_width(const char *text)
{
	size_t width = 0, left, n;

	for (left = strlen(text); left; text += n, left -= n) {
		unsigned code = 0;
		int columns;

		n = plain_length(text);
		if (n) {
			width += n;
			continue;
		}
		n = text_decode(text, left, &code);
		if (code >= 0x80)
			use_locale();
		columns = n && code >= 0x80 ? wcwidth((wchar_t)code) : 1;
		width += columns < 0 ? 1 : (size_t)columns;
		n = n ? n : 1;
	}
	return width;
}
