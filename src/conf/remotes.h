/*
 * The other hosts that the configuration names (`hosts`), and how each is reached. As one text,
 * which is also what CANHAZGPU_HOSTS may hold: hosts separated by commas, each a name or a
 * destination of ssh, with what else is said of it behind: "gpu1, alice@gpu2,
 * gpu3 url=https://gpu3:8080 token-file=/home/alice/token label=the new one".
 */
#ifndef CONF_REMOTES_H
#define CONF_REMOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* More are refused: each is asked by a process of its own. */
#define REMOTES_MAX 256

/* Not the name of a host: whichever has GPUs (`run --host any`). */
#define REMOTE_ANY "any"

struct remote {
	char *name;
	char *ssh;        /* destination; the name, unless something else is said */
	char *url;        /* of its web server, which is asked instead; NULL: ssh */
	char *token_file; /* whose first line that server wants to see; NULL: none */
	char *ca_file;    /* what that server's certificate is checked by; NULL: the system's */
	char *label;      /* for people; NULL: none */
};

struct remotes {
	struct remote *items;
	size_t count;
};

void remotes_clear(struct remotes *r);

/* Reads such a text; NULL is an empty one. A usage error names the host. The caller clears *ret. */
int remotes_parse(const char *text, struct remotes *ret, struct err *e);

/* The host of that name, or NULL. */
const struct remote *remotes_find(const struct remotes *r, const char *name);

/* Whether a host that calls itself `own` is meant: "gpu1" and "gpu1.lab.example" are the same. */
bool remotes_is_own(const char *name, const char *own);

/* Adds what a user has typed to a list: the host of that name among the known ones, or a
   destination of ssh. */
int remotes_add(struct remotes *r, const struct remotes *known, const char *name, struct err *e);

/* The members of a host in a configuration file, besides its name; they end with NULL. */
extern const char *const remote_members[];

/* The same for people: "ssh, url, ... or label". */
#define REMOTE_MEMBERS_TEXT "ssh, url, token-file, ca-file or label"

#endif
