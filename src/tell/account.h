/* Becoming an account: whatever is done for one is done with its rights alone. */
#ifndef TELL_ACCOUNT_H
#define TELL_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct tell_account {
	uid_t uid;
	gid_t gid;
	char *name, *home;
	bool alone; /* with no group but gid; else with all groups of the account */
};

/* What the system knows of an account, by its uid, or by its name. Asks the name services: only in
   a process that may hang. -ENOENT. The caller clears it. */
int tell_account_by_uid(uid_t uid, struct tell_account *ret_account, struct err *e);
int tell_account_by_name(const char *name, struct tell_account *ret_account, struct err *e);
void tell_account_clear(struct tell_account *a);

/*
 * Makes this process that account's for good, in its home directory, with an environment of HOME,
 * USER, LOGNAME, PATH and LANG alone, in a process that has just been forked. Where it is
 * already, only the program's own group is dropped. Ends the process where that is not possible.
 */
void tell_account_become(const struct tell_account *a);

#endif
