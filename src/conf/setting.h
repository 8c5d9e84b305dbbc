/* The inside of struct settings, shared by the files of this folder that fill it. */
#ifndef CONF_SETTING_H
#define CONF_SETTING_H

#include "conf/settings.h"

struct setting {
	unsigned hash; /* of the key: compared first, since every command declares all settings */
	char *key;
	const struct option_spec *spec;
	enum setting_origin origin;
	char *value;     /* NULL: the default */
	char *where;     /* as in struct setting_view; NULL: "default" */
	char *host_file; /* the last file of the host that sets it; NULL: none */
};

struct settings {
	struct setting *items;
	size_t count, room;
	bool host_only;  /* see host_options.h */
	char **warnings; /* what files say that nobody understands */
	size_t warnings_count;
};

/* How much of `where` is the path of a file; 0: it comes from no file. */
size_t setting_path_length(const struct setting *setting);

/* The key of an option: the one its row names, else "<prefix>.<name>". The caller frees it. */
char *setting_key(const char *prefix, const struct option_spec *spec);

/* The setting of that key, or NULL. */
struct setting *settings_find(const struct settings *s, const char *key);

/* Declares one more; takes the key over. Other pointers to settings are invalid then. */
struct setting *setting_add(struct settings *s, const struct option_spec *spec, char *key);

/* Whether it is that of a group: there because a file sets it. */
bool setting_is_group(const struct setting *setting);

/* The same for a group's; NULL: that is no key of one. */
struct setting *settings_find_group(struct settings *s, const char *key);

/* The error for a setting that counts only in the system file, and was found elsewhere. */
#define SETTING_SYSTEM_ONLY "%s counts only in " SETTINGS_SYSTEM_FILE ", where root sets it"

/* Is value, as one would type it, good for this option? The error names neither key nor origin. */
int setting_check(const struct option_spec *spec, const char *value, struct err *e);

/*
 * Checks value and keeps it, unless one from a stronger origin is there. Equal origins: the later
 * one wins. `where` is copied.
 */
int setting_put(struct setting *setting, const char *value, enum setting_origin origin,
		const char *where, struct err *e);

#endif
