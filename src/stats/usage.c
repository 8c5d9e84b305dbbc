/* Totals of usage records; see usage.h. */
#include "stats/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/usage_accounts.h"

#define NS_PER_US INT64_C(1000)

static const char *const by_names[] = {
	[USAGE_BY_USER] = "user",
	[USAGE_BY_GPU] = "gpu",
	[USAGE_BY_DAY] = "day",
};

const char *usage_by_name(enum usage_by by)
{
	return by_names[by];
}

bool usage_by_parse(const char *name, enum usage_by *ret_by)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_names); i++) {
		if (strcmp(by_names[i], name) != 0)
			continue;
		*ret_by = (enum usage_by)i;
		return true;
	}
	return false;
}

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max_ns(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct usage_row *add_row(struct usage *u)
{
	/* Room for a power of two of rows: it is full when the count is one. */
	if ((u->rows_count & (u->rows_count - 1)) == 0)
		u->rows = mem_resize(u->rows, u->rows_count ? u->rows_count * 2 : 1,
				     sizeof(*u->rows));
	u->rows[u->rows_count] = (struct usage_row){0};
	return &u->rows[u->rows_count++];
}

/* One row per local day; the first and the last are cut to the period. */
static void add_days(struct usage *u)
{
	for (int64_t begin_ns = u->from_ns; begin_ns < u->to_ns;) {
		struct usage_row *row = add_row(u);

		row->begin_ns = begin_ns;
		row->end_ns = min_ns(clock_next_local_day_ns(begin_ns), u->to_ns);
		begin_ns = row->end_ns;
	}
}

void usage_init(struct usage *u, enum usage_by by, int64_t from_ns, int64_t to_ns)
{
	*u = (struct usage){.by = by, .from_ns = from_ns, .to_ns = to_ns};
	if (by == USAGE_BY_DAY)
		add_days(u);
}

void usage_add_gpus(struct usage *u, size_t count)
{
	while (u->by == USAGE_BY_GPU && u->rows_count < count) {
		struct usage_row *row = add_row(u);

		row->gpu = (int)u->rows_count - 1;
	}
}

/* ---- records ---- */

static void add_time(struct usage_total *total, int64_t begin_ns, int64_t end_ns)
{
	total->gpu_us += (end_ns - begin_ns) / NS_PER_US;
}

static void add_reservation(struct usage_total *total, enum reservation_type type)
{
	if (type == RESERVATION_RUN)
		total->run_count++;
	else
		total->manual_count++;
}

/* Splits the time at the ends of days. The reservation counts on its first day in the period. */
static void add_to_days(struct usage *u, const struct usage_record *record, bool first,
			int64_t begin_ns, int64_t end_ns)
{
	size_t low = 0, high = u->rows_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (u->rows[middle].begin_ns <= begin_ns)
			low = middle;
		else
			high = middle;
	}
	if (first)
		add_reservation(&u->rows[low].total, record->type);
	for (; low < u->rows_count && u->rows[low].begin_ns < end_ns; low++)
		add_time(&u->rows[low].total, max_ns(begin_ns, u->rows[low].begin_ns),
			 min_ns(end_ns, u->rows[low].end_ns));
}

/* A number that no pool can have is a damaged record: it counts in the total alone. */
static void add_to_gpu(struct usage *u, const struct usage_record *record, int64_t begin_ns,
		       int64_t end_ns)
{
	if (record->gpu < 0 || record->gpu >= POOL_GPUS_MAX)
		return;
	usage_add_gpus(u, (size_t)record->gpu + 1);
	add_time(&u->rows[record->gpu].total, begin_ns, end_ns);
	add_reservation(&u->rows[record->gpu].total, record->type);
}

void usage_add(struct usage *u, const struct usage_record *record)
{
	int64_t begin_ns = max_ns(record->start_ns, u->from_ns);
	int64_t end_ns = min_ns(record->end_ns, u->to_ns);
	struct usage_row *account;
	bool first;

	if (record->end_ns <= u->from_ns || record->start_ns >= u->to_ns || end_ns < begin_ns)
		return;
	first = usage_seen_first(&u->seen, record);
	account = usage_account(u, record);
	add_time(&u->total, begin_ns, end_ns);
	add_time(&account->total, begin_ns, end_ns);
	if (first) {
		add_reservation(&u->total, record->type);
		add_reservation(&account->total, record->type);
	}
	if (u->by == USAGE_BY_GPU)
		add_to_gpu(u, record, begin_ns, end_ns);
	else if (u->by == USAGE_BY_DAY)
		add_to_days(u, record, first, begin_ns, end_ns);
}

void usage_add_running(struct usage *u, const struct reservation *r, int64_t end_ns)
{
	struct usage_record record = {
		.user = r->user,
		.account = r->account,
		.uid = r->uid,
		.type = r->type,
		.start_ns = r->start_ns,
		.end_ns = end_ns,
	};

	memcpy(record.reservation_id, r->id, ID_SIZE);
	for (size_t i = 0; i < r->gpus_count; i++) {
		record.gpu = r->gpus[i];
		usage_add(u, &record);
	}
}

/* ---- the end ---- */

static int compare_users(const void *a, const void *b)
{
	const struct usage_row *left = a, *right = b;

	if (left->total.gpu_us != right->total.gpu_us)
		return left->total.gpu_us < right->total.gpu_us ? 1 : -1;
	if (strcmp(left->account, right->account) != 0)
		return strcmp(left->account, right->account);
	return left->uid.value < right->uid.value ? -1 : left->uid.value > right->uid.value;
}

static void clear_rows(struct usage_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		usage_row_clear(&rows[i]);
	free(rows);
}

void usage_finish(struct usage *u)
{
	usage_seen_clear(&u->seen);
	free(u->account_slots);
	u->account_slots = NULL;
	usage_join_accounts(u);
	if (u->by != USAGE_BY_USER || !u->accounts_count)
		return;
	u->rows = mem_steal(&u->accounts);
	u->rows_count = u->accounts_count;
	for (size_t i = 0; i < u->rows_count; i++) {
		if (!u->rows[i].label)
			u->rows[i].label = mem_strdup(u->rows[i].account);
	}
	qsort(u->rows, u->rows_count, sizeof(*u->rows), compare_users);
}

void usage_clear(struct usage *u)
{
	usage_seen_clear(&u->seen);
	free(u->account_slots);
	clear_rows(u->rows, u->rows_count);
	clear_rows(u->accounts, u->accounts ? u->accounts_count : 0);
	*u = (struct usage){0};
}

double usage_hours(const struct usage_total *total)
{
	return (double)total->gpu_us / ((double)NS_PER_HOUR / (double)NS_PER_US);
}

int64_t usage_reservations(const struct usage_total *total)
{
	return total->run_count + total->manual_count;
}

double usage_percentage(const struct usage *u, const struct usage_total *part)
{
	return u->total.gpu_us > 0 ? (double)part->gpu_us / (double)u->total.gpu_us * 100 : 0;
}

char *usage_row_name(const struct usage *u, const struct usage_row *row)
{
	char date[CLOCK_DATE_SIZE];

	if (u->by == USAGE_BY_GPU)
		return mem_printf("%d", row->gpu);
	if (u->by == USAGE_BY_DAY)
		return mem_strdup(clock_local_date(row->begin_ns, date));
	if (!strcmp(row->label, row->account))
		return mem_strdup(row->account);
	return mem_printf("%s (%s)", row->label, row->account);
}
