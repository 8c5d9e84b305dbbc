/* Totals of usage records; see usage.h. */
#include "stats/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stats/usage_accounts.h"

#define NS_PER_US INT64_C(1000)

static const char *const by_names[] = {
	[USAGE_BY_USER] = "user",         [USAGE_BY_GPU] = "gpu",           [USAGE_BY_DAY] = "day",
	[USAGE_BY_USER_DAY] = "user,day", [USAGE_BY_USER_GPU] = "user,gpu",
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

static struct usage_row *add_row(struct usage_row **rows, size_t *count)
{
	/* Room for a power of two of rows: it is full when the count is one. */
	if ((*count & (*count - 1)) == 0)
		*rows = mem_resize(*rows, *count ? *count * 2 : 1, sizeof(**rows));
	(*rows)[*count] = (struct usage_row){0};
	return &(*rows)[(*count)++];
}

/* One row per local day; the first and the last are cut to the period. */
static void add_days(const struct usage *u, struct usage_row **rows, size_t *count)
{
	for (int64_t begin_ns = u->from_ns; begin_ns < u->to_ns;) {
		struct usage_row *row = add_row(rows, count);

		row->begin_ns = begin_ns;
		row->end_ns = min_ns(clock_next_local_day_ns(begin_ns), u->to_ns);
		begin_ns = row->end_ns;
	}
}

void usage_init(struct usage *u, enum usage_by by, int64_t from_ns, int64_t to_ns)
{
	*u = (struct usage){.by = by, .from_ns = from_ns, .to_ns = to_ns};
	if (by == USAGE_BY_DAY)
		add_days(u, &u->rows, &u->rows_count);
	else if (by == USAGE_BY_USER_DAY)
		add_days(u, &u->days, &u->days_count);
}

void usage_add_gpus(struct usage *u, size_t count)
{
	while (u->by == USAGE_BY_GPU && u->rows_count < count) {
		struct usage_row *row = add_row(&u->rows, &u->rows_count);

		row->gpu = (int)u->rows_count - 1;
	}
}

/* ---- records ---- */

void usage_total_add(struct usage_total *to, const struct usage_total *from)
{
	to->gpu_us += from->gpu_us;
	to->active_us += from->active_us;
	to->idle_us += from->idle_us;
	to->run_count += from->run_count;
	to->manual_count += from->manual_count;
}

/* The share of a part of the record: when in the reservation it was is not recorded. */
static int64_t share_us(const struct usage_record *record, struct quantity of_ns, int64_t part_ns)
{
	int64_t whole_ns = record->end_ns - record->start_ns;

	if (!of_ns.known || whole_ns <= 0)
		return 0;
	if (part_ns == whole_ns)
		return of_ns.value / NS_PER_US;
	return (int64_t)((double)of_ns.value * ((double)part_ns / (double)whole_ns)) / NS_PER_US;
}

static void add_time(struct usage_total *total, const struct usage_record *record, int64_t begin_ns,
		     int64_t end_ns)
{
	total->gpu_us += (end_ns - begin_ns) / NS_PER_US;
	total->active_us += share_us(record, record->active_ns, end_ns - begin_ns);
	total->idle_us += share_us(record, record->idle_ns, end_ns - begin_ns);
}

static void add_reservation(struct usage_total *total, enum reservation_type type)
{
	if (type == RESERVATION_RUN)
		total->run_count++;
	else
		total->manual_count++;
}

struct usage_total *usage_part(struct usage_row *account, size_t place)
{
	struct usage_parts *parts = &account->parts, wider = *parts;

	if (!parts->count)
		wider.first = place;
	if (place < wider.first) {
		wider.count += wider.first - place;
		wider.first = place;
	} else if (place >= wider.first + wider.count) {
		wider.count = place - wider.first + 1;
	}
	if (wider.count != parts->count) {
		wider.totals = mem_alloc(wider.count, sizeof(*wider.totals));
		if (parts->count)
			memcpy(&wider.totals[parts->first - wider.first], parts->totals,
			       parts->count * sizeof(*wider.totals));
		free(parts->totals);
		*parts = wider;
	}
	return &parts->totals[place - parts->first];
}

/* Splits the time at the ends of days, into the days themselves, or with an account into its share
   in them. The reservation counts on its first day in the period. */
static void add_to_days(struct usage_row *days, size_t count, struct usage_row *account,
			const struct usage_record *record, bool first, int64_t begin_ns,
			int64_t end_ns)
{
	size_t low = 0, high = count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (days[middle].begin_ns <= begin_ns)
			low = middle;
		else
			high = middle;
	}
	if (first)
		add_reservation(account ? usage_part(account, low) : &days[low].total,
				record->type);
	for (; low < count && days[low].begin_ns < end_ns; low++)
		add_time(account ? usage_part(account, low) : &days[low].total, record,
			 max_ns(begin_ns, days[low].begin_ns), min_ns(end_ns, days[low].end_ns));
}

/* Into the GPU itself, or with an account into its share in it. A number that no pool can have is a
   damaged record: it counts in the total alone. */
static void add_to_gpu(struct usage *u, struct usage_row *account,
		       const struct usage_record *record, int64_t begin_ns, int64_t end_ns)
{
	struct usage_total *total;

	if (record->gpu < 0 || record->gpu >= POOL_GPUS_MAX)
		return;
	usage_add_gpus(u, (size_t)record->gpu + 1);
	total = account ? usage_part(account, (size_t)record->gpu) : &u->rows[record->gpu].total;
	add_time(total, record, begin_ns, end_ns);
	add_reservation(total, record->type);
}

