/* How long the runs of each account have taken; see past_runs.h. */
#include "stats/past_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct past_account *find(const struct past_runs *p, struct quantity uid,
				 const char *account)
{
	for (size_t i = 0; i < p->accounts_count; i++) {
		const struct past_account *a = &p->accounts[i];

		if (account_is_same(a->uid, a->account, uid, account))
			return &p->accounts[i];
	}
	return NULL;
}

void past_runs_add(struct past_runs *p, const struct usage_record *record)
{
	struct past_account *a = find(p, record->uid, record->account);
	struct past_run *run;

	if (record->type != RESERVATION_RUN || record->end_ns <= record->start_ns)
		return;
	if (!a) {
		p->accounts = mem_resize(p->accounts, p->accounts_count + 1, sizeof(*p->accounts));
		a = &p->accounts[p->accounts_count++];
		*a = (struct past_account){.uid = record->uid,
					   .account = mem_strdup(record->account)};
	}
	a->runs = mem_resize(a->runs, a->runs_count + 1, sizeof(*a->runs));
	run = &a->runs[a->runs_count++];
	*run = (struct past_run){.start_ns = record->start_ns,
				 .length_ns = record->end_ns - record->start_ns};
	memcpy(run->id, record->reservation_id, ID_SIZE);
}

static int compare_ns(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Those of one reservation beside each other, the longest first. */
static int compare_runs(const void *left, const void *right)
{
	const struct past_run *a = left, *b = right;
	int r = strcmp(a->id, b->id);

	if (!r)
		r = compare_ns(a->start_ns, b->start_ns);
	return r ? r : compare_ns(b->length_ns, a->length_ns);
}

static int compare_lengths(const void *left, const void *right)
{
	const struct past_run *a = left, *b = right;

	return compare_ns(a->length_ns, b->length_ns);
}

void past_runs_finish(struct past_runs *p)
{
	for (size_t i = 0; i < p->accounts_count; i++) {
		struct past_account *a = &p->accounts[i];
		size_t kept = 0;

		qsort(a->runs, a->runs_count, sizeof(*a->runs), compare_runs);
		for (size_t k = 0; k < a->runs_count; k++) {
			/* What starts at one moment is one reservation, also where it has no id. */
			if (!kept || strcmp(a->runs[k].id, a->runs[kept - 1].id) != 0 ||
			    a->runs[k].start_ns != a->runs[kept - 1].start_ns)
				a->runs[kept++] = a->runs[k];
		}
		a->runs_count = kept;
		qsort(a->runs, a->runs_count, sizeof(*a->runs), compare_lengths);
	}
}

int64_t past_runs_length_ns(const struct past_runs *p, struct quantity uid, const char *account,
			    int64_t elapsed_ns)
{
	const struct past_account *a = find(p, uid, account);
	size_t first = 0;

	if (!a)
		return 0;
	while (first < a->runs_count && a->runs[first].length_ns <= elapsed_ns)
		first++;
	if (a->runs_count - first < PAST_RUNS_MIN)
		return 0;
	return a->runs[first + (a->runs_count - first) / 2].length_ns;
}

void past_runs_clear(struct past_runs *p)
{
	for (size_t i = 0; i < p->accounts_count; i++) {
		free(p->accounts[i].account);
		free(p->accounts[i].runs);
	}
	free(p->accounts);
	*p = (struct past_runs){0};
}
