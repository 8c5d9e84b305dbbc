/* What selects a GPU for programs: a table for src/gpu/naming.c, and what holds for any scan. */
#include "gpu_test.h"

#include "gpu/gpu_backend.h"

/* One GPU in a row of the table. */
struct card {
	const char *uuid;
	char state; /* 0: all is well, '!': it cannot be read, '?': its processes cannot, 'm': it is
		       in MIG mode, 'i': it is an instance */
	int kfd;    /* its place in KFD, from 1; 0: none */
	const char *kfd_id;
};

static struct scan scan_of(const struct card *cards, size_t count)
{
	struct scan s = {0};

	for (size_t i = 0; i < count; i++) {
		struct gpu *g = scan_add_gpu(&s);

		g->index = (int)i;
		g->uuid = mem_strdup(cards[i].uuid);
		g->pci_bus_id = mem_printf("0000:%02zx:00.0", i + 1);
		g->mig = cards[i].state == 'm';
		g->profile = mem_strdup(cards[i].state == 'i' ? "1g.10gb" : NULL);
		if (cards[i].state == '!' || cards[i].state == '?')
			g->problem = mem_strdup("GPU is lost");
		if (cards[i].state != '!')
			g->memory_used_mb = quantity_of(4);
		if (cards[i].kfd)
			g->runtime_index = quantity_of(cards[i].kfd - 1);
		g->runtime_id = mem_strdup(cards[i].kfd_id);
	}
	return s;
}

/* The names of all GPUs, "-" for none. */
static char *names_of(const struct scan *s)
{
	struct str out = {0};

	for (size_t i = 0; i < s->gpus_count; i++)
		str_addf(&out, "%s%s", i ? " " : "", s->gpus[i].visible ? s->gpus[i].visible : "-");
	return str_steal(&out);
}

static void test_table(void **state)
{
	static const struct {
		const struct gpu_backend *backend;
		struct card cards[4];
		const char *automatic, *by_index, *by_uuid;
		const char *doubt; /* NULL: the numbers are certain */
	} cases[] = {
		{&gpu_nvidia, {{"GPU-a"}, {"GPU-b"}}, "0 1", "0 1", "GPU-a GPU-b", NULL},
		/* What only its processes are unknown of is in CUDA's list. */
		{&gpu_nvidia, {{"GPU-a", '?'}, {"GPU-b"}}, "0 1", "0 1", "GPU-a GPU-b", NULL},
		{&gpu_nvidia,
		 {{"GPU-a", '!'}, {"GPU-b"}},
		 "GPU-a GPU-b",
		 "- -",
		 "GPU-a GPU-b",
		 "GPU 0 of the driver cannot be read (GPU is lost)"},
		{&gpu_nvidia,
		 {{"GPU-a"}, {NULL, '!'}, {"GPU-c"}},
		 "GPU-a - GPU-c",
		 "- - -",
		 "GPU-a - GPU-c",
		 "GPU 1 of the driver cannot be read"},
		{&gpu_nvidia,
		 {{"GPU-a"}, {NULL}, {"GPU-c"}},
		 "GPU-a - GPU-c",
		 "- - -",
		 "GPU-a - GPU-c",
		 "it has no UUID or address"},
		{&gpu_nvidia,
		 {{"GPU-a"}, {"GPU-b", 'm'}},
		 "GPU-a",
		 "-",
		 "GPU-a",
		 "GPU 1 of the driver is cut into MIG instances"},
		{&gpu_nvidia,
		 {{"GPU-b", 'm'}, {"MIG-1", 'i'}, {"MIG-GPU-b/2/0", 'i'}, {"GPU-a"}},
		 "MIG-1 MIG-GPU-b/2/0 GPU-a",
		 "- - -",
		 "MIG-1 MIG-GPU-b/2/0 GPU-a",
		 "GPU 0 of the driver is cut into MIG instances"},
		/* A UUID that is that of two GPUs, or that would be read as two, names none. */
		{&gpu_nvidia, {{"GPU-a"}, {"gpu-A"}}, "0 1", "0 1", "- -", NULL},
		{&gpu_nvidia, {{"GPU-a,GPU-b"}, {"1"}, {""}}, "0 1 2", "0 1 2", "- - -", NULL},
		{&gpu_fake, {{"GPU-a"}, {NULL}}, "0 1", "0 1", "GPU-a -", NULL},
		{&gpu_fake,
		 {{"GPU-a"}, {"GPU-b", '!'}},
		 "GPU-a GPU-b",
		 "- -",
		 "GPU-a GPU-b",
		 "lost"},
		/* ROCm: ids where there are, else the place in KFD. */
		{&gpu_amd,
		 {{"GPU-a", 0, 2}, {"GPU-b", 0, 1}},
		 "GPU-a GPU-b",
		 "1 0",
		 "GPU-a GPU-b",
		 NULL},
		{&gpu_amd, {{"GPU-a", 0, 2}, {NULL, 0, 1}}, "GPU-a 0", "1 0", "GPU-a -", NULL},
		{&gpu_amd, {{"GPU-a", '!', 2}, {NULL, 0, 1}}, "GPU-a 0", "1 0", "GPU-a -", NULL},
		{&gpu_amd,
		 {{"GPU-a", 0, 1, "GPU-1"}, {"GPU-b", 0, 2, ""}},
		 "GPU-1 1",
		 "0 1",
		 "GPU-1 -",
		 NULL},
		/* Partitions that share an id, and a card that KFD does not list. */
		{&gpu_amd,
		 {{"GPU-a/0", 0, 1, "GPU-1"}, {"GPU-a/1", 0, 2, "GPU-1"}, {NULL}},
		 "0 1 -",
		 "0 1 -",
		 "- - -",
		 NULL},
		{&gpu_amd, {{NULL, 0, 1}, {NULL, 0, 1}}, "- -", "- -", "- -", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const expected[] = {cases[i].automatic, cases[i].by_index,
						cases[i].by_uuid};
		size_t count = 1;

		for (const char *p = cases[i].automatic; *p; p++)
			count += *p == ' ';
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].cards); k++)
			count += cases[i].cards[k].state == 'm';
		for (int naming = GPU_NAMING_AUTO; naming <= GPU_NAMING_UUID; naming++) {
			AUTO(scan_clear) struct scan s = scan_of(cases[i].cards, count);
			AUTO_FREE char *names = NULL;

			gpu_find_units(&s, cases[i].backend->simulated);
			gpu_name_all(&s, cases[i].backend, (enum gpu_naming)naming);
			names = names_of(&s);
			if (strcmp(names, expected[naming]) != 0)
				fail_msg("case %zu, naming %d: '%s', not '%s'", i, naming, names,
					 expected[naming]);
			if (!cases[i].doubt)
				assert_null(s.no_ordinals);
			else if (!s.no_ordinals || !strstr(s.no_ordinals, cases[i].doubt))
				fail_msg("case %zu: doubt '%s'", i, s.no_ordinals);
		}
	}
}

