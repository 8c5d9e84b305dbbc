/* Lines of nvidia-smi that are no rows, rows that say that a card is sick, and fields that an old
 * one does not know: a table of answers, with what becomes of each. */
#include "gpu_test.h"

#include <errno.h>

#include "gpu/nvidia/smi_parse.h"

/* Two good rows, and one of a GPU with unified memory. */
#define ROW_A "0, GPU-a, NVIDIA A, 00000000:1A:00.0, 32510, 7, 0, 33, 42.10, [N/A], 550.1\n"
#define ROW_B "1, GPU-b, NVIDIA B, 00000000:B3:00.0, 32510, 8, 0, 33, 42.10, [N/A], 550.1\n"
#define ROW_C "2, GPU-c, NVIDIA C, 00000000:C3:00.0, 32510, 9, 0, 33, 42.10, [N/A], 550.1\n"
#define GB10 "0, GPU-i, NVIDIA GB10, 0000000F:01:00.0, [N/A], [N/A], 0, 35, 11.17, [N/A], 580.142\n"
#define LOST(bus) "Unable to determine the device handle for GPU " bus ": Unknown Error\n"
#define INFOROM "WARNING: infoROM is corrupted at gpu 0000:1A:00.0\n"

struct answer {
	const char *what, *gpus, *processes;
	/* Per GPU: its UUID or "-", "=" and how much it uses or "?", "!" where it is faulty, "~"
	   where there is a warning, "p" where its processes are unknown. Or the error. */
	const char *shown;
	const char *complaint; /* of the scan */
};

