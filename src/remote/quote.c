/* Words for a shell on another host; see quote.h. */
#include "remote/quote.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

/* What means something in single quotes to one of the shells: the quote itself, a backslash to
   fish, ! to csh. Behind a backslash, outside of quotes, they are themselves to all of them. */
#define SPECIAL "'\\!"

static bool is_plain(const char *word)
{
	/* =ls is something else to zsh. */
	return *word && *word != '=' && !word[strspn(word, PARSE_ALPHANUMERIC "_./:=@+,-")];
}

static void quote_word(struct str *out, const char *word)
{
	if (is_plain(word)) {
		str_add(out, word);
		return;
	}
	if (!*word)
		str_add(out, "''");
	while (*word) {
		size_t length = strcspn(word, SPECIAL);

		if (length) {
			str_add(out, "'");
			str_add_bytes(out, word, length);
			str_add(out, "'");
			word += length;
		} else {
			str_add(out, "\\");
			str_add_bytes(out, word++, 1);
		}
	}
}

static void quote_words(struct str *out, const char *const *words)
{
	for (size_t i = 0; words[i]; i++) {
		if (i)
			str_add(out, " ");
		quote_word(out, words[i]);
	}
}

/* csh takes no line feed, however it is quoted: there sh makes the words, of a text that has none.
 */
static void quote_for_sh(struct str *out, const char *line)
{
	static const char make[] = "eval \"$(printf %b \"$1\")\"";
	AUTO(str_clear) struct str text = {0};

	for (; *line; line++) {
		if (*line == '\n')
			str_add(&text, "\\0012");
		else if (*line == '\\')
			str_add(&text, "\\\\");
		else
			str_add_bytes(&text, line, 1);
	}
	quote_words(out,
		    (const char *const[]){"exec", "sh", "-c", make, "sh", str_text(&text), NULL});
}

void remote_quote(struct str *out, const char *const *words)
{
	AUTO(str_clear) struct str line = {0};

	quote_words(&line, words);
	if (strchr(str_text(&line), '\n'))
		quote_for_sh(out, str_text(&line));
	else
		str_add(out, str_text(&line));
}
