/*
 * A driver that takes a second for each caller, as NVIDIA's without persistence mode: 64 runs and
 * 100 `status` at once, and `status` after another one. Over the stub of the driver's library,
 * which counts its calls. Prints a table. Usage: bench_scan PROGRAM FOLDER-OF-THE-STUB
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "program.h"

#define GPUS 64
#define CROWD 100
#define ROUNDS 100

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";

/* Starts the program with up to ten words; its output goes to out_fd (-1: nowhere). */
static pid_t start_words(const char *const *words, int out_fd)
{
	char *argv[12] = {program};

	for (size_t i = 0; words[i] && i < 10; i++)
		argv[i + 1] = (char *)words[i];
	return start(argv, -1, out_fd);
}

static void pause_ms(int ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};

	nanosleep(&pause, NULL);
}

/* How often the driver was asked since the last time. */
static int scans(void)
{
	static int before;
	AUTO_FREE char *path = mem_printf("%s/log", directory);
	AUTO_FCLOSE FILE *log = fopen(path, "re");
	int count = 0, since, c;

	while (log && (c = getc(log)) != EOF)
		count += c == '\n';
	since = count - before;
	before = count;
	return since;
}

static void row(const char *what, double value, const char *unit, const char *wanted)
{
	printf("%-52s %9.2f  %-5s %s\n", what, value, unit, wanted);
	fflush(stdout);
}

static double ms_since(int64_t begin_ns)
{
	return (double)(clock_monotonic_ns() - begin_ns) / (double)NS_PER_MS;
}

static void write_driver(void)
{
	AUTO_FREE char *path = mem_printf("%s/nvml.json", directory);
	AUTO_FCLOSE FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	fprintf(file,
		"{\"driver_version\": \"550\", \"log\": \"%s/log\", \"delays\": {\"nvmlInit\": 1000}, "
		"\"gpus\": [",
		directory);
	for (int i = 0; i < GPUS; i++)
		fprintf(file,
			"%s{\"uuid\": \"GPU-%d\", \"name\": \"H100\", \"bus\": [0, %d, 0], \"memory\": "
			"[80000, 500, 5], \"compute\": [], \"graphics\": []}",
			i ? ", " : "", i, i);
	fputs("]}\n", file);
	setenv("CANHAZGPU_STUB_NVML", path, 1);
}

/* Until all commands have started: each says so into the pipe, and then lasts until it is killed.
 */
static void measure_runs(void)
{
	static const char *const words[] = {"run", "--", "sh", "-c", "echo; exec sleep 1000", NULL};
	pid_t pids[GPUS];
	int64_t begin_ns = clock_monotonic_ns();
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	for (int i = 0; i < GPUS; i++)
		pids[i] = start_words(words, ends[1]);
	for (int i = 0; i < GPUS; i++) {
		if (read(ends[0], &byte, 1) != 1)
			die("a command did not start");
	}
	row("64 run at once on 64 GPUs, until all have started", ms_since(begin_ns), "ms",
	    "<= 3000");
	row("... scans", scans(), "", "1 or 2 [64]");
	for (int i = 0; i < GPUS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	close(ends[0]);
	close(ends[1]);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_status(void)
{
	static const char *const words[] = {"status", NULL};
	pid_t pids[CROWD];
	double took_ms[ROUNDS];
	int64_t begin_ns;
	int rounds = 0;

	pause_ms(3000); /* what was released is one commit after the other */
	scans();
	begin_ns = clock_monotonic_ns();
	for (int i = 0; i < CROWD; i++)
		pids[i] = start_words(words, -1);
	for (int i = 0; i < CROWD; i++)
		finish(pids[i]);
	row("100 status at once", ms_since(begin_ns), "ms", "<= 1500");
	row("... scans", scans(), "", "1");
	for (begin_ns = clock_monotonic_ns(); rounds < ROUNDS && ms_since(begin_ns) < 700;
	     rounds++) {
		int64_t one_ns = clock_monotonic_ns();

		finish(start_words(words, -1));
		took_ms[rounds] = ms_since(one_ns);
	}
	qsort(took_ms, (size_t)rounds, sizeof(took_ms[0]), compare);
	row("status within a second after another, median", took_ms[rounds / 2], "ms", "<= 3");
	row("... scans", scans(), "", "0");
}

int main(int argc, char **argv)
{
	static const char *const admin[] = {"admin", "--provider", "nvidia", NULL};
	AUTO_FREE char *url = NULL, *remove = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_scan PROGRAM FOLDER-OF-THE-STUB\n");
		return 2;
	}
	program = argv[1];
	if (!mkdtemp(directory))
		die(directory);
	url = mem_printf("sqlite:%s/pool.db", directory);
	setenv("CANHAZGPU_STORE", url, 1);
	setenv("HOME", directory, 1);
	setenv("XDG_RUNTIME_DIR", directory, 1);
	setenv("LD_LIBRARY_PATH", argv[2], 1);
	write_driver();
	finish(start_words(admin, -1));
	pause_ms(1500); /* that scan must not count */
	scans();
	printf("%-52s %9s  %-5s %s\n", "a driver that takes 1 s, 64 GPUs, embedded store", "", "",
	       "target [before]");
	measure_runs();
	measure_status();
	remove = mem_printf("rm -rf %s", directory);
	return system(remove) ? 1 : 0;
}
