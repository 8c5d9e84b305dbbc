/* A scan in a process of its own, with a time limit: see host/child.h. Called by gpu.c. */
#include "gpu/child.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "gpu/wire.h"
#include "host/child.h"

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
	char *answer;

	if (q->backend->scan(q->options, &s, &e))
		answer = gpu_wire_pack(NULL, &e);
	else
		answer = gpu_wire_pack(&s, NULL);
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

int gpu_child_scan(const struct gpu_backend *backend, const struct gpu_options *options,
		   struct scan *ret_scan, struct err *e)
{
	static struct host_child_stuck stuck;
	int64_t deadline_ns = clock_monotonic_ns() + options->timeout_ms * NS_PER_MS;
	const struct question question = {backend, options};
	AUTO(str_clear) struct str answer = {0};
	struct host_child_end end;
	int r = host_child_ask(scan_and_tell, &question, deadline_ns, &stuck, &answer, &end);

	if (r == -EBUSY)
		return err_set(e, EBUSY,
			       "the %s driver hangs: %zu earlier queries are stuck in it (pid %d)",
			       backend->name, stuck.count, (int)stuck.pids[0]);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "the %s driver did not answer within %d ms%s",
			       backend->name, options->timeout_ms,
			       end.is_gone ? "" : " and its process cannot be killed");
	if (r < 0)
		return err_sys(e, -r,
			       end.has_started ? "the %s driver gave no readable answer"
					       : "cannot start a process for the %s driver",
			       backend->name);
	if (!answer.length)
		return no_answer(backend->name, end.status, e);
	r = gpu_wire_unpack(str_text(&answer), answer.length, ret_scan, e);
	return r == -EBADMSG ? no_answer(backend->name, end.status, e) : r;
}
