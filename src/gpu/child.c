/* A scan in a process of its own, with a time limit: see host/child.h. Called by share.c. */
#include "gpu/child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gpu/wire.h"

/* The answer begins with the time at which it was complete: 20 digits and an end of line. */
#define END_LENGTH 21

struct question {
	const struct gpu_backend *backend;
	const struct gpu_options *options;
};

/* In the child. Driver libraries print; that goes nowhere. */
static void scan_and_tell(const void *asked, int out)
{
	const struct question *q = asked;
	struct scan s = {0};
	struct err e = {0};
	char end[END_LENGTH + 1], *answer;

	if (q->backend->scan(q->options, &s, &e)) {
		answer = gpu_wire_pack(NULL, &e);
	} else {
		gpu_find_hidden(q->options, q->backend, &s);
		answer = gpu_wire_pack(&s, NULL);
	}
	snprintf(end, sizeof(end), "%020" PRId64 "\n", clock_boot_ns());
	host_child_write(out, end, END_LENGTH);
	host_child_write(out, answer, strlen(answer));
}

/* What it means that the child ended without a readable answer. */
static int no_answer(const char *provider, int status, struct err *e)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		return err_set(e, EIO, "the %s driver crashed during a query (SIG%s)", provider,
			       name ? name : "?");
	}
	return err_set(e, EPROTO, "the %s driver gave no readable answer (exit status %d)",
		       provider, WEXITSTATUS(status));
}

/* Those of this process that hang; gpu/scanners.h knows those of others, where it can. */
static struct host_child_stuck stuck;

int gpu_child_begin(struct gpu_child *child, const struct gpu_backend *backend,
		    const struct gpu_options *options, struct err *e)
{
	const struct question question = {backend, options};
	int r;

	*child = (struct gpu_child){.backend = backend, .options = options};
	r = host_child_begin(scan_and_tell, &question, &stuck, &child->host);
	if (r == -EBUSY)
		return err_set(e, EBUSY,
			       "the %s driver hangs: %zu earlier queries are stuck in it (pid %d)",
			       backend->name, stuck.count, (int)stuck.pids[0]);
	if (r < 0)
		return err_sys(e, -r, "cannot start a process for the %s driver", backend->name);
	return 0;
}

int gpu_child_collect(struct gpu_child *child, int64_t until_ns)
{
	return host_child_collect(&child->host, until_ns, child->options->interrupt_fd);
}

int gpu_child_read(const struct gpu_child *child, struct scan *ret_scan, int64_t *ret_end_ns,
		   struct err *e)
{
	const struct str *answer = &child->host.answer;
	int64_t end_ns;

	if (answer->length <= END_LENGTH ||
	    sscanf(str_text(answer), "%20" SCNd64 "\n", &end_ns) != 1)
		return -EBADMSG;
	*ret_end_ns = end_ns;
	return gpu_wire_unpack(str_text(answer) + END_LENGTH, answer->length - END_LENGTH, ret_scan,
			       e);
}

int gpu_child_end(struct gpu_child *child, int collected, int64_t deadline_ns, bool *ret_is_gone,
		  struct err *e)
{
	const char *name = child->backend->name;
	struct host_child_end end;

	host_child_end(&child->host, deadline_ns, collected < 0, &stuck, &end);
	str_clear(&child->host.answer);
	*ret_is_gone = end.is_gone;
	if (collected == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "the %s driver did not answer within %d ms%s", name,
			       child->options->timeout_ms,
			       end.is_gone ? "" : " and its process cannot be killed");
	if (collected == -EINTR)
		return err_set(e, EINTR, "interrupted");
	if (collected < 0)
		return err_sys(e, -collected, "the %s driver gave no readable answer", name);
	return no_answer(name, end.status, e);
}
