/* Whose pool it is: what is recorded, compared with what a host knows of itself. */
#include "test.h"

#include <ctype.h>

#include "base/mem.h"
#include "plan/machine.h"

#define UNKNOWN NULL

/* A host as "machine id, boot id, name", and its GPUs, one letter each ("-": one without UUID, "A":
   a MIG instance of "a"). */
struct side {
	const char *id, *boot, *name, *gpus;
};

/* What is to be recorded afterwards: nothing, this host, or this host with the old machine id. */
enum record { KEEP, HERE, HERE_OLD_ID };

static const struct {
	const char *what;
	struct side pool, here;
	enum machine_match match;
	enum record record;
} cases[] = {
	{"a pool from before there were hosts",
	 {UNKNOWN, UNKNOWN, UNKNOWN, "ab"},
	 {"m1", "b1", "n1", "ab"},
	 MACHINE_UNRECORDED,
	 HERE},
	{"... and a host that knows nothing of itself",
	 {UNKNOWN, UNKNOWN, UNKNOWN, "ab"},
	 {UNKNOWN, UNKNOWN, "n1", "ab"},
	 MACHINE_UNRECORDED,
	 KEEP},
	{"... and a host without a driver",
	 {UNKNOWN, UNKNOWN, UNKNOWN, "ab"},
	 {"m1", "b1", "n1", ""},
	 MACHINE_UNRECORDED,
	 HERE},
	{"... and another host",
	 {UNKNOWN, UNKNOWN, UNKNOWN, "ab"},
	 {"m1", "b1", "n1", "cd"},
	 MACHINE_OTHER,
	 KEEP},
	{"... without UUIDs",
	 {UNKNOWN, UNKNOWN, UNKNOWN, "--"},
	 {"m1", "b1", "n1", "ab"},
	 MACHINE_UNRECORDED,
	 HERE},
	{"the same", {"m1", "b1", "n1", "ab"}, {"m1", "b1", "n1", "ab"}, MACHINE_SAME, KEEP},
	{"rebooted", {"m1", "b1", "n1", "ab"}, {"m1", "b2", "n1", "ab"}, MACHINE_SAME, HERE},
	{"rebooted, simulated GPUs",
	 {"m1", "b1", "n1", "--"},
	 {"m1", "b2", "n1", "ab"},
	 MACHINE_SAME,
	 HERE},
	{"rebooted, without a driver",
	 {"m1", "b1", "n1", "ab"},
	 {"m1", "b2", "n1", ""},
	 MACHINE_SAME,
	 HERE},
	{"renamed", {"m1", "b1", "n1", "ab"}, {"m1", "b1", "n2", "ab"}, MACHINE_RENAMED, KEEP},
	{"renamed and rebooted",
	 {"m1", "b1", "n1", "ab"},
	 {"m1", "b2", "n2", "ab"},
	 MACHINE_RENAMED,
	 HERE},
	{"reinstalled",
	 {"m1", "b1", "n1", "ab"},
	 {"m2", "b2", "n1", "ab"},
	 MACHINE_REINSTALLED,
	 HERE},
	{"reinstalled, with one of the cards replaced",
	 {"m1", "b1", "n1", "ab"},
	 {"m2", "b2", "n2", "bc"},
	 MACHINE_REINSTALLED,
	 HERE},
	{"all GPUs replaced",
	 {"m1", "b1", "n1", "ab"},
	 {"m1", "b2", "n1", "cd"},
	 MACHINE_SAME,
	 HERE},
	{"a copy of the host's image",
	 {"m1", "b1", "n1", "ab"},
	 {"m1", "b2", "n2", "cd"},
	 MACHINE_OTHER,
	 KEEP},
	{"another host", {"m1", "b1", "n1", "ab"}, {"m2", "b2", "n2", "cd"}, MACHINE_OTHER, KEEP},
	{"another host that has the same name",
	 {"m1", "b1", "localhost", "ab"},
	 {"m2", "b2", "localhost", "cd"},
	 MACHINE_OTHER,
	 KEEP},
	{"another host, simulated GPUs",
	 {"m1", "b1", "n1", "--"},
	 {"m2", "b2", "n2", "ab"},
	 MACHINE_OTHER,
	 KEEP},
	{"another host, which has no GPUs",
	 {"m1", "b1", "n1", "ab"},
	 {"m2", "b2", "n2", ""},
	 MACHINE_OTHER,
	 KEEP},
	{"a container of the host, with another machine id",
	 {"m1", "b1", "n1", "ab"},
	 {"m2", "b1", "c1", "a"},
	 MACHINE_RENAMED,
	 KEEP},
	{"a container without one, after a reboot",
	 {"m1", "b1", "n1", "ab"},
	 {UNKNOWN, "b2", "c1", "b"},
	 MACHINE_RENAMED,
	 HERE_OLD_ID},
	{"... which sees no GPUs",
	 {"m1", "b1", "n1", "ab"},
	 {UNKNOWN, "b2", "c1", ""},
	 MACHINE_UNCERTAIN,
	 HERE_OLD_ID},
	{"... on another host",
	 {"m1", "b1", "n1", "ab"},
	 {UNKNOWN, "b2", "c1", "cd"},
	 MACHINE_OTHER,
	 KEEP},
	{"the host, after a container has recorded it",
	 {UNKNOWN, "b1", "c1", "ab"},
	 {"m1", "b1", "n1", "ab"},
	 MACHINE_RENAMED,
	 KEEP},
	{"... and after a reboot",
	 {UNKNOWN, "b1", "c1", "ab"},
	 {"m1", "b2", "n1", "ab"},
	 MACHINE_RENAMED,
	 HERE},
	{"a kernel that tells no boot id",
	 {"m1", UNKNOWN, "n1", "ab"},
	 {"m1", UNKNOWN, "n1", "ab"},
	 MACHINE_SAME,
	 HERE},
	{"renamed and rebooted, and its GPUs divided",
	 {"m1", "b1", "n1", "ab"},
	 {"m1", "b2", "n2", "AABB"},
	 MACHINE_RENAMED,
	 HERE},
	{"... and divided otherwise",
	 {"m1", "b1", "n1", "AB"},
	 {"m1", "b2", "n2", "AABB"},
	 MACHINE_RENAMED,
	 HERE},
	{"... and whole again",
	 {"m1", "b1", "n1", "AABB"},
	 {"m1", "b2", "n2", "ab"},
	 MACHINE_RENAMED,
	 HERE},
	{"another host with instances",
	 {"m1", "b1", "n1", "AB"},
	 {"m2", "b2", "n2", "CD"},
	 MACHINE_OTHER,
	 KEEP},
};

