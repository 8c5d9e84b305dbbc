/* What one account is told; see note.h. */
#include "tell/note.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct tell_note *tell_notes_add(struct tell_notes *n)
{
	n->items = mem_resize(n->items, n->count + 1, sizeof(*n->items));
	n->items[n->count] = (struct tell_note){0};
	return &n->items[n->count++];
}

void tell_notes_clear(struct tell_notes *n)
{
	for (size_t i = 0; i < n->count; i++) {
		free(n->items[i].about);
		free(n->items[i].text);
		free(n->items[i].more);
		free(n->items[i].json);
	}
	free(n->items);
	*n = (struct tell_notes){0};
}

unsigned tell_channel_parse(const char *name)
{
	static const struct {
		const char *name;
		unsigned channel;
	} channels[] = {
		{"terminal", TELL_TERMINAL},
		{"mail", TELL_MAIL},
		{"command", TELL_COMMAND},
	};

	for (size_t i = 0; name && i < ARRAY_SIZE(channels); i++) {
		if (!strcmp(channels[i].name, name))
			return channels[i].channel;
	}
	return 0;
}
