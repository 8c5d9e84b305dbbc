/* The processes that `adopt` is given, checked: all of one account, and the caller's own. */
#ifndef CMD_ADOPTEES_H
#define CMD_ADOPTEES_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/nouns.h"

struct adoptees {
	struct process_ref *processes;
	size_t count;
	uid_t uid; /* the account of all of them */
	char *account;
};

/* Adds the process of a pid, as one types it. Refused: what is no living process, is given twice,
   belongs to another account than the others, or (unless root calls) is not the caller's. */
int adoptees_add(struct adoptees *a, const char *word, struct err *e);

void adoptees_clear(struct adoptees *a);

#endif
