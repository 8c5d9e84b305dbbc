/* The commands, in the order of the help, and the options that all of them take. */
#include "cmd/command.h"

#include <string.h>

#include "base/mem.h"
#include "base/nouns.h"
#include "conf/guard_options.h"
#include "conf/host_options.h"
#include "conf/nearest.h"

const struct command *const commands[] = {
	&cmd_admin,     &cmd_adopt,    &cmd_backup, &cmd_cancel,  &cmd_completion,
	&cmd_config,    &cmd_doctor,   &cmd_events, &cmd_extend,  &cmd_guard,
	&cmd_help,      &cmd_migrate,  &cmd_queue,  &cmd_release, &cmd_report,
	&cmd_reserve,   &cmd_restore,  &cmd_run,    &cmd_status,  &cmd_web,
	&cmd_supervise, &cmd_complete, NULL,
};

const struct option_spec global_options[] = {
	{.name = "config",
	 .type = OPTION_PATH,
	 .argument = "FILE",
	 .not_configurable = true,
	 .help = "Configuration file to read instead of those in /etc/canhazgpu and "
		 "$HOME/.canhazgpu.yaml"},
	{.name = "store",
	 .type = OPTION_TEXT,
	 .argument = "URL",
	 .help = "Where the pool is kept: sqlite:/path/to/file.db, redis://host:port/db, "
		 "rediss://..., unix:///path/to/socket, redis+sentinel://host:port,.../primary/db "
		 "(default: the installed pool, otherwise a personal one)"},
	{.name = "redis-host",
	 .key = "redis.host",
	 .type = OPTION_TEXT,
	 .argument = "HOST",
	 .fallback = "localhost",
	 .help = "Redis host; any Redis setting selects Redis for the pool"},
	{.name = "redis-port",
	 .key = "redis.port",
	 .type = OPTION_INT,
	 .argument = "PORT",
	 .fallback = "6379",
	 .min = 1,
	 .max = 65535,
	 .help = "Redis port"},
	{.name = "redis-db",
	 .key = "redis.db",
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "0",
	 .min = 0,
	 .max = 65535,
	 .help = "Redis database number"},
	{.name = "redis-user",
	 .key = "redis.user",
	 .type = OPTION_TEXT,
	 .not_on_command_line = true,
	 .argument = "NAME",
	 .help = "Redis ACL user"},
	{.name = "redis-password",
	 .key = "redis.password",
	 .type = OPTION_TEXT,
	 .not_on_command_line = true,
	 .argument = "TEXT",
	 .help = "Redis password"},
	{.name = "redis-password-file",
	 .key = "redis.password-file",
	 .type = OPTION_PATH,
	 .not_on_command_line = true,
	 .argument = "FILE",
	 .help = "File whose first line is the Redis password"},
	{.name = "redis-ca-file",
	 .key = "redis.ca-file",
	 .type = OPTION_PATH,
	 .not_on_command_line = true,
	 .argument = "FILE",
	 .help = "Certificate authorities for TLS to Redis"},
	{.name = "memory-threshold",
	 .key = "memory.threshold",
	 .type = OPTION_INT,
	 .argument = "MB",
	 .fallback = "1024",
	 .min = 0,
	 .max = 1 << 30,
	 .help = "Memory threshold in MB to consider a GPU as \"in use\""},
	{.name = "run-visible",
	 .key = "run.visible",
	 .type = OPTION_CHOICE,
	 .not_on_command_line = true,
	 .argument = "NAMES",
	 .choices = "auto|index|uuid",
	 .fallback = "auto",
	 .help = "What names the GPUs in CUDA_VISIBLE_DEVICES: numbers where they are certain, or "
		 "always one kind"},
	{.name = "strict-config",
	 .type = OPTION_FLAG,
	 .help = "Refuse configuration files with unknown keys, instead of warning of them"},
	{.name = "no-color",
	 .key = "no-color",
	 .type = OPTION_FLAG,
	 .help = "Never use colours (the environment variable NO_COLOR does the same)"},
	{.name = "gpu-timeout",
	 .key = "gpu.timeout",
	 .type = OPTION_DURATION,
	 .not_on_command_line = true,
	 .argument = "D",
	 .fallback = "40s",
	 .min = NS_PER_SECOND,
	 .max = 600 * NS_PER_SECOND,
	 .help = "How long a scan of the GPUs may take"},
	{.name = "fake-state",
	 .key = "fake.state",
	 .type = OPTION_PATH,
	 .not_on_command_line = true,
	 .argument = "FILE",
	 .help = "State file of the fake provider"},
	{.name = "history-days",
	 .key = "history.days",
	 .type = OPTION_INT,
	 .not_on_command_line = true,
	 .argument = "N",
	 .fallback = "90",
	 .min = 1,
	 .max = 36500,
	 .help = "How many days of usage history to keep"},
	{.name = "events-days",
	 .key = "events.days",
	 .type = OPTION_INT,
	 .not_on_command_line = true,
	 .argument = "N",
	 .fallback = "30",
	 .min = 1,
	 .max = 3650,
	 .help = "How many days of events to keep"},
	{.name = "queue-backfill",
	 .key = "queue.backfill",
	 .type = OPTION_FLAG,
	 .not_on_command_line = true,
	 .help = "Let requests with a known end overtake if that delays nobody ahead"},
	{.name = "hosts",
	 .type = OPTION_REMOTES,
	 .other_key = "remote_hosts",
	 .not_on_command_line = true,
	 .argument = "LIST",
	 .help = "Other hosts that --all and --host ask"},
	{.name = "host-timeout",
	 .type = OPTION_DURATION,
	 .not_on_command_line = true,
	 .argument = "D",
	 .fallback = "10s",
	 .min = 100 * NS_PER_MS,
	 .max = 600 * NS_PER_SECOND,
	 .help = "How long another host has to answer"},
	HOST_OPTIONS,
	GUARD_OPTIONS,
	{.name = NULL},
};

