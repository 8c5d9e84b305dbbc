/* What a waiting request shows, and when it has to come back to that: cmd/wait_show.c. */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/wait_show.h"

/* Shows one state with that standard error (-1: closed). Whether it wants to show it again soon. */
static bool ticks_with(int fd)
{
	static const struct pool_standing standing = {.joined = true,
						      .entry_id = "12345678-0",
						      .place = 1,
						      .waiting = 1,
						      .wanted = 1,
						      .awaits = "",
						      .starts_boot_ns = TIME_NONE};
	int before = dup(STDERR_FILENO);
	struct wait_show show;
	bool ticks;

	if (fd < 0)
		close(STDERR_FILENO);
	else
		dup2(fd, STDERR_FILENO);
	wait_show_init(&show);
	wait_show(&show, &standing);
	wait_show_note(&show, "news");
	wait_show(&show, &standing);
	ticks = wait_show_ticks(&show);
	wait_show_clear(&show);
	dup2(before, STDERR_FILENO);
	close(before);
	return ticks;
}

/* Only what may be read later is tried again. */
static void test_ticks(void **state)
{
	char block[4096] = {0};
	int ends[2];
	AUTO_CLOSE int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	AUTO_CLOSE int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	/* As the program has it where it was started with 2>&-. */
	AUTO_CLOSE int occupied = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_false(ticks_with(file));
	assert_false(ticks_with(-1));
	assert_false(ticks_with(occupied));
	assert_true(ticks_with(full));
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_false(ticks_with(ends[1]));
	while (write(ends[1], block, sizeof(block)) > 0)
		;
	assert_true(ticks_with(ends[1]));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks),
	};

	return cmocka_run_group_tests_name("wait_show", tests, NULL, NULL);
}
