/*
 * What the host's administrator decides for all: rows of the table of global options that count
 * only in the system's file. The web server follows them without knowing any others.
 */
#ifndef CONF_HOST_OPTIONS_H
#define CONF_HOST_OPTIONS_H

#include "base/nouns.h"
#include "conf/settings.h"

#define HOST_OPTIONS                                                                 \
	{.name = "admin-group",                                                      \
	 .key = "admin.group",                                                       \
	 .type = OPTION_TEXT,                                                        \
	 .not_on_command_line = true,                                                \
	 .system_only = true,                                                        \
	 .argument = "GROUP",                                                        \
	 .help = "Group whose members are administrators"},                          \
		{.name = "policy-max-gpus",                                          \
		 .key = "policy.max-gpus",                                           \
		 .type = OPTION_INT,                                                 \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .per_group = true,                                                  \
		 .argument = "N",                                                    \
		 .min = 1,                                                           \
		 .max = POOL_GPUS_MAX,                                               \
		 .help = "Most GPUs per user"},                                      \
		{.name = "policy-max-duration",                                      \
		 .key = "policy.max-duration",                                       \
		 .type = OPTION_DURATION,                                            \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .per_group = true,                                                  \
		 .argument = "D",                                                    \
		 .help = "Longest manual reservation"},                              \
		{.name = "policy-max-run",                                           \
		 .key = "policy.max-run",                                            \
		 .type = OPTION_DURATION,                                            \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .per_group = true,                                                  \
		 .argument = "D",                                                    \
		 .help = "Longest run"},                                             \
		{.name = "policy-max-wait",                                          \
		 .key = "policy.max-wait",                                           \
		 .type = OPTION_DURATION,                                            \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .per_group = true,                                                  \
		 .argument = "D",                                                    \
		 .help = "Longest --wait"},                                          \
		{.name = "policy-require-note",                                      \
		 .key = "policy.require-note",                                       \
		 .type = OPTION_FLAG,                                                \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .help = "Refuse requests without --note"},                          \
		{.name = "policy-no-display-name",                                   \
		 .key = "policy.no-display-name",                                    \
		 .type = OPTION_FLAG,                                                \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .help = "Refuse --user: show the account alone"},                   \
		{.name = "tell-sendmail",                                            \
		 .key = "tell.sendmail",                                             \
		 .type = OPTION_PATH,                                                \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .argument = "FILE",                                                 \
		 .help = "Program that sends mail (default: sendmail)"},             \
		{.name = "tell-hook-user",                                           \
		 .key = "tell.hook-user",                                            \
		 .type = OPTION_TEXT,                                                \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .argument = "NAME",                                                 \
		 .fallback = "canhazgpu-hooks",                                      \
		 .help = "Account that hooks run as"},                               \
		{.name = "tell-hook-timeout",                                        \
		 .key = "tell.hook-timeout",                                         \
		 .type = OPTION_DURATION,                                            \
		 .not_on_command_line = true,                                        \
		 .system_only = true,                                                \
		 .argument = "D",                                                    \
		 .fallback = "10s",                                                  \
		 .min = NS_PER_MS,                                                   \
		 .max = 60 * NS_PER_SECOND,                                          \
		 .help = "How long a hook may take for one event"},                  \
	{                                                                            \
		.name = "pool-exclude", .key = "pool.exclude", .type = OPTION_IDS,   \
		.not_on_command_line = true, .system_only = true, .argument = "IDS", \
		.help = "GPUs to keep out of the pool"                               \
	}

/* Settings of which there are only these. settings_load takes them from the system's file, and does
   not look at what else is there. */
struct settings *settings_new_host(void);

#endif
