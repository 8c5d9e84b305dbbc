/*
 * NVIDIA GPUs through nvidia-smi, where NVML cannot be used. Called by nvidia.c, in a child process
 * that is killed with its group when the time is up; that is the time limit here.
 *
 * nvidia-smi lists compute processes only in a form for programs: graphics ones show as used
 * memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/nvidia/nvidia.h"
#include "gpu/nvidia/smi_parse.h"
#include "gpu/nvidia/smi_query.h"

#define PROGRAM "nvidia-smi"

/* A table is a few KiB; this bounds what is read of a program that never stops printing. */
#define OUTPUT_MAX ((size_t)4 << 20)

/* The shell's convention for a program that is not there or cannot be executed. */
enum { STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

static void __attribute__((noreturn)) exec_query(char *query, int out, pid_t parent)
{
	char *format = strchr(query, '=') ? (char[]){"--format=csv,noheader,nounits"} : NULL;
	char *const arguments[] = {(char[]){PROGRAM}, query, format, NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(out, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	setenv("LC_ALL", "C", 1);
	execvp(PROGRAM, arguments);
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static int read_output(int fd, struct str *output, struct err *e)
{
	char buffer[16384];

	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, errno, "cannot read the output of " PROGRAM);
		if (n > 0)
			str_add_bytes(output, buffer, (size_t)n);
		if (output->length > OUTPUT_MAX)
			return err_set(e, EMSGSIZE, PROGRAM " does not stop printing");
	}
}

/* What the program's end means. Its own exit statuses are no errors here: what it printed says
   more. */
static int check_status(int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, EIO, PROGRAM " was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == STATUS_NOT_FOUND)
		return err_set(e, ENOENT, PROGRAM " is not in PATH");
	if (WEXITSTATUS(status) == STATUS_NOT_EXECUTABLE)
		return err_set(e, EACCES, PROGRAM " cannot be executed");
	return 0;
}

/* Runs one query and collects what it prints. *ret_status is the exit status. */
static int run_query(const char *query, struct str *output, int *ret_status, struct err *e)
{
	AUTO_FREE char *argument = mem_strdup(query);
	AUTO_CLOSE int in = -1;
	pid_t parent = getpid(), pid;
	int ends[2], status = 0, r;

	if (pipe2(ends, O_CLOEXEC))
		return err_sys(e, errno, "cannot make a pipe for " PROGRAM);
	in = ends[0];
	pid = fork();
	if (pid == 0)
		exec_query(argument, ends[1], parent);
	close(ends[1]);
	if (pid < 0)
		return err_sys(e, EAGAIN, "cannot start " PROGRAM);
	r = read_output(in, output, e);
	if (r)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!r)
		r = check_status(status, e);
	if (!r)
		*ret_status = WEXITSTATUS(status);
	return r;
}

/* Asks, and again without the fields that this nvidia-smi does not know. */
static int ask(struct nvidia_smi_query *query, struct str *answer, int *ret_status, struct err *e)
{
	int r;

	do {
		AUTO_FREE char *text = nvidia_smi_query_text(query);

		str_clear(answer);
		r = run_query(text, answer, ret_status, e);
	} while (!r && nvidia_smi_leave_out(query, str_text(answer)));
	return r;
}

/* The instances of GPUs in MIG mode, where there are such. */
static void add_instances(struct scan *s)
{
	AUTO(str_clear) struct str list = {0};
	struct err why = {0};
	bool any = false;
	int r, status = 0;

	for (size_t i = 0; i < s->gpus_count; i++)
		any |= s->gpus[i].mig;
	if (!any)
		return;
	r = run_query("-L", &list, &status, &why);
	if (!r && status)
		r = err_set(&why, EIO, PROGRAM " -L ended with status %d", status);
	if (!r)
		nvidia_smi_parse_list(str_text(&list), list.length, s);
	for (size_t i = 0; r && i < s->gpus_count; i++) {
		if (s->gpus[i].mig)
			nvidia_smi_no_list(&s->gpus[i], why.text);
	}
}

int nvidia_smi_scan(struct scan *ret_scan, struct err *e)
{
	struct nvidia_smi_query gpu_query = nvidia_smi_query_gpus();
	struct nvidia_smi_query process_query = nvidia_smi_query_processes();
	AUTO(str_clear) struct str gpus = {0}, processes = {0};
	struct err why = {0};
	struct scan s = {0};
	int r, status = 0;

	r = ask(&gpu_query, &gpus, &status, e);
	if (!r)
		r = nvidia_smi_parse_gpus(&gpu_query, str_text(&gpus), gpus.length, &s, e);
	if (r)
		return r;
	r = ask(&process_query, &processes, &status, &why);
	if (!r && status)
		r = err_set(&why, EIO, PROGRAM " ended with status %d", status);
	if (r)
		nvidia_smi_no_processes(&s, why.text);
	else
		nvidia_smi_parse_processes(&process_query, str_text(&processes), processes.length,
					   &s);
	add_instances(&s);
	mem_replace(&s.source, "nvidia-smi");
	*ret_scan = s;
	return 0;
}
