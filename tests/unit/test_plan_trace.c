/*
 * The queue's rules over long random histories with a simulated clock: trace.h. A failure names its
 * seed; CANHAZGPU_TRACE=SEED runs that one alone, CANHAZGPU_TRACES=N that many (2,000; fewer where
 * sanitizers make each slow; tests/run deep makes it 20,000).
 */
#include "trace.h"

#include "base/mem.h"

#define EVENTS 120

#if defined(__SANITIZE_ADDRESS__)
#define TRACES 500
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRACES 500
#endif
#endif
#ifndef TRACES
#define TRACES 2000
#endif

/* What the traces have seen in all: rules that never came to bear prove nothing. */
static struct {
	size_t granted, recorded, overtaken, agents, offered, declined, passed_over;
} total;

static void run_trace(uint64_t seed)
{
	struct trace t;
	int events = 0;

	trace_init(&t, seed);
	for (; events < EVENTS && !*t.failure; events++)
		trace_event(&t, true);
	if (!*t.failure)
		trace_finish(&t);
	if (*t.failure)
		fail_msg("trace %llu, event %d: %s", (unsigned long long)seed, events, t.failure);
	total.granted += t.granted_gpus;
	total.recorded += t.store.records_count;
	total.overtaken += t.overtaken;
	total.offered += t.offered;
	total.declined += t.declined;
	total.passed_over += t.passed_over;
	total.agents += t.agents_count;
	trace_clear(&t);
}

static void test_traces(void **state)
{
	const char *one = getenv("CANHAZGPU_TRACE"), *count = getenv("CANHAZGPU_TRACES");
	uint64_t traces = count ? strtoull(count, NULL, 10) : TRACES;

	(void)state;
	if (one) {
		run_trace(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= traces; seed++)
		run_trace(seed);
	print_message("%llu traces, %zu programs, %zu GPUs granted, %zu commits overtaken\n",
		      (unsigned long long)traces, total.agents, total.granted, total.overtaken);
	print_message("%zu offers, %zu declined; passed over %zu times\n", total.offered,
		      total.declined, total.passed_over);
	assert_true(total.offered > traces / 4);
	assert_true(total.declined > traces / 20);
	assert_true(total.passed_over > traces / 4);
	assert_true(total.agents > 15 * traces);
	assert_true(total.granted > 10 * traces);
	assert_true(total.overtaken > traces / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traces),
	};

	return cmocka_run_group_tests_name("plan_trace", tests, NULL, NULL);
}