/* One card that is listed twice is two GPUs for nobody; what is simulated has no address. */
static void test_same_card(void **state)
{
	static const struct card cards[] = {{"GPU-a"}, {"GPU-a"}, {"GPU-c"}};
	static const char *const addresses[] = {"0000:01:00.0", "00000000:01:00.0", NULL};

	(void)state;
	for (int naming = GPU_NAMING_AUTO; naming <= GPU_NAMING_UUID; naming++) {
		AUTO(scan_clear) struct scan s = scan_of(cards, ARRAY_SIZE(cards));
		AUTO_FREE char *names = NULL;

		for (size_t i = 0; addresses[i]; i++)
			mem_replace(&s.gpus[i].pci_bus_id, addresses[i]);
		gpu_find_units(&s, false);
		gpu_name_all(&s, &gpu_nvidia, (enum gpu_naming)naming);
		names = names_of(&s);
		assert_string_equal(names, naming == GPU_NAMING_INDEX ? "- - -" : "- - GPU-c");
		assert_non_null(strstr(s.no_ordinals, "01:00.0 twice"));
	}
}

/* Whatever a driver says, no name is that of two GPUs. */
static void test_any_scan(void **state)
{
	static const char *const ids[] = {NULL, "",  "GPU-a",   "GPU-A", "GPU-b",
					  "0",  "1", "GPU-a,1", "GPU-c"};
	static const struct gpu_backend *const backends[] = {&gpu_nvidia, &gpu_fake, &gpu_amd};

	(void)state;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct card cards[4];
		struct scan s;

		for (size_t i = 0; i < ARRAY_SIZE(cards); i++)
			cards[i] = (struct card){
				.uuid = ids[random() % (long)ARRAY_SIZE(ids)],
				.state = "\0\0\0!?mi"[random() % 7],
				.kfd = (int)(random() % 4),
				.kfd_id = ids[random() % (long)ARRAY_SIZE(ids)],
			};
		s = scan_of(cards, ARRAY_SIZE(cards));
		gpu_name_all(&s, backends[round % 3], (enum gpu_naming)(random() % 3));
		for (size_t i = 0; i < s.gpus_count; i++) {
			for (size_t k = i + 1; s.gpus[i].visible && k < s.gpus_count; k++) {
				if (s.gpus[k].visible &&
				    !strcasecmp(s.gpus[i].visible, s.gpus[k].visible))
					fail_msg("round %d: two GPUs are called '%s'", round,
						 s.gpus[i].visible);
			}
		}
		scan_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_same_card),
		cmocka_unit_test(test_any_scan),
	};

	return cmocka_run_group_tests_name("gpu_names", tests, NULL, NULL);
}
