/*
 * What a user waits for, measured on the program itself with fake GPUs in a store of its own:
 * status, the overhead of run, the time until a GPU is free again, 64 reservations at once, and the
 * size of a supervisor. Prints a table. Usage: bench_cli PROGRAM
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "program.h"

#define ROUNDS 300
#define CROWD 64
#define PROCESSES 200

static char *program;
static char directory[] = "/tmp/canhazgpu-bench-XXXXXX";

/* Words of a command line into an argv, at most 15. */
static char **words(const char *line)
{
	static char text[512];
	static char *argv[16];
	size_t n = 0;

	snprintf(text, sizeof(text), "%s", line);
	/* "_" stands for a space inside a word. */
	for (char *p = strtok(text, " "); p && n < 15; p = strtok(NULL, " ")) {
		for (char *u = strchr(p, '_'); u; u = strchr(u, '_'))
			*u = ' ';
		argv[n++] = *p == '@' ? program : p;
	}
	argv[n] = NULL;
	return argv;
}

static void run_line(const char *line)
{
	finish(start(words(line), -1, -1));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double to_ms(int64_t ns)
{
	return (double)ns / (double)NS_PER_MS;
}

static void row(const char *what, double value, double p99, const char *unit, const char *target)
{
	char tail[32] = "";

	if (p99 >= 0)
		snprintf(tail, sizeof(tail), "%.2f", p99);
	printf("%-44s %9.2f %9s  %-3s %s\n", what, value, tail, unit, target);
	fflush(stdout);
}

static void row_sorted(const char *what, int64_t *ns, int count, const char *target)
{
	qsort(ns, (size_t)count, sizeof(*ns), compare);
	row(what, to_ms(ns[count / 2]), to_ms(ns[count * 99 / 100]), "ms", target);
}

static void measure_line(const char *line, int64_t *ret_ns)
{
	for (int i = 0; i < ROUNDS; i++) {
		int64_t before_ns = clock_monotonic_ns();

		run_line(line);
		ret_ns[i] = clock_monotonic_ns() - before_ns;
	}
}

/* status with 200 processes on the 8 GPUs: owners, models and containers are looked up in /proc. */
static void measure_busy(void)
{
	static int64_t took[ROUNDS];
	AUTO_FREE char *path = mem_printf("%s/state.json", directory);
	AUTO_FCLOSE FILE *state = fopen(path, "we");
	pid_t pids[PROCESSES];

	if (!state)
		die(path);
	fputs("{\"gpus\":[", state);
	for (int gpu = 0; gpu < 8; gpu++) {
		fprintf(state, "%s{\"index\":%d,\"memory_used_mb\":9000,\"processes\":[",
			gpu ? "," : "", gpu);
		for (int i = gpu; i < PROCESSES; i += 8) {
			pids[i] = start(words("sleep 1000"), -1, -1);
			fprintf(state, "%s{\"pid\":%d,\"memory_mb\":300}", i > gpu ? "," : "",
				(int)pids[i]);
		}
		fputs("]}", state);
	}
	fputs("]}\n", state);
	fflush(state);
	setenv("CANHAZGPU_FAKE_STATE", path, 1);
	measure_line("@ status", took);
	unsetenv("CANHAZGPU_FAKE_STATE");
	row_sorted("status with 200 processes on the GPUs", took, ROUNDS, "<= 10");
	setenv("CANHAZGPU_FAKE_STATE", path, 1);
	measure_line("@ guard", took);
	unsetenv("CANHAZGPU_FAKE_STATE");
	row_sorted("a pass of guard over them, with the scan", took, ROUNDS, "<= 10 more");
	for (int i = 0; i < PROCESSES; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* run's overhead: what `run -- true` takes longer than `true`. */
static void measure_run(void)
{
	static int64_t plain[ROUNDS], with[ROUNDS];

	measure_line("true", plain);
	measure_line("@ run -- true", with);
	qsort(plain, ROUNDS, sizeof(*plain), compare);
	for (int i = 0; i < ROUNDS; i++)
		with[i] -= plain[ROUNDS / 2];
	row_sorted("run -- true, overhead", with, ROUNDS, "<= 10 [56]");
}

/* From the end of the command to the commit that frees its GPU, which touches the wake file. */
static void measure_free(void)
{
	static int64_t took[ROUNDS];
	AUTO_FREE char *wake = mem_printf("%s/pool.db.wake", directory);
	AUTO_CLOSE int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch < 0)
		die("inotify");
	for (int i = 0; i < ROUNDS; i++) {
		int pipe_fds[2], pidfd;
		struct pollfd ready = {.events = POLLIN};
		char events[4096], byte;
		int64_t end_ns;
		int out[2];
		pid_t pid;

		if (pipe2(pipe_fds, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
			die("pipe");
		pid = start(words("@ run -- sh -c echo;read_x"), pipe_fds[0], out[1]);
		close(out[1]);
		close(pipe_fds[0]);
		if (read(out[0], &byte, 1) != 1)
			die("the command did not start");
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (inotify_add_watch(watch, wake, IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE) < 0)
			die(wake);
		while (read(watch, events, sizeof(events)) > 0)
			continue;   /* what is left of the last round */
		close(pipe_fds[1]); /* the command reads the end of its input, and ends */
		ready.fd = pidfd;
		poll(&ready, 1, -1);
		end_ns = clock_monotonic_ns();
		ready.fd = watch;
		poll(&ready, 1, -1);
		took[i] = clock_monotonic_ns() - end_ns;
		waitpid(pid, NULL, 0);
		close(pidfd);
		close(out[0]);
	}
	row_sorted("GPU free after the command's end", took, ROUNDS, "<= 10 [457]");
}

/* 64 at once on 64 GPUs: all must succeed, on distinct GPUs. */
static void measure_crowd(void)
{
	bool seen[CROWD] = {0};
	pid_t pids[CROWD];
	int out[CROWD][2];
	int64_t before_ns, took_ns;

	run_line("@ admin --gpus 64 --provider fake --force");
	for (int i = 0; i < CROWD; i++) {
		if (pipe2(out[i], O_CLOEXEC) < 0)
			die("pipe");
	}
	before_ns = clock_monotonic_ns();
	for (int i = 0; i < CROWD; i++)
		pids[i] = start(words("@ reserve --short --duration 1h"), -1, out[i][1]);
	for (int i = 0; i < CROWD; i++)
		finish(pids[i]);
	took_ns = clock_monotonic_ns() - before_ns;
	for (int i = 0; i < CROWD; i++) {
		char text[16] = "";
		int id;

		if (read(out[i][0], text, sizeof(text) - 1) < 0)
			die("read");
		id = atoi(text);
		if (id < 0 || id >= CROWD || seen[id]) {
			fprintf(stderr, "bench_cli: GPU '%s' was given twice\n", text);
			exit(1);
		}
		seen[id] = true;
		close(out[i][0]);
		close(out[i][1]);
	}
	row("64 reserve at once on 64 GPUs, all together", to_ms(took_ns), -1, "ms",
	    "<= 1000 [33000, 1 to 2 fail]");
}

/* The value of a line of /proc/<pid>/status, or -1. */
static long status_value(const char *pid, const char *name)
{
	AUTO_FREE char *path = mem_printf("/proc/%s/status", pid);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			return atol(line + strlen(name));
	}
	return -1;
}

/* True if the process carries our own store in its environment. */
static bool is_ours(const char *pid)
{
	AUTO_FREE char *path = mem_printf("/proc/%s/environ", pid);
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	char text[32768];
	size_t n = file ? fread(text, 1, sizeof(text), file) : 0;

	return memmem(text, n, directory, strlen(directory)) != NULL;
}

/* Resident size and threads of the supervisor, after it has renewed its heartbeat some times. */
static void measure_supervisor(void)
{
	int pipe_fds[2], out[2];
	AUTO_FCLOSE FILE *list = NULL;
	char pid_text[32] = "", byte;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("pipe");
	setenv("CANHAZGPU_RUN_HEARTBEAT", "100ms", 1);
	pid = start(words("@ run -- sh -c echo;read_x"), pipe_fds[0], out[1]);
	unsetenv("CANHAZGPU_RUN_HEARTBEAT");
	close(out[1]);
	if (read(out[0], &byte, 1) != 1)
		die("the command did not start");
	sleep(2);
	/* The first one: its short-lived children for the heartbeat have later pids. */
	list = popen("pgrep -f __supervise", "re");
	do {
		if (!list || !fgets(pid_text, sizeof(pid_text), list))
			die("pgrep");
		pid_text[strcspn(pid_text, "\n")] = '\0';
	} while (!is_ours(pid_text));
	row("supervisor, resident", (double)status_value(pid_text, "VmRSS:") / 1024, -1, "MB",
	    "<= 3 [10]");
	row("supervisor, threads", (double)status_value(pid_text, "Threads:"), -1, "", "1 [7]");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static int64_t took[ROUNDS];
	AUTO_FREE char *url = NULL, *remove = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_cli PROGRAM\n");
		return 2;
	}
	program = argv[1];
	if (!mkdtemp(directory))
		die(directory);
	url = mem_printf("sqlite:%s/pool.db", directory);
	setenv("CANHAZGPU_STORE", url, 1);
	setenv("HOME", directory, 1);
	unsetenv("CANHAZGPU_FAKE_STATE");
	run_line("@ admin --gpus 8 --provider fake");
	run_line("@ reserve --gpus 2");
	printf("%-44s %9s %9s  %-3s %s\n", "8 fake GPUs, embedded store", "median", "p99", "",
	       "target [existing program]");
	measure_line("@ status", took);
	row_sorted("status", took, ROUNDS, "<= 2 [4.0-4.7]");
	measure_busy();
	measure_run();
	measure_free();
	measure_supervisor();
	measure_crowd();
	remove = mem_printf("rm -rf %s", directory);
	return system(remove) ? 1 : 0;
}
