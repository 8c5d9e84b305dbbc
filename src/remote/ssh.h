/* The command lines by which ssh reaches another host. */
#ifndef REMOTE_SSH_H
#define REMOTE_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/remotes.h"

/* A list of words in the making, for exec. */
struct words {
	char **items; /* ends with NULL */
	size_t count;
};

void words_clear(struct words *w);
void words_add(struct words *w, const char *word);
void words_addf(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * ssh for a question: it asks nobody for anything, forwards nothing, and shares a connection that
 * stays open for some minutes, by a socket in a directory that nobody else can enter. `words` are
 * the command on the other side. The caller clears *ret.
 */
void ssh_for_question(const struct remote *host, const char *const *words, int64_t timeout_ns,
		      struct words *ret);

/*
 * ssh for a command that a person runs there: by a connection of its own, with what the user has
 * configured. With `terminal` the command gets one; without, it ends with the connection
 * (host/hangup.h). `directory` is where it is to work, if there is such a one; NULL: at home.
 */
void ssh_for_command(const struct remote *host, const char *const *words, const char *directory,
		     bool terminal, struct words *ret);

#endif
