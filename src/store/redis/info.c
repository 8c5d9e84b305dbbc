/* The text of the command INFO; see info.h. */
#include "store/redis/info.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void redis_info_field(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name);

	value[0] = '\0';
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (strncmp(text, name, length) != 0 || text[length] != ':')
			continue;
		text += length + 1;
		snprintf(value, size, "%.*s", (int)strcspn(text, "\r\n"), text);
		return;
	}
}

bool redis_info_is(const char *text, const char *name, const char *value)
{
	char found[64];

	redis_info_field(text, name, found, sizeof(found));
	return !strcmp(found, value);
}

void redis_info_product(const char *text, char *name, size_t size)
{
	static const char *const products[][2] = {
		{"Dragonfly", "dragonfly_version"},
		{"Valkey", "valkey_version"},
		{"Redis", "redis_version"},
	};
	char version[48] = "";

	for (size_t i = 0; i < ARRAY_SIZE(products) && !*version; i++) {
		redis_info_field(text, products[i][1], version, sizeof(version));
		snprintf(name, size, "%s %s", products[i][0], *version ? version : "unknown");
	}
}
