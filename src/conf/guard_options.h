/* The rules for idle and unreserved GPUs (docs/guard.md): rows of the table of global options that
   count only in the system's file. Off unless a time is set. */
#ifndef CONF_GUARD_OPTIONS_H
#define CONF_GUARD_OPTIONS_H

#include "base/hours.h"

/* Whether a text is what guard.hours takes. */
static inline int guard_check_hours(const char *value, struct err *e)
{
	struct hours hours;

	return hours_parse(value, &hours, e);
}

#define GUARD_OPTION(option, setting) \
	.name = (option), .key = (setting), .not_on_command_line = true, .system_only = true

#define GUARD_OPTIONS                                                                              \
	{GUARD_OPTION("guard-idle-after", "guard.idle.after"), .type = OPTION_DURATION,            \
	 .argument = "D", .help = "How long a reserved GPU may be idle"},                          \
		{GUARD_OPTION("guard-idle-warn", "guard.idle.warn"), .type = OPTION_DURATION,      \
		 .argument = "D", .fallback = "30m",                                               \
		 .help = "How long before that its holder is warned"},                             \
		{GUARD_OPTION("guard-idle-then", "guard.idle.then"), .type = OPTION_CHOICE,        \
		 .choices = "tell|release-when-awaited|release", .fallback = "tell",               \
		 .help = "What is done about an idle manual reservation"},                         \
		{GUARD_OPTION("guard-idle-runs", "guard.idle.runs"), .type = OPTION_CHOICE,        \
		 .choices = "tell|signal", .fallback = "tell",                                     \
		 .help = "What is done about an idle run"},                                        \
		{GUARD_OPTION("guard-unreserved-after", "guard.unreserved.after"),                 \
		 .type = OPTION_DURATION, .argument = "D",                                         \
		 .help = "How long processes may use a GPU without a reservation"},                \
		{GUARD_OPTION("guard-unreserved-warn", "guard.unreserved.warn"),                   \
		 .type = OPTION_FLAG, .fallback = "true",                                          \
		 .help = "Tell the owner of such processes"},                                      \
		{GUARD_OPTION("guard-unreserved-then", "guard.unreserved.then"),                   \
		 .type = OPTION_CHOICE, .choices = "tell|stop", .fallback = "tell",                \
		 .help = "What is done about such processes"},                                     \
		{GUARD_OPTION("guard-grace", "guard.grace"), .type = OPTION_DURATION,              \
		 .argument = "D", .fallback = "30s",                                               \
		 .help = "How long a process that is stopped has between SIGTERM and "             \
			 "SIGKILL"},                                                               \
		{GUARD_OPTION("guard-expiry-warn", "guard.expiry.warn"), .type = OPTION_DURATION,  \
		 .argument = "D",                                                                  \
		 .help = "How long before its end the holder of a manual reservation is "          \
			 "warned"},                                                                \
		{GUARD_OPTION("guard-expiry-then", "guard.expiry.then"), .type = OPTION_CHOICE,    \
		 .choices = "nothing|stop", .fallback = "nothing",                                 \
		 .help = "What is done about processes that go on after that"},                    \
		{GUARD_OPTION("guard-hours", "guard.hours"), .type = OPTION_TEXT,                  \
		 .argument = "HOURS", .check = guard_check_hours, .help = "When the rules count"}, \
		{GUARD_OPTION("guard-spare-users", "guard.spare.users"), .type = OPTION_NAMES,     \
		 .argument = "NAMES", .help = "Accounts for which they do not count"},             \
		{GUARD_OPTION("guard-spare-groups", "guard.spare.groups"), .type = OPTION_NAMES,   \
		 .argument = "NAMES", .help = "Groups for whose members they do not count"},       \
	{                                                                                          \
		GUARD_OPTION("guard-spare-commands", "guard.spare.commands"),                      \
			.type = OPTION_NAMES, .argument = "NAMES",                                 \
			.help = "Programs for which they do not count"                             \
	}

#endif