void commands_declare(struct settings *s)
{
	settings_declare(s, NULL, global_options);
	for (size_t i = 0; commands[i]; i++)
		settings_declare(s, commands[i]->name, commands[i]->options);
}

/* What people type who know other programs, and what is meant here. */
static const struct {
	const char *name, *instead;
} other_names[] = {
	{"version", "canhazgpu --version"},
	{"ls", "canhazgpu status"},
	{"list", "canhazgpu status"},
	{"ps", "canhazgpu status"},
	{"show", "canhazgpu status"},
	{"info", "canhazgpu status"},
	{"top", "canhazgpu status --watch"},
	{"watch", "canhazgpu status --watch"},
	{"init", "canhazgpu admin"},
	{"free", "canhazgpu release"},
	{"unreserve", "canhazgpu release"},
	{"kill", "canhazgpu release --gpu-ids IDS' or 'canhazgpu cancel"},
	{"exec", "canhazgpu run -- COMMAND"},
	{"submit", "canhazgpu run --wait -- COMMAND"},
	{"wait", "canhazgpu run --wait -- COMMAND"},
	{"history", "canhazgpu report"},
	{"log", "canhazgpu events"},
	{"settings", "canhazgpu config"},
};

static const char *find_other_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_names); i++) {
		if (!strcmp(other_names[i].name, name))
			return other_names[i].instead;
	}
	return NULL;
}

int command_find(const char *name, const struct command **ret_command, struct err *e)
{
	const char *instead = find_other_name(name);
	struct nearest nearest = {.word = name};

	for (size_t i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name)) {
			*ret_command = commands[i];
			return 0;
		}
		if (!commands[i]->hidden)
			nearest_offer(&nearest, commands[i]->name);
	}
	if (instead)
		return err_usage(e, "unknown command '%.60s', use '%s'", name, instead);
	if (nearest.best)
		return err_usage(e,
				 "unknown command '%.60s', did you mean '%s'? (see 'canhazgpu "
				 "--help')",
				 name, nearest.best);
	return err_usage(e, "unknown command '%.60s' (see 'canhazgpu --help')", name);
}