static const struct answer answers[] = {
	{"nothing but rows", ROW_A ROW_B, "", "a=7 b=8", NULL},
	{"warnings in both answers", ROW_A ROW_B INFOROM, INFOROM, "a=7~ b=8", NULL},
	{"a warning in front", INFOROM ROW_A ROW_B, "", "a=7~ b=8", NULL},
	{"a warning about nothing", "WARNING: it is late\n" ROW_A, "WARNING: it is late\n", "a=7",
	 NULL},
	{"a greeting",
	 "Welcome to host 12!\n\n2 users, load 0.1\n2024, a good year\n" ROW_A "bye, bye\n", "",
	 "a=7", NULL},
	{"another language", "Avertissement : l'infoROM est corrompue\n" ROW_A, "", "a=7", NULL},
	{"a terminal's colours", "\x1b[1;31mcareful\x1b[0m\n\x1b[0m" ROW_A "\x1b[K" ROW_B, "",
	 "a=7 b=8", NULL},
	{"a word about none", ROW_A "No devices were found\n", "No devices were found\n", "a=7",
	 NULL},
	{"a lost card in both answers", ROW_A LOST("0000:B3:00.0") ROW_C, LOST("0000:B3:00.0"),
	 "a=7 -=?!p c=9", NULL},
	{"a lost card without a row in both answers", ROW_A ROW_B LOST("0000:C3:00.0"),
	 LOST("0000:C3:00.0"), "a=7 b=8", "C3:00.0"},
	{"a lost card among the processes", ROW_A ROW_B, LOST("0000:B3:00.0"), "a=7 b=8!", NULL},
	{"a complaint about nobody knows which card", ROW_A ROW_B, LOST("7"), "a=7p b=8p", NULL},
	{"a process whose name is a complaint", ROW_A,
	 "GPU-a, 7, 0000:1A:00.0: Unknown Error, 5\nGPU-x, 7, 0000:1A:00.0 is lost, 5\n", "a=7p",
	 NULL},
	{"processes that nobody understands", ROW_A, "Fehler\n", "a=7p", NULL},
	{"a lost card in front: nvidia-smi's numbers have moved up",
	 LOST("0000:07:00.0") ROW_A ROW_B, "", "a=7 b=8", "07:00.0"},
	{"a lost card behind", ROW_A LOST("0000:C3:00.0"), "", "a=7", "C3:00.0"},
	{"a lost card whose number is passed over", ROW_A LOST("0000:B3:00.0") ROW_C, "",
	 "a=7 -=?!p c=9", NULL},
	{"the same, said first", LOST("0000:B3:00.0") ROW_A ROW_C, "", "a=7 -=?!p c=9", NULL},
	{"number 0 is passed over", LOST("0000:1A:00.0") ROW_B, "", "-=?!p b=8", NULL},
	{"a number is passed over in silence", ROW_A ROW_C, "", "a=7 -=?p c=9", NULL},
	{"more complaints than numbers", ROW_A LOST("0000:B3:00.0") LOST("0000:B4:00.0") ROW_C, "",
	 "a=7 -=?p c=9", "B3:00.0"},
	{"a complaint about a card with a row", ROW_A LOST("0000:1A:00.0") ROW_B, "", "a=7! b=8",
	 NULL},
	{"rows in another order", ROW_C ROW_A ROW_B, "", "a=7 b=8 c=9", NULL},
	{"one number twice", ROW_A "0, GPU-z, Z, 00000000:B3:00.0, 1, 1, 0, 3, 4, [N/A], 5\n", "",
	 "a=?p", NULL},
	{"a row that ends early", ROW_A "1, GPU-b, NVIDIA B, 0000\n", "", "a=7 b=?p", NULL},
	{"a row that ends at once", ROW_A "1\n", "", "a=7", "1"},
	{"a row that ends before its UUID", ROW_A "1, GP", "", "a=7", "1, GP"},
	{"a row that ends in its UUID", ROW_A "1, GPU-b", "", "a=7 -=?p", NULL},
	{"a UUID in another language", "0, inconnu, A, 0:1A:00.0, 9, 9, 0, 3, 4, 5, 6\n", "",
	 "-=9p", NULL},
	{"a row without a number", ROW_A "[N/A], GPU-b, NVIDIA B, 00000000:B3:00.0\n", "",
	 "a=7 b=?p", NULL},
	{"a row with an address alone", ROW_A "?, ?, ?, 00000000:B3:00.0, ?, ?, ?, ?, ?, ?, ?\n",
	 "", "a=7 -=?p", NULL},
	{"a row of errors", ROW_A "1, [Unknown Error], ERR!\n" ROW_C, "", "a=7 -=?!p c=9", NULL},
	{"ERR! somewhere", "0, GPU-a, A, 00000000:1A:00.0, 32510, 7, 0, ERR!, 4, [N/A], 5\n", "",
	 "a=7!", NULL},
	{"needs a reset",
	 "0, GPU-a, A, 00000000:1A:00.0, [GPU requires reset], [GPU requires reset], 0, 3, 4, 5, 6\n",
	 "", "a=?!", NULL},
	{"is lost", "0, GPU-a, A, 00000000:1A:00.0, [GPU is lost], [GPU is lost], 0, 3, 4, 5, 6\n",
	 "", "a=?!", NULL},
	{"an unknown error", "0, GPU-a, A, 00000000:1A:00.0, 1, [Unknown Error], 0, 3, 4, 5, 6\n",
	 "", "a=?!", NULL},
	{"unified memory", GB10, "", "i=0", NULL},
	{"unified memory, and what uses it", GB10, "GPU-i, 7, a, 300\nGPU-i, 8, b, 400\n", "i=700",
	 NULL},
	{"unified memory, and who knows how much", GB10, "GPU-i, 7, a, [N/A]\n", "i=?", NULL},
	{"unified memory, and no list", GB10, "Insufficient Permissions\n", "i=?p", NULL},
	{"only one of the values", "0, GPU-a, A, 0:1A:00.0, 99, [N/A], 0, 3, 4, [N/A], 6\n", "",
	 "a=?", NULL},
	{"in pieces", "0, GPU-a, A, 0:1A:00.0, [N/A], [N/A], 0, 3, 4, Enabled, 6\n", "", "", NULL},
	{"more than a pool may have", "1024, GPU-a, A, 0:1A:00.0, 9, 9, 0, 3, 4, 5, 6\n", "",
	 "more than 1024", NULL},
	{"words alone", "Hello\nNo devices were found\n", "", "No devices were found", NULL},
};

/* What became of an answer, as struct answer has it. */
static char *show(const struct scan *s)
{
	struct str out = {0};

	for (size_t i = 0; i < s->gpus_count; i++) {
		const struct gpu *g = &s->gpus[i];

		assert_int_equal(g->index, i);
		str_addf(&out, "%s%s=", i ? " " : "", g->uuid ? g->uuid + strlen("GPU-") : "-");
		if (g->memory_used_mb.known)
			str_addf(&out, "%lld", (long long)g->memory_used_mb.value);
		else
			str_add(&out, "?");
		str_add(&out, g->health == HEALTH_FAULTY    ? "!"
			      : g->health == HEALTH_WARNING ? "~"
							    : "");
		assert_true(!g->health == !g->health_reason);
		if (!g->processes_known)
			str_add(&out, "p");
		if (!g->memory_used_mb.known || !g->processes_known)
			assert_non_null(g->problem);
	}
	return str_steal(&out);
}

