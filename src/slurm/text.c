/* Lists of hosts, GPUs and options in Slurm's texts; see text.h. */
#include "slurm/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void slurm_names_clear(struct slurm_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
	*n = (struct slurm_names){0};
}

void slurm_names_add(struct slurm_names *n, const char *name)
{
	/* At each power of two: such lists can be long. */
	if (!(n->count & (n->count - 1)))
		n->items = mem_resize(n->items, n->count ? 2 * n->count : 1, sizeof(*n->items));
	n->items[n->count++] = mem_strdup(name);
}

/* A number of at most 9 digits; false: there is none. *at moves behind it. */
static bool take_number(const char **at, unsigned long *ret_number, int *ret_digits)
{
	int digits = (int)strspn(*at, "0123456789");

	if (digits < 1 || digits > 9)
		return false;
	*ret_number = strtoul(*at, NULL, 10);
	if (ret_digits)
		*ret_digits = digits;
	*at += digits;
	return true;
}

/* The names of one word of the list: "n[1-3,07]". Only the first brackets count as a list; names
   with several are rare, and those then stand for themselves. */
static void add_hosts(struct slurm_names *names, const char *word)
{
	const char *open = strchr(word, '['), *close = open ? strchr(open, ']') : NULL, *at;

	if (!close) {
		slurm_names_add(names, word);
		return;
	}
	for (at = open + 1; at < close;) {
		unsigned long first, last;
		int width = 0;

		if (!take_number(&at, &first, &width))
			return;
		last = first;
		if (*at == '-' && (at++, !take_number(&at, &last, NULL)))
			return;
		for (unsigned long i = first; i <= last && names->count < SLURM_LIST_MAX; i++) {
			AUTO_FREE char *name = mem_printf("%.*s%0*lu%s", (int)(open - word), word,
							  width, i, close + 1);

			slurm_names_add(names, name);
		}
		if (*at != ',')
			break;
		at++;
	}
}

/* The end of the word at `at`: a comma outside of brackets of this kind. */
static const char *word_end(const char *at, char open, char close)
{
	int depth = 0;

	for (; *at && (depth || *at != ','); at++)
		depth += (*at == open) - (*at == close && depth);
	return at;
}

void slurm_hosts(const char *text, struct slurm_names *ret_names)
{
	*ret_names = (struct slurm_names){0};
	while (text && *text && ret_names->count < SLURM_LIST_MAX) {
		const char *end = word_end(text, '[', ']');
		AUTO_FREE char *word = mem_printf("%.*s", (int)(end - text), text);

		if (*word)
			add_hosts(ret_names, word);
		text = *end ? end + 1 : end;
	}
}

/* "0-1,3)" */
static bool add_indexes(struct slurm_gpus *g, const char *at)
{
	for (;;) {
		unsigned long first, last;

		if (!take_number(&at, &first, NULL))
			return false;
		last = first;
		if (*at == '-' && (at++, !take_number(&at, &last, NULL)))
			return false;
		for (unsigned long i = first; i <= last && i < SLURM_NODE_GPUS_MAX; i++)
			g->is_in[i] = true;
		if (*at != ',')
			return true;
		at++;
	}
}

/* "gpu:a100:4(IDX:0-3)": name, perhaps a type, and how many. */
static void add_part(struct slurm_gpus *g, char *word)
{
	char *paren = strchr(word, '('), *count, *type = NULL;
	struct slurm_gpu_part *part = &g->parts[g->parts_count];
	char *end;
	unsigned long n;

	if (paren)
		*paren++ = '\0';
	count = strrchr(word, ':');
	if (strncmp(word, "gpu", 3) != 0 || (word[3] != ':' && word[3] != '\0'))
		return;
	n = count ? strtoul(count + 1, &end, 10) : 1;
	if (count && (end == count + 1 || *end)) {
		type = word + 4; /* "gpu:a100": one of them */
		n = 1;
	} else if (count && count > word + 3) {
		*count = '\0';
		type = word + 4;
	}
	if (!n || n > SLURM_NODE_GPUS_MAX - g->count || g->parts_count == ARRAY_SIZE(g->parts))
		return;
	g->count += n;
	part->count = n;
	snprintf(part->type, sizeof(part->type), "%s", type ? type : "");
	g->parts_count++;
	g->indexed &= paren && !strncmp(paren, "IDX:", 4) && add_indexes(g, paren + 4);
}

