/* The programs of /etc/canhazgpu/hooks.d, which get every event. */
#ifndef TELL_HOOKS_H
#define TELL_HOOKS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/finding.h"
#include "tell/note.h"

#define TELL_HOOKS_DIRECTORY "/etc/canhazgpu/hooks.d"

/* What the host's administrator says of hooks and mail: tell.* of the configuration. */
struct tell_options {
	const char *sendmail;  /* its path; NULL: at one of its usual places */
	const char *hook_user; /* the account that hooks run as */
	int64_t hook_limit_ns; /* how long a hook may take for one event */
};

/* The account for hooks, unless the configuration names another one. */
#define TELL_HOOK_USER "canhazgpu-hooks"

/* Whether a file of that name is a hook: letters, digits, _ and - alone, as run-parts has it. */
bool tell_hook_name_counts(const char *name);

/*
 * Runs each hook with each of these events (JSON, one after the other), all hooks at the same time.
 * Comes back when they are done. Nobody waits for a hook for longer than its limit, and one that
 * was killed gets no further event of these. While a hook is busy with earlier events, these wait,
 * for at most its limit.
 */
void tell_hooks_run(const struct tell_options *options, char *const *events, size_t count);

/* For `canhazgpu doctor`: which there are, and which are not run, and why. */
void tell_hooks_examine(const struct tell_options *options, struct findings *f);

#endif
