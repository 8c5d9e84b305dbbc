/* The settings that the tests of src/conf declare, and files to load them from. */
#ifndef TESTS_UNIT_TEST_CONF_H
#define TESTS_UNIT_TEST_CONF_H

#include "test.h"

#include <unistd.h>

#include "base/mem.h"
#include "conf/settings.h"

static const struct option_spec global_table[] = {
	{.name = "config", .type = OPTION_PATH, .argument = "FILE", .not_configurable = true},
	{.name = "store", .type = OPTION_TEXT, .argument = "URL"},
	{.name = "redis-host", .key = "redis.host", .type = OPTION_TEXT, .fallback = "localhost"},
	{.name = "redis-port",
	 .key = "redis.port",
	 .type = OPTION_INT,
	 .fallback = "6379",
	 .min = 1,
	 .max = 65535},
	{.name = "memory-threshold",
	 .key = "memory.threshold",
	 .type = OPTION_INT,
	 .fallback = "1024",
	 .max = 1 << 30},
	{.name = "fake-state",
	 .key = "fake.state",
	 .type = OPTION_PATH,
	 .not_on_command_line = true},
	{0},
};

static const struct option_spec run_table[] = {
	{.name = "gpus", .type = OPTION_INT, .fallback = "1", .min = 1, .max = 1024},
	{.name = "gpu-ids", .letter = 'G', .type = OPTION_IDS},
	{.name = "timeout", .type = OPTION_DURATION},
	{.name = "short", .type = OPTION_FLAG},
	{.name = "provider", .type = OPTION_CHOICE, .choices = "nvidia|amd|fake"},
	{.name = "note", .type = OPTION_TEXT},
	{0},
};

static inline struct settings *new_settings(void)
{
	struct settings *s = settings_new();

	settings_declare(s, NULL, global_table);
	settings_declare(s, "run", run_table);
	return s;
}

/* A directory of its own, in which tests make files by short names. */
static char directory[] = "/tmp/test_conf_XXXXXX";

static inline int make_directory(void **state)
{
	return mkdtemp(directory) && !chdir(directory) ? 0 : -1;
}

static inline int remove_directory(void **state)
{
	return chdir("/") || rmdir(directory);
}

static inline void write_file(const char *name, const char *text)
{
	AUTO_FCLOSE FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
}

/* Loads text as a file of that name. */
static inline int load(struct settings *s, const char *name, const char *text, struct err *e)
{
	int r;

	write_file(name, text);
	r = settings_load_file(s, name, e);
	unlink(name);
	return r;
}

#endif
