/* Reading the state that an event was decided on; see event_before.h. */
#include "view/event_before.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Cuts a word off: what follows it, "" at the end. */
static char *cut(char *text)
{
	char *space = strchr(text, ' ');

	if (!space)
		return text + strlen(text);
	*space = '\0';
	return space + 1;
}

bool before_next(const char **text, struct before_line *ret_line)
{
	struct before_line line = {
		.gpus = "", .id = "", .account = "", .wanted = "", .passed_over = ""};
	size_t length = *text ? strcspn(*text, "\n") : 0;
	char *rest;

	if (!length)
		return false;
	line.text = mem_printf("%.*s", (int)length, *text);
	*text += length + ((*text)[length] == '\n');
	rest = cut(line.text);
	line.word = line.text;
	if (!strcmp(line.word, "waits")) {
		char *account = cut(rest), *wanted = cut(account);

		line.id = rest;
		line.account = account;
		line.passed_over = cut(wanted);
		line.wanted = wanted;
		rest = wanted;
	} else if (strcmp(line.word, "asked") != 0 && strcmp(line.word, "more") != 0) {
		line.gpus = rest;
		rest = cut(rest);
	}
	line.rest = rest;
	*ret_line = line;
	return true;
}