static void add_to_rows(struct usage *u, struct usage_row *account,
			const struct usage_record *record, bool first, int64_t begin_ns,
			int64_t end_ns)
{
	switch (u->by) {
	case USAGE_BY_USER:
		break;
	case USAGE_BY_GPU:
		add_to_gpu(u, NULL, record, begin_ns, end_ns);
		break;
	case USAGE_BY_DAY:
		add_to_days(u->rows, u->rows_count, NULL, record, first, begin_ns, end_ns);
		break;
	case USAGE_BY_USER_DAY:
		add_to_days(u->days, u->days_count, account, record, first, begin_ns, end_ns);
		break;
	case USAGE_BY_USER_GPU:
		add_to_gpu(u, account, record, begin_ns, end_ns);
		break;
	}
}

void usage_add(struct usage *u, const struct usage_record *record)
{
	int64_t begin_ns = max_ns(record->start_ns, u->from_ns);
	int64_t end_ns = min_ns(record->end_ns, u->to_ns);
	struct usage_row *account;
	bool first;

	if (record->end_ns <= u->from_ns || record->start_ns >= u->to_ns || end_ns < begin_ns)
		return;
	if (u->only_account &&
	    !account_is_same(u->only_uid, u->only_account, record->uid, record->account))
		return;
	first = usage_seen_first(&u->seen, record);
	account = usage_account(u, record);
	add_time(&u->total, record, begin_ns, end_ns);
	add_time(&account->total, record, begin_ns, end_ns);
	if (first) {
		add_reservation(&u->total, record->type);
		add_reservation(&account->total, record->type);
	}
	add_to_rows(u, account, record, first, begin_ns, end_ns);
}

void usage_add_running(struct usage *u, const struct slot *slots, const struct reservation *r,
		       int64_t end_ns)
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
		const struct activity *a = &slots[r->gpus[i]].activity;

		record.gpu = r->gpus[i];
		record.active_ns = (struct quantity){activity_is_known(a), a->active_ns};
		record.idle_ns = (struct quantity){activity_is_known(a), a->idle_ns};
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

/* The accounts in the order in which they are shown, each with a name. */
static void sort_accounts(struct usage *u)
{
	for (size_t i = 0; i < u->accounts_count; i++) {
		if (!u->accounts[i].label)
			u->accounts[i].label = mem_strdup(u->accounts[i].account);
	}
	qsort(u->accounts, u->accounts_count, sizeof(*u->accounts), compare_users);
}

/* A row for each day or GPU of the account that it had anything of. */
static void add_parts(struct usage *u, const struct usage_row *account)
{
	for (size_t i = 0; i < account->parts.count; i++) {
		const struct usage_total *total = &account->parts.totals[i];
		size_t place = account->parts.first + i;
		struct usage_row *row;

		if (!total->gpu_us && !usage_reservations(total))
			continue;
		row = add_row(&u->rows, &u->rows_count);
		row->uid = account->uid;
		row->account = mem_strdup(account->account);
		row->label = mem_strdup(account->label);
		row->total = *total;
		if (u->by == USAGE_BY_USER_GPU) {
			row->gpu = (int)place;
		} else {
			row->begin_ns = u->days[place].begin_ns;
			row->end_ns = u->days[place].end_ns;
		}
	}
}

void usage_finish(struct usage *u)
{
	usage_seen_clear(&u->seen);
	free(u->account_slots);
	u->account_slots = NULL;
	usage_join_accounts(u);
	if (!usage_is_by_user(u) || !u->accounts_count)
		return;
	sort_accounts(u);
	if (u->by == USAGE_BY_USER) {
		u->rows = mem_steal(&u->accounts);
		u->rows_count = u->accounts_count;
		return;
	}
	for (size_t i = 0; i < u->accounts_count; i++)
		add_parts(u, &u->accounts[i]);
}

void usage_clear(struct usage *u)
{
	usage_seen_clear(&u->seen);
	free(u->account_slots);
	clear_rows(u->rows, u->rows_count);
	clear_rows(u->days, u->days_count);
	clear_rows(u->accounts, u->accounts ? u->accounts_count : 0);
	*u = (struct usage){0};
}

static double hours(int64_t us)
{
	return (double)us / ((double)NS_PER_HOUR / (double)NS_PER_US);
}

double usage_hours(const struct usage_total *total)
{
	return hours(total->gpu_us);
}

double usage_active_hours(const struct usage_total *total)
{
	return hours(total->active_us);
}

double usage_idle_hours(const struct usage_total *total)
{
	return hours(total->idle_us);
}

double usage_unknown_hours(const struct usage_total *total)
{
	return hours(max_ns(total->gpu_us - total->active_us - total->idle_us, 0));
}

int64_t usage_reservations(const struct usage_total *total)
{
	return total->run_count + total->manual_count;
}

double usage_percentage(const struct usage *u, const struct usage_total *part)
{
	return u->total.gpu_us > 0 ? (double)part->gpu_us / (double)u->total.gpu_us * 100 : 0;
}

bool usage_is_by_user(const struct usage *u)
{
	return u->by == USAGE_BY_USER || u->by == USAGE_BY_USER_DAY || u->by == USAGE_BY_USER_GPU;
}

char *usage_row_part(const struct usage *u, const struct usage_row *row)
{
	char date[CLOCK_DATE_SIZE];

	if (u->by == USAGE_BY_USER_GPU)
		return mem_printf("%d", row->gpu);
	if (u->by == USAGE_BY_USER_DAY)
		return mem_strdup(clock_local_date(row->begin_ns, date));
	return NULL;
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
