/* How long runs have taken: src/stats/past_runs.h. */
#include "test.h"

#include "base/mem.h"
#include "stats/past_runs.h"

#define T0 (INT64_C(1800000000) * NS_PER_SECOND)
#define HOUR NS_PER_HOUR

/* A record of `account` (uid -1: not known) that took so many hours. id 0: of another program. */
static void add(struct past_runs *p, const char *account, int uid, int id, int start, int hours)
{
	char name[64];
	struct usage_record record = {
		.account = name,
		.uid = uid < 0 ? (struct quantity){0} : quantity_of(uid),
		.type = RESERVATION_RUN,
		.start_ns = T0 + start * HOUR,
		.end_ns = T0 + (start + hours) * HOUR,
	};

	snprintf(name, sizeof(name), "%s", account);
	if (id)
		snprintf(record.reservation_id, ID_SIZE, "%d", id);
	past_runs_add(p, &record);
}

static int length(const struct past_runs *p, const char *account, int uid, int elapsed)
{
	struct quantity q = uid < 0 ? (struct quantity){0} : quantity_of(uid);

	return (int)(past_runs_length_ns(p, q, account, elapsed * HOUR) / HOUR);
}

static void test_median(void **state)
{
	AUTO(past_runs_clear) struct past_runs p = {0};

	(void)state;
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 0), 0);
	add(&p, "a", 1, 1, 0, 9);
	add(&p, "a", 1, 2, 0, 1);
	add(&p, "b", 2, 3, 0, 100);
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 0), 0); /* two tell nothing */
	add(&p, "a", 1, 4, 0, 4);
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 0), 4);
	assert_int_equal(length(&p, "b", 2, 0), 0);
}

/* One that has taken 3 hours already is not one of those that took less. */
static void test_elapsed(void **state)
{
	AUTO(past_runs_clear) struct past_runs p = {0};

	(void)state;
	for (int i = 1; i <= 7; i++)
		add(&p, "a", 1, i, 0, i);
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 0), 4);
	assert_int_equal(length(&p, "a", 1, 3), 6); /* of 4 5 6 7 */
	assert_int_equal(length(&p, "a", 1, 4), 6);
	assert_int_equal(length(&p, "a", 1, 5), 0);
}

/* A reservation of several GPUs counts once, as long as its last GPU was held. */
static void test_one_of_a_reservation(void **state)
{
	AUTO(past_runs_clear) struct past_runs p = {0};

	(void)state;
	for (int i = 0; i < 8; i++)
		add(&p, "a", 1, 1, 0, 7 + i % 2);
	add(&p, "a", 1, 2, 0, 2);
	add(&p, "a", 1, 3, 0, 1);
	for (int i = 0; i < 4; i++)
		add(&p, "c", 3, 0, 5, 3); /* without an id: by its start */
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 0), 2);
	assert_int_equal(length(&p, "c", 3, 0), 0);
	add(&p, "a", 1, 4, 0, 7);
	past_runs_finish(&p);
	assert_int_equal(length(&p, "a", 1, 1), 7); /* of 2 7 8 */
}

/* By uid; by name where one of the two has none. Only runs that took time count. */
static void test_whose(void **state)
{
	AUTO(past_runs_clear) struct past_runs p = {0};
	char name[] = "a";
	struct usage_record manual = {.account = name,
				      .uid = quantity_of(1),
				      .type = RESERVATION_MANUAL,
				      .start_ns = T0,
				      .end_ns = T0 + 50 * HOUR};

	(void)state;
	for (int i = 1; i <= 3; i++) {
		add(&p, "a", 1, i, 0, 2);
		add(&p, "other", 2, 10 + i, 0, 9);
		add(&p, "a", 1, 20 + i, 0, 0);
		past_runs_add(&p, &manual);
	}
	past_runs_finish(&p);
	assert_int_equal(length(&p, "renamed", 1, 0), 2);
	assert_int_equal(length(&p, "a", -1, 0), 2);
	assert_int_equal(length(&p, "a", 2, 0), 9);
	assert_int_equal(length(&p, "other", 3, 0), 0);
	assert_int_equal(length(&p, NULL, -1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_median),
		cmocka_unit_test(test_elapsed),
		cmocka_unit_test(test_one_of_a_reservation),
		cmocka_unit_test(test_whose),
	};

	return cmocka_run_group_tests_name("past runs", tests, NULL, NULL);
}
