/*
 * Changes that contradict the state they are applied to. What the others do is compared with what
 * each store does, in the contract tests: fixture_commit.
 */
#include "test.h"

#include <errno.h>

#include "base/change.h"
#include "base/mem.h"

#define T0 (INT64_C(1795161600) * NS_PER_SECOND)

static struct reservation *reservation_of(const char *id, const int *gpus, size_t count)
{
	struct reservation *r = reservation_new();

	strcpy(r->id, id);
	r->start_ns = T0;
	r->gpus = mem_alloc(count, sizeof(*r->gpus));
	memcpy(r->gpus, gpus, count * sizeof(*r->gpus));
	r->gpus_count = count;
	return r;
}

#define GPUS(...) (const int[]){__VA_ARGS__}, ARRAY_SIZE(((const int[]){__VA_ARGS__}))

/* GPUs 0 and 1 are held by "held", 2 is free, 3 cannot be read; "waits" is in the queue. */
static void state_init(struct pool_state *s)
{
	*s = (struct pool_state){.initialized = true};
	pool_state_make_slots(s, 4);
	pool_state_add(s, reservation_of("held", GPUS(0, 1)));
	s->slots[3].problem = mem_strdup("unreadable");
	strcpy(pool_state_add_waiter(s)->id, "waits");
}

static void test_contradictions(void **state)
{
	AUTO(reservation_freep) struct reservation *held = reservation_of("held", GPUS(0, 1));
	AUTO(reservation_freep) struct reservation *other = reservation_of("other", GPUS(0));
	AUTO(reservation_freep) struct reservation *free = reservation_of("held", GPUS(2));
	AUTO(reservation_freep) struct reservation *bad = reservation_of("bad", GPUS(2, 3));
	AUTO(reservation_freep) struct reservation *beyond = reservation_of("beyond", GPUS(4));
	const struct queue_entry unknown = {.id = "unknown"};
	const int gpus[] = {0, 2}, below[] = {-1};
	const struct {
		struct change change;
		const char *text;
	} cases[] = {
		{{CHANGE_GRANT, .grant.reservation = other}, "GPU 0 cannot be granted"},
		{{CHANGE_GRANT, .grant.reservation = bad}, "GPU 3 cannot be granted"},
		{{CHANGE_GRANT, .grant.reservation = beyond}, "GPU 4 is not one of the 4"},
		{{CHANGE_GRANT, .grant.reservation = free}, "reservation held is granted twice"},
		{{CHANGE_END, .end = {held, gpus, 2}}, "GPU 2 is not held by reservation held"},
		{{CHANGE_END, .end = {other, gpus, 1}}, "GPU 0 is not held by reservation other"},
		{{CHANGE_END, .end = {held, gpus, 0}}, "names no GPU"},
		{{CHANGE_RENEW, .renew.reservation = other}, "GPU 0 is not held by"},
		{{CHANGE_DROP, .drop.entry = &unknown}, "queue entry unknown is not there"},
		{{CHANGE_DRAIN, .drain = {below, 1, "root", T0}}, "GPU -1 is not one of the 4"},
		{{CHANGE_CHECK, .check = {below, 1}}, "GPU -1 is not one of the 4"},
		{{CHANGE_INIT, .init = {"fake", 2, NULL}}, "reservation held was not ended"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(pool_state_clear) struct pool_state s = {0};
		struct err e = {0};

		state_init(&s);
		assert_int_equal(change_apply(&s, &cases[i].change, &e), -EINVAL);
		if (!strstr(e.text, cases[i].text))
			fail_msg("case %zu: %s", i, e.text);
		/* Nothing is half done. */
		assert_int_equal(s.slots_count, 4);
		assert_int_equal(s.reservations_count, 1);
		assert_ptr_equal(s.slots[0].reservation, s.reservations[0]);
		assert_int_equal(s.reservations[0]->gpus_count, 2);
		assert_null(s.slots[2].reservation);
		assert_int_equal(s.queue_count, 1);
	}
}

/* By arrival, then by id, also where an altered entry has another time than before. */
static void test_places(void **state)
{
	static const struct {
		const char *id;
		int64_t enqueued_ns;
		const char *queue;
	} puts[] = {
		{"b", T0, "b"},        {"c", T0 + 2, "bc"}, {"a", T0, "abc"},
		{"d", T0 + 1, "abdc"}, {"a", T0, "abdc"},   {"a", T0 + 3, "bdca"},
	};
	AUTO(pool_state_clear) struct pool_state s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(puts); i++) {
		struct queue_entry q = {.enqueued_ns = puts[i].enqueued_ns};
		const struct change put = {.kind = CHANGE_PUT, .put.entry = &q};
		char queue[8] = "";

		strcpy(q.id, puts[i].id);
		assert_int_equal(change_apply(&s, &put, NULL), 0);
		for (size_t k = 0; k < s.queue_count; k++)
			strcat(queue, s.queue[k].id);
		assert_string_equal(queue, puts[i].queue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