/* That of an instance is a new one each time. */
static char *uuid_of(char letter)
{
	static int instances;

	if (isupper((unsigned char)letter))
		return mem_printf("MIG-%d", ++instances);
	return letter == '-' ? NULL : mem_printf("GPU-%c", letter);
}

static char *parent_of(char letter)
{
	return isupper((unsigned char)letter) ? uuid_of((char)tolower((unsigned char)letter))
					      : NULL;
}

static struct machine machine_of(const struct side *s)
{
	return (struct machine){
		.id = mem_strdup(s->id),
		.boot_id = mem_strdup(s->boot),
		.name = mem_strdup(s->name),
	};
}

static void check(size_t i)
{
	AUTO(pool_state_clear) struct pool_state state = {.initialized = true};
	AUTO(machine_clear) struct machine machine = machine_of(&cases[i].here);
	AUTO(scan_clear) struct scan scan = {0};
	const struct plan_here here = {.machine = &machine, .scan = &scan};
	const struct plan_here unscanned = {.machine = &machine};
	struct machine record = {0};
	bool records, same_boot, has_uuids = *cases[i].pool.gpus != '-';

	state.host = machine_of(&cases[i].pool);
	pool_state_make_slots(&state, strlen(cases[i].pool.gpus));
	for (size_t k = 0; k < state.slots_count; k++) {
		state.slots[k].uuid = uuid_of(cases[i].pool.gpus[k]);
		state.slots[k].parent = parent_of(cases[i].pool.gpus[k]);
	}
	for (const char *letter = cases[i].here.gpus; *letter; letter++) {
		struct gpu *gpu = scan_add_gpu(&scan);

		gpu->uuid = uuid_of(*letter);
		gpu->parent = parent_of(*letter);
	}

	assert_int_equal(plan_machine_match(&state, &here), cases[i].match);
	records = plan_machine_record(&state, &here, cases[i].match, &record);
	assert_int_equal(records, cases[i].record != KEEP);
	if (records) {
		assert_ptr_equal(record.id, cases[i].record == HERE ? machine.id : state.host.id);
		assert_ptr_equal(record.boot_id, machine.boot_id);
		assert_ptr_equal(record.name, machine.name);
	}
	/* Where no scan is asked for, none may change the answer. */
	same_boot = state.host.boot_id && machine.boot_id &&
		    !strcmp(state.host.boot_id, machine.boot_id);
	assert_false(plan_machine_needs_scan(&state, &here));
	assert_int_equal(plan_machine_needs_scan(&state, &unscanned),
			 !same_boot && (state.host.id || state.host.boot_id || has_uuids));
	if (!plan_machine_needs_scan(&state, &unscanned))
		assert_int_equal(plan_machine_match(&state, &unscanned), cases[i].match);
}

static void test_cases(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].what);
		check(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests_name("whose pool", tests, NULL, NULL);
}
