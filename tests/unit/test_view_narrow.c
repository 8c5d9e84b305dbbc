/*
 * What `status` and `queue` show at 60, 80, 100 and 120 columns, and in the C locale: whole tables,
 * as they are in fixtures/tables.txt. With CANHAZGPU_TABLES=FILE what is shown goes there, to be
 * looked at and taken as the new fixture.
 */
#include "test.h"

#include <errno.h>
#include <locale.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "view/queue.h"
#include "view/status.h"
#include "view_world.h"

static const size_t widths[] = {120, 100, 80, 60};

/* Erin's note is "training 7" in Chinese. */
#define CJK "\xe8\xae\xad\xe7\xbb\x83 7"

/* Runs and manual reservations with and without a note, by accounts and under a display name. */
static void set_reservations(struct snapshot *s)
{
	struct reservation *r = world_reserve(s, RESERVATION_RUN, "alice", 1, 1);

	world_busy(s, 1, 141200);
	world_process(s, 1, 4711, "python3", "alice");
	world_reserve(s, RESERVATION_MANUAL, "charlie", 3, 1)->note =
		mem_strdup("debugging, ask before you take it");
	r = world_reserve(s, RESERVATION_RUN, "dana", 5, 1);
	world_busy(s, 5, 9000);
	world_process(s, 5, 1, "a", "dana");
	world_process(s, 5, 41233, "miner", "mallory")->foreign = true;
	r = world_reserve(s, RESERVATION_RUN, "erin", 8, 1);
	free(r->user);
	r->user = mem_strdup("the boss of all");
	r->note = mem_strdup(CJK);
	r->heartbeat_ns = NOW - S(250);
}

/* One GPU of each kind. */
static void set_pool(struct snapshot *s)
{
	struct process *p;

	world_open(s, 9);
	s->state.slots[0].last_released_ns = NOW - HMS(0, 30, 15);
	set_reservations(s);
	world_busy(s, 2, 1024);
	p = world_process(s, 2, 12345, "python3", "bob");
	p->started_ns = NOW - HMS(51, 20, 0);
	world_process(s, 2, 67890, "jupyter", "bob");
	world_busy(s, 4, 2048);
	world_process(s, 4, 12346, "python3", "charlie");
	world_process(s, 4, 23456, "pytorch", "alice");
	world_process(s, 4, 5, "x", "bob");
	s->state.slots[6].drained_by = mem_strdup("root");
	s->state.slots[6].drained_ns = NOW - HMS(26, 0, 0);
	world_unknown(s, 7, "it fell off the bus; reboot the host, or reset it with nvidia-smi");
	s->seen.use[7] = USE_FAULTY;
}

static void set_line(struct snapshot *s)
{
	struct queue_entry *q = world_wait(s, "frank", 2);

	q->type = RESERVATION_MANUAL;
	q = world_wait(s, "gina", 0);
	free(q->user);
	q->user = mem_strdup("the intern of gina");
	q->requested_ids = mem_alloc(2, sizeof(int));
	q->requested_ids[0] = 1;
	q->requested_ids[1] = 3;
	q->requested_ids_count = 2;
	q->enqueued_ns = NOW - S(61);
}

static struct table *make(struct snapshot *s, bool queue)
{
	set_pool(s);
	if (queue)
		set_line(s);
	world_show(s);
	s->views[1].model.model = mem_strdup("meta-llama/Llama-2-7b-chat-hf");
	s->views[2].model.model = mem_strdup("mistralai/Mistral-7B-Instruct-v0.1");
	world_ends(s, s->state.reservations[0], END_BASIS_LIMIT, NOW + HMS(1, 52, 0));
	world_ends(s, s->state.reservations[3], END_BASIS_PAST, NOW + HMS(12, 30, 0));
	if (queue)
		world_starts(s, 0, NOW + HMS(1, 52, 0));
	return queue ? view_queue_table(s) : view_status_table(s);
}

/* Adds both tables at a width, of which no line may be wider. */
static void add_tables(struct str *out, size_t width, const char *locale)
{
	for (int queue = 0; queue < 2; queue++) {
		AUTO(world_close) struct snapshot s;
		AUTO_FREE char *text = world_print(make(&s, queue), width);

		str_addf(out, "== %s, %zu columns, %s\n%s\n", queue ? "queue" : "status", width,
			 locale, text);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_in_range(text_width(line), 1, width);
	}
}

static void write_tables(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static char *read_expected(void)
{
	AUTO_FREE char *path =
		mem_printf("%s/unit/fixtures/tables.txt", getenv("CANHAZGPU_TEST_SOURCE"));
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(f);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	return text;
}

static void test_tables(void **state)
{
	const char *path = getenv("CANHAZGPU_TABLES");
	AUTO(str_clear) struct str shown = {0};
	AUTO_FREE char *expected = read_expected();

	(void)state;
	setenv("LC_ALL", "C", 1);
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
		add_tables(&shown, widths[i], "UTF-8");
	}
	setlocale(LC_CTYPE, "C");
	add_tables(&shown, 80, "C");
	if (path)
		write_tables(path, str_text(&shown));
	assert_string_equal(str_text(&shown), expected);
}

/* Checks the width of every line, and makes one line of all, with single spaces. */
static void join_lines(char *text, size_t width)
{
	char *to = text, *rest = mem_strdup(text), *next = rest;

	for (char *line; (line = strsep(&next, "\n"));) {
		assert_true(text_width(line) <= width);
		for (char *word; (word = strsep(&line, " "));) {
			if (*word)
				to += sprintf(to, "%s ", word);
		}
	}
	*to = '\0';
	free(rest);
}

/* Whatever the width, the lines fit and nothing of this is lost. */
static void test_kept(void **state)
{
	static const char *const kept[2][11] = {
		{"PID 12345", "PID 67890", "PID 41233", "mallory", "the boss of all (erin)",
		 "[debugging", "by root", "reset it", "about 12h 30m left", "ends in 1h 52m"},
		{"gina (gina)", "about 1h 52m", "unknown", "alice 1", "reservation 2,4",
		 "all (erin) 8"},
	};

	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
	for (size_t width = 60; width < 300; width++) {
		for (int queue = 0; queue < 2; queue++) {
			AUTO(world_close) struct snapshot s;
			AUTO_FREE char *text = world_print(make(&s, queue), width);

			join_lines(text, width);
			for (const char *const *k = kept[queue]; *k; k++) {
				if (!strstr(text, *k))
					fail_msg("at %zu columns '%s' is lost: %s", width, *k,
						 text);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
