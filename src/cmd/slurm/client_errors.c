/* What srun and salloc write to standard error; see client_errors.h. */
#include "cmd/slurm/client_errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "cmd/notice.h"

/* Nobody tells us when its command begins: srun is asked. */
bool slurm_client_is_silent(const struct slurm_client *c)
{
	return c->name && !c->mark && !c->reserves;
}

static void write_errors(const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(STDERR_FILENO, bytes, length);

		if (n < 0 && errno != EINTR)
			return;
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

void slurm_client_begin(struct slurm_client *c, const char *where)
{
	size_t step = strspn(where, "0123456789.");

	if (c->has_started)
		return;
	c->has_started = true;
	c->started_ns = clock_monotonic_ns();
	if (step) {
		c->step = mem_printf("%.*s", (int)step, where);
		c->job_id = strtoll(where, NULL, 10);
	}
	if (c->started)
		c->started(where, c->context);
}

/* "error: n1: task 0: Killed", "error: n1: tasks 0-1: Exited with exit code 3": how a command
   ended, which so has run. (One that could not be started is "error: task 0 launch failed: ...".)
 */
static bool is_of_task(const char *text)
{
	return !strncmp(text, "error: ", 7) &&
	       (strstr(text + 7, ": task ") || strstr(text + 7, ": tasks "));
}

/* "unrecognized option '--bogus'": of getopt, which knows no "error: ". */
static bool is_of_options(const char *text)
{
	return strstr(text, " option '") || strstr(text, "option requires an argument") ||
	       !strncmp(text, "invalid option -- ", strlen("invalid option -- "));
}

/* "job 17 queued and waiting for resources", "error: ...". */
static void understand(struct slurm_client *c, const char *text)
{
	static const char error[] = "error: ", granted[] = "Granted job allocation ",
			  allocate[] = "Unable to allocate resources: ";
	long long id;

	if (is_of_task(text)) {
		slurm_client_begin(c, "");
	} else if (!strncmp(text, error, strlen(error)) || is_of_options(text)) {
		text += is_of_options(text) ? 0 : strlen(error);
		text += !strncmp(text, allocate, strlen(allocate)) ? strlen(allocate) : 0;
		/* The last of several is about the request itself. */
		free(c->complaint);
		c->complaint = mem_strdup(text);
	} else if (!strncmp(text, granted, strlen(granted))) {
		c->job_id = strtoll(text + strlen(granted), NULL, 10);
		slurm_client_begin(c, "");
	} else if (sscanf(text, "job %lld ", &id) == 1 && strstr(text, " queued ")) {
		c->job_id = id;
		if (c->waits)
			notice("Waiting for %zu GPU%s: job %lld is in Slurm's queue ('canhazgpu "
			       "queue --explain %lld' says why)\n",
			       c->gpus, str_plural(c->gpus), id, id);
	} else if (slurm_client_is_silent(c) && strstr(text, " has been allocated resources")) {
		slurm_client_begin(c, "");
	}
}

/* What srun says of a command that has ended, or that we have ended: the exit status says it. */
static bool is_of_the_end(const char *text)
{
	return is_of_task(text) || strstr(text, "Terminating StepId") ||
	       strstr(text, "Force Terminated") || strstr(text, "Job step aborted") ||
	       strstr(text, "forcing job termination") || strstr(text, "sending Ctrl-C") ||
	       strstr(text, "interrupt (");
}

/* A whole line that begins as one of the client's, or with the mark. */
static void take_line(struct slurm_client *c)
{
	const char *line = str_text(&c->line), *text;
	size_t mark = c->mark ? strlen(c->mark) : 0;

	if (mark && !strncmp(line, c->mark, mark)) {
		slurm_client_begin(c, line + mark + (line[mark] == ' '));
	} else if (!strncmp(line, "srun: ", 6) || !strncmp(line, "salloc: ", 8)) {
		text = strchr(line, ' ') + 1;
		if (!c->has_started)
			understand(c, text);
		else if ((c->terminal || slurm_client_is_silent(c)) &&
			 !strncmp(text, "error: ", 7) && !is_of_the_end(text))
			understand(c, text);
		else if (!is_of_the_end(text))
			fprintf(stderr, "%s\n", line);
	} else {
		fprintf(stderr, "%s\n", line);
	}
	str_clear(&c->line);
}

/* Whether a line that begins so may be one of the client's, or the mark. */
static bool may_be_ours(const struct slurm_client *c, const struct str *line)
{
	const char *const begins[] = {"srun: ", "salloc: ", c->mark};

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		size_t length = begins[i] ? strlen(begins[i]) : 0;
		size_t both = length < line->length ? length : line->length;

		if (length && !strncmp(begins[i], str_text(line), both))
			return true;
	}
	return false;
}

void slurm_client_release_line(struct slurm_client *c)
{
	if (c->line.length) {
		write_errors(c->line.text, c->line.length);
		c->in_line = true;
	}
	str_clear(&c->line);
}

static void take_errors(struct slurm_client *c, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const char *newline;
		size_t rest;

		if (!c->in_line && bytes[i] == '\n' && c->line.length) {
			take_line(c);
			continue;
		}
		if (!c->in_line) {
			str_add_bytes(&c->line, &bytes[i], 1);
			if (bytes[i] != '\n' && may_be_ours(c, &c->line))
				continue;
			write_errors(c->line.text, c->line.length);
			str_clear(&c->line);
			c->in_line = bytes[i] != '\n';
			continue;
		}
		/* What is behind the beginning of a line is the command's. */
		newline = memchr(bytes + i, '\n', length - i);
		rest = newline ? (size_t)(newline - bytes - i) + 1 : length - i;
		write_errors(bytes + i, rest);
		c->in_line = !newline;
		i += rest - 1;
	}
}

/* False: it has closed it. */
bool slurm_client_read_errors(struct slurm_client *c)
{
	char buffer[16384];
	ssize_t n = read(c->errors_fd, buffer, sizeof(buffer));

	if (n > 0)
		take_errors(c, buffer, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* srun and salloc each have their own words for "not within five seconds". */
static bool is_busy(const char *complaint)
{
	return strstr(complaint, "nodes are busy") || strstr(complaint, "Connection timed out") ||
	       strstr(complaint, "Immediate execution impossible");
}

int slurm_client_refused(const struct slurm_client *c, struct err *e)
{
	if (c->gave_up) {
		err_set(e, ETIME, "gave up: no GPUs became free in the time of --wait");
		return err_exit_status(e, EXIT_STATUS_GAVE_UP);
	}
	if (c->complaint && !c->waits && is_busy(c->complaint))
		return err_set(e, EBUSY,
			       "no %zu free GPU%s within 5 seconds; --wait queues, and 'canhazgpu "
			       "status' shows who has them",
			       c->gpus, str_plural(c->gpus));
	return c->complaint ? err_set(e, EIO, "Slurm: %.500s", c->complaint) : 0;
}