void slurm_gpus(const char *text, struct slurm_gpus *ret_gpus)
{
	*ret_gpus = (struct slurm_gpus){.indexed = true};
	while (text && *text) {
		const char *end = word_end(text, '(', ')');
		AUTO_FREE char *word = mem_printf("%.*s", (int)(end - text), text);

		add_part(ret_gpus, word);
		text = *end ? end + 1 : end;
	}
	ret_gpus->indexed &= ret_gpus->count > 0;
}

const char *slurm_gpu_type(const struct slurm_gpus *g, size_t i)
{
	for (size_t p = 0; p < g->parts_count; p++) {
		if (i < g->parts[p].count)
			return *g->parts[p].type ? g->parts[p].type : NULL;
		i -= g->parts[p].count;
	}
	return NULL;
}

static char *without_gres(char *word)
{
	return !strncmp(word, "gres", 4) && (word[4] == ':' || word[4] == '/') ? word + 5 : word;
}

void slurm_tres_type(const char *text, char ret_type[SLURM_TYPE_SIZE])
{
	*ret_type = '\0';
	while (text && *text) {
		const char *end = word_end(text, '(', ')');
		AUTO_FREE char *word = mem_printf("%.*s", (int)(end - text), text);
		const char *name = without_gres(word);
		size_t length = !strncmp(name, "gpu:", 4) ? strcspn(name + 4, ":=(") : 0;

		text = *end ? end + 1 : end;
		/* "gpu:2" is how many, "gpu:3090:2" a type. */
		if (!length || (strspn(name + 4, "0123456789") == length &&
				(name[4 + length] == '\0' || name[4 + length] == '(')))
			continue;
		snprintf(ret_type, SLURM_TYPE_SIZE, "%.*s", (int)length, name + 4);
		return;
	}
}

size_t slurm_tres_gpus(const char *text)
{
	size_t whole = 0, typed = 0;

	while (text && *text) {
		const char *end = word_end(text, '(', ')');
		AUTO_FREE char *word = mem_printf("%.*s", (int)(end - text), text);
		char *name = without_gres(word);
		char *count = strpbrk(name, "=");
		unsigned long n;

		text = *end ? end + 1 : end;
		if (strncmp(name, "gpu", 3) != 0 || !strchr(":=(", name[3]))
			continue;
		if (!count)
			count = strrchr(name, ':');
		n = count ? strtoul(count + 1, NULL, 10) : 1;
		if (count && !isdigit((unsigned char)count[1]))
			n = 1;
		/* "gres/gpu=2,gres/gpu:a100=2": the second is a part of the first. */
		if (name[3] == ':' && name + 3 != count)
			typed += n;
		else
			whole += n;
	}
	return whole ? whole : typed;
}

int slurm_words(const char *text, struct slurm_names *ret_words, struct err *e)
{
	AUTO(str_clear) struct str word = {0};
	AUTO(slurm_names_clear) struct slurm_names words = {0};
	bool begun = false;
	char quote = '\0';

	for (; text && *text; text++) {
		char c = *text;

		if (!quote && strchr(" \t\n", c)) {
			if (begun)
				slurm_names_add(&words, str_text(&word));
			str_clear(&word);
			begun = false;
			continue;
		}
		begun = true;
		if (c == quote) {
			quote = '\0';
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else {
			if (c == '\\' && quote != '\'' && text[1])
				c = *++text;
			str_add_bytes(&word, &c, 1);
		}
	}
	if (quote)
		return err_usage(e, "a quote in the options for Slurm is not closed");
	if (begun)
		slurm_names_add(&words, str_text(&word));
	*ret_words = words;
	words = (struct slurm_names){0};
	return 0;
}

bool slurm_next_row(char **at, char *fields[], size_t count)
{
	while (**at) {
		char *line = *at, *end = line + strcspn(line, "\n");
		size_t found = 0;

		*at = *end ? end + 1 : end;
		*end = '\0';
		for (char *field = line; field && found < count; found++) {
			fields[found] = field;
			field = strchr(field, '|');
			if (field)
				*field++ = '\0';
		}
		if (found == count && *line && !line[strspn(line, "0123456789")])
			return true;
	}
	return false;
}

int slurm_compare_names(const char *a, const char *b)
{
	return strverscmp(a, b);
}
