/* How long a scan may take; see patience.h. */
#include "gpu/patience.h"

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/notice.h"

#define TELL_AFTER_NS NS_PER_SECOND

void patience_begin(struct patience *p, const struct gpu_backend *backend,
		    const struct gpu_options *options)
{
	int64_t now_ns = clock_monotonic_ns();

	*p = (struct patience){
		.backend = backend,
		.timeout_ms = options->timeout_ms,
		.begin_ns = now_ns,
		.deadline_ns = now_ns + options->timeout_ms * NS_PER_MS,
		.interrupt_fd = options->interrupt_fd,
	};
}

bool patience_lasts(struct patience *p)
{
	int64_t now_ns = clock_monotonic_ns();

	if (!p->is_told && now_ns - p->begin_ns >= TELL_AFTER_NS) {
		const char *advice = p->backend->slow_advice;
		AUTO_FREE char *text =
			mem_printf("asking the %s driver ...%s%s", p->backend->vendor_name,
				   advice ? "; " : "", advice ? advice : "");

		notice_show(text);
		p->is_told = true;
	}
	return now_ns < p->deadline_ns;
}

int patience_pause(const struct patience *p, int64_t pause_ns)
{
	struct pollfd interrupt = {.fd = p->interrupt_fd > 0 ? p->interrupt_fd : -1,
				   .events = POLLIN};
	struct timespec time = {.tv_sec = pause_ns / NS_PER_SECOND,
				.tv_nsec = pause_ns % NS_PER_SECOND};

	return ppoll(&interrupt, 1, &time, NULL) > 0 ? -EINTR : 0;
}

void patience_end(struct patience *p)
{
	if (p->is_told)
		notice_clear();
	p->is_told = false;
}
