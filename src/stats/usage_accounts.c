/* The rows of accounts; see usage_accounts.h. Called by usage.c. */
#include "stats/usage_accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What a record is grouped by: the uid, or the name where that is unknown. */
struct account_key {
	struct quantity uid;
	const char *name;
};

/* What an account was called while no name service knew it: "uid 1234". */
static bool is_number_name(const char *name)
{
	return !strncmp(name, "uid ", 4) && name[4] && !name[4 + strspn(name + 4, "0123456789")];
}

static struct account_key key_of(const struct usage_record *record)
{
	struct account_key key = {.uid = record->uid, .name = record->account};

	if (!key.name)
		key.name = record->user ? record->user : "unknown";
	/* Of another program's records, too, that give no uid. */
	if (!key.uid.known && record->account && is_number_name(record->account))
		key.uid = quantity_of(strtoll(record->account + 4, NULL, 10));
	return key;
}

static struct account_key key_of_row(const struct usage_row *row)
{
	return (struct account_key){.uid = row->uid, .name = row->account};
}

static bool is_row_of(const struct usage_row *row, const struct account_key *key)
{
	if (row->uid.known || key->uid.known)
		return row->uid.known && key->uid.known && row->uid.value == key->uid.value;
	return !strcmp(row->account, key->name);
}

/* The place of an account in the hash table: its own, or the empty one where it belongs. */
static size_t *account_slot(const struct usage *u, const struct account_key *key)
{
	size_t mask = u->account_slots_count - 1;
	uint64_t hash = key->uid.known ? usage_hash(&key->uid.value, sizeof(key->uid.value), 5)
				       : usage_hash(key->name, strlen(key->name), 7);
	size_t i = (size_t)hash & mask;

	while (u->account_slots[i] && !is_row_of(&u->accounts[u->account_slots[i] - 1], key))
		i = (i + 1) & mask;
	return &u->account_slots[i];
}

static void grow_accounts(struct usage *u)
{
	size_t count = u->account_slots_count ? u->account_slots_count * 2 : 64;

	free(u->account_slots);
	u->account_slots = mem_alloc(count, sizeof(*u->account_slots));
	u->account_slots_count = count;
	u->accounts = mem_resize(u->accounts, count / 2, sizeof(*u->accounts));
	for (size_t i = 0; i < u->accounts_count; i++) {
		struct account_key key = key_of_row(&u->accounts[i]);

		*account_slot(u, &key) = i + 1;
	}
}

/* The row of an account. Records of one reservation follow each other, so the latest is tried
 * first.
 */
static struct usage_row *account_row(struct usage *u, const struct account_key *key)
{
	size_t *slot;

	if (u->latest_account < u->accounts_count &&
	    is_row_of(&u->accounts[u->latest_account], key))
		return &u->accounts[u->latest_account];
	if (u->accounts_count * 2 >= u->account_slots_count)
		grow_accounts(u);
	slot = account_slot(u, key);
	if (!*slot) {
		struct usage_row *row = &u->accounts[u->accounts_count++];

		*row = (struct usage_row){
			.uid = key->uid, .account_ns = INT64_MIN, .label_ns = INT64_MIN};
		if (!key->uid.known)
			row->account = mem_strdup(key->name);
		*slot = u->accounts_count;
	}
	u->latest_account = *slot - 1;
	return &u->accounts[u->latest_account];
}

/* Keeps the name that was used last; of several at one moment the first by alphabet. A number is no
   name: the name service was away. */
static void take_name(char **name, int64_t *name_ns, const char *other, int64_t other_ns)
{
	if (!other || other_ns < *name_ns || is_number_name(other))
		return;
	if (!*name || (other_ns > *name_ns && strcmp(other, *name) != 0) ||
	    (other_ns == *name_ns && strcmp(other, *name) < 0))
		mem_replace(name, other);
	*name_ns = other_ns;
}

struct usage_row *usage_account(struct usage *u, const struct usage_record *record)
{
	struct account_key key = key_of(record);
	struct usage_row *row = account_row(u, &key);

	if (row->uid.known)
		take_name(&row->account, &row->account_ns, record->account, record->end_ns);
	take_name(&row->label, &row->label_ns, record->user, record->end_ns);
	return row;
}

void usage_row_clear(struct usage_row *row)
{
	free(row->account);
	free(row->label);
	free(row->parts.totals);
	row->account = row->label = NULL;
	row->parts = (struct usage_parts){0};
}

static void merge_row(struct usage_row *to, struct usage_row *from)
{
	usage_total_add(&to->total, &from->total);
	for (size_t i = 0; i < from->parts.count; i++)
		usage_total_add(usage_part(to, from->parts.first + i), &from->parts.totals[i]);
	take_name(&to->label, &to->label_ns, from->label, from->label_ns);
	usage_row_clear(from);
}

static int compare_names(const void *a, const void *b)
{
	struct usage_row *const *left = a, *const *right = b;

	return strcmp((*left)->account, (*right)->account);
}

void usage_join_accounts(struct usage *u)
{
	AUTO_FREE struct usage_row **known = mem_alloc(u->accounts_count + 1, sizeof(*known));
	size_t known_count = 0, kept = 0;

	for (size_t i = 0; i < u->accounts_count; i++) {
		struct usage_row *row = &u->accounts[i];

		if (!row->account)
			row->account = mem_printf("uid %lld", (long long)row->uid.value);
		if (row->uid.known)
			known[known_count++] = row;
	}
	qsort(known, known_count, sizeof(struct usage_row *), compare_names);
	for (size_t i = 0; i < u->accounts_count; i++) {
		struct usage_row *row = &u->accounts[i], **same = NULL;

		if (!row->uid.known)
			same = bsearch(&row, known, known_count, sizeof(struct usage_row *),
				       compare_names);
		if (same)
			merge_row(*same, row);
	}
	for (size_t i = 0; i < u->accounts_count; i++) {
		if (u->accounts[i].account)
			u->accounts[kept++] = u->accounts[i];
	}
	u->accounts_count = kept;
}
