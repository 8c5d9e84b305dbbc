/* The texts that people get; see text.h. */
#include "tell/text.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/text.h"

/* A line of a mail may have 998 bytes, and a terminal has few lines. */
#define LINE_MAX_BYTES 800
#define SUBJECT_MAX_BYTES 150

/* The first bytes of a text, without the rest of a character that would be cut. */
static size_t cut(const char *text, size_t most)
{
	size_t length = strlen(text);

	if (length <= most)
		return length;
	while (most && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

/* Adds the first bytes of a text as one line, made harmless. */
static void add_line(struct str *out, const char *before, const char *text, size_t length,
		     const char *after)
{
	AUTO_FREE char *line = mem_printf("%.*s", (int)length, text);
	AUTO_FREE char *safe = text_printable(line);

	str_add(out, before);
	str_add_bytes(out, safe, cut(safe, LINE_MAX_BYTES));
	str_add(out, after);
}

static void add_note(struct str *out, const struct tell_note *n, const char *after)
{
	add_line(out, "", n->text, strlen(n->text), after);
	for (const char *at = n->more; at && *at;) {
		size_t length = strcspn(at, "\n");

		add_line(out, "    ", at, length, after);
		at += length + (at[length] == '\n');
	}
}

static void add_notes(struct str *out, const struct tell_notes *notes,
		      const struct tell_choice *choice, unsigned channel, const char *after)
{
	for (size_t i = 0; i < notes->count - notes->told; i++) {
		if (choice->channels[i] & channel)
			add_note(out, &notes->items[notes->told + i], after);
	}
	if (choice->held)
		str_addf(out, "(%zu more: see 'canhazgpu events')%s", choice->held, after);
}

char *tell_text_terminal(const struct tell_notes *notes, const struct tell_choice *choice,
			 const char *host, const char *time)
{
	AUTO_FREE char *safe = text_printable(host);
	struct str out = {0};

	/* Programs in raw mode need the carriage return. */
	str_addf(&out, "\r\n\aMessage from canhazgpu@%s at %s ...\r\n", safe, time);
	add_notes(&out, notes, choice, TELL_TERMINAL, "\r\n");
	return str_steal(&out);
}

static bool is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return false;
	}
	return true;
}

/* The first note as a subject, where there are several with their number. It is one line without
   control characters; what is not ASCII is encoded (RFC 2047) in words of at most 75 bytes. */
static void add_subject(struct str *out, const char *text, size_t more, const char *host)
{
	AUTO_FREE char *safe = text_printable(text), *whole = NULL,
		       *safe_host = text_printable(host);
	AUTO(str_clear) struct str subject = {0};
	size_t length;

	str_addf(&subject, "[canhazgpu@%s] ", safe_host);
	str_add_bytes(&subject, safe, cut(safe, SUBJECT_MAX_BYTES));
	if (more)
		str_addf(&subject, " (and %zu more)", more);
	whole = str_steal(&subject);
	length = strlen(whole);
	str_add(out, "Subject: ");
	if (is_ascii(whole, length)) {
		str_addf(out, "%s\n", whole);
		return;
	}
	for (size_t at = 0; at < length;) {
		size_t end = at;

		str_add(out, at ? "\n =?UTF-8?Q?" : "=?UTF-8?Q?");
		/* A whole character at a time: a word holds no half of one. */
		while (end < length && end - at < 18) {
			do
				str_addf(out, "=%02X", (unsigned char)whole[end++]);
			while (end < length && ((unsigned char)whole[end] & 0xc0) == 0x80);
		}
		str_add(out, "?=");
		at = end;
	}
	str_add(out, "\n");
}

char *tell_text_mail(const struct tell_notes *notes, const struct tell_choice *choice,
		     const char *host, const char *address)
{
	const char *first = NULL;
	size_t count = 0;
	struct str out = {0};

	for (size_t i = 0; i < notes->count - notes->told; i++) {
		if (!(choice->channels[i] & TELL_MAIL))
			continue;
		if (!count++)
			first = notes->items[notes->told + i].text;
	}
	str_addf(&out, "To: %s\n", address);
	add_subject(&out, first ? first : "", count > 1 ? count - 1 : 0, host);
	str_add(&out, "MIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=UTF-8\n"
		      "Content-Transfer-Encoding: 8bit\n"
		      "Auto-Submitted: auto-generated\n\n");
	add_notes(&out, notes, choice, TELL_MAIL, "\n");
	str_add(&out,
		"\n-- \ncanhazgpu; ~/.config/canhazgpu/notify.yaml says what you are told, and how\n");
	return str_steal(&out);
}

bool tell_address_is_good(const char *address)
{
	size_t length = strlen(address);

	return length && length < TELL_ADDRESS_SIZE && *address != '-' && *address != '@' &&
	       strspn(address, PARSE_ALPHANUMERIC "._%+-=@") == length &&
	       (!strchr(address, '@') ||
		(strchr(address, '@') == strrchr(address, '@') && address[length - 1] != '@'));
}