/* As the program does it, which is a stub here. */
static void test_answers(void **state)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = LONG_MS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];
		AUTO(scan_clear) struct scan s = {0};
		AUTO_FREE char *shown = NULL;
		struct err e = {0};

		write_file("gpus.csv", a->gpus);
		write_file("apps.csv", a->processes);
		if (gpu_scan(&options, &s, &e)) {
			if (!strstr(e.text, a->shown))
				fail_msg("%s: %s", a->what, e.text);
			continue;
		}
		shown = show(&s);
		if (strcmp(shown, a->shown) != 0)
			fail_msg("%s: %s\nexpected: %s", a->what, shown, a->shown);
		if (!a->complaint != !s.complaint ||
		    (a->complaint && !strstr(s.complaint, a->complaint)))
			fail_msg("%s: '%s'", a->what, s.complaint ? s.complaint : "");
	}
}

/* A complaint that fits to a number gives the GPU its bus id, and says what to do. */
static void test_lost(void **state)
{
	AUTO(scan_clear) struct scan s = {0};

	(void)state;
	write_file("gpus.csv", ROW_A LOST("0000:B3:00.0") ROW_C);
	s = scan_with("nvidia", LONG_MS);
	assert_string_equal(s.gpus[1].pci_bus_id, "00000000:B3:00.0");
	assert_non_null(
		strstr(s.gpus[1].health_reason, "'nvidia-smi --gpu-reset -i 00000000:B3:00.0'"));
}

/* ---- fields that are not known ---- */

/* An nvidia-smi that knows all fields but these, and prints a row of the others. */
static void be_old(const char *unknown, const char *gpus, const char *processes)
{
	write_file("gpus.unknown", unknown);
	write_file("apps.unknown", unknown);
	write_file("gpus.csv", gpus);
	write_file("apps.csv", processes);
}

static void expect_old(const char *unknown, const char *gpus, const char *processes,
		       const char *expected)
{
	AUTO(scan_clear) struct scan s = {0};
	AUTO_FREE char *shown = NULL;

	be_old(unknown, gpus, processes);
	s = scan_with("nvidia", LONG_MS);
	shown = show(&s);
	if (strcmp(shown, expected) != 0)
		fail_msg("without %s: %s\nexpected: %s", unknown, shown, expected);
}

static void test_old_program(void **state)
{
	(void)state;
	expect_old("mig.mode.current\n", "0, GPU-a, A, 0:1A:00.0, 99, 7, 0, 33, 42.10, 450.80\n",
		   "GPU-a, 7, sh, 5\n", "a=7");
	expect_old(
		"mig.mode.current\nutilization.gpu\nindex\n",
		"GPU-a, A, 0:1A:00.0, 99, 7, 33, 42.10, 450.80\nGPU-b, B, 0:2A:00.0, 99, 8, 33, 4, 450.80\n",
		"", "a=7 b=8");
	expect_old("memory.used\n", "0, GPU-a, A, 0:1A:00.0, 99, 0, 33, 42.10, [N/A], 450.80\n", "",
		   "a=?");
	expect_old("gpu_uuid\n", ROW_A, "7, sh, 5\n", "a=7p");
	expect_old("used_memory\n", ROW_A, "GPU-a, 7, sh, with, commas\n", "a=7");
	expect_old("process_name\n", ROW_A, "GPU-a, 7, 5\n", "a=7");
	expect_old("process_name\nused_memory\n", ROW_A, "GPU-a, 7\n", "a=7");
	expect_old("pid\nprocess_name\n", ROW_A, "GPU-a, 5\n", "a=7");
}

/* One that refuses whatever it is asked does not keep anybody. */
static void test_refuses_everything(void **state)
{
	struct gpu_options options = {.provider = "nvidia", .timeout_ms = LONG_MS};

	(void)state;
	be_old("index\nuuid\nname\npci.bus_id\nmemory.total\nmemory.used\nutilization.gpu\n"
	       "temperature.gpu\npower.draw\nmig.mode.current\ndriver_version\n",
	       ROW_A, "");
	scan_fails(&options, EIO, "is not a valid field to query");
}

static int setup_program(void **state)
{
	int r = make_folder(state);

	use_nvml("nvml-broken", "{}");
	use_smi(true);
	return r;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_program, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_lost),
		TEST(test_old_program),
		TEST(test_refuses_everything),
	};

	return cmocka_run_group_tests_name("gpu_smi_lines", tests, NULL, NULL);
}
