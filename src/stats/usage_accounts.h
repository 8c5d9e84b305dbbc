/* The rows of accounts while a report grows: summed by uid, whatever the name service has said. */
#ifndef STATS_USAGE_ACCOUNTS_H
#define STATS_USAGE_ACCOUNTS_H

#include "stats/usage.h"

/* The row of a record's account, with the latest names. Valid until the next call. */
struct usage_row *usage_account(struct usage *u, const struct usage_record *record);

/* The share of an account in a day or GPU, by its place. Valid until the next call. */
struct usage_total *usage_part(struct usage_row *account, size_t place);

void usage_total_add(struct usage_total *to, const struct usage_total *from);

/*
 * At the end: accounts without a uid (another program's records, or old ones) join the one of that
 * name, and every row has a name.
 */
void usage_join_accounts(struct usage *u);

/* Frees what a row holds. */
void usage_row_clear(struct usage_row *row);

#endif
