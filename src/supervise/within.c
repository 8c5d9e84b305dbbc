/* A run on GPUs that are reserved by hand: it ends with these reservations. */
#include <errno.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "supervise/supervisor.h"

/* Waking up on time is waking up a little later than that. */
#define SLACK_NS (10 * NS_PER_MS)

/* When to check next whether the GPUs are still held: as often as others renew, and at the end. */
static void set_next_check(struct supervisor *s)
{
	int64_t left_ns = s->end_boot_ns - clock_boot_ns(), pause_ns = s->orders.heartbeat_ns;

	if (left_ns < pause_ns - SLACK_NS)
		pause_ns = (left_ns > 0 ? left_ns : 0) + SLACK_NS;
	s->next_renewal_ns = clock_monotonic_ns() + pause_ns;
}

static void set_left(struct supervisor *s, int64_t left_ns)
{
	int64_t now_ns = clock_boot_ns();

	s->end_boot_ns = left_ns < INT64_MAX - now_ns ? now_ns + left_ns : INT64_MAX;
	set_next_check(s);
}

int supervise_begin_within(struct supervisor *s, struct err *e)
{
	int64_t expiry_ns = s->orders.reservation->expiry_ns;

	s->left_ns = mmap(NULL, sizeof(*s->left_ns), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->left_ns == MAP_FAILED) {
		s->left_ns = NULL;
		return err_sys(e, errno, "cannot share memory");
	}
	set_left(s, expiry_ns == TIME_NONE ? INT64_MAX : expiry_ns - clock_now_ns());
	return 0;
}

void supervise_end_within(struct supervisor *s)
{
	if (s->left_ns)
		munmap(s->left_ns, sizeof(*s->left_ns));
	s->left_ns = NULL;
}

int supervise_check_held(const struct supervisor *s, struct pool *pool, bool *ret_held,
			 struct err *e)
{
	const struct reservation *r = s->orders.reservation;
	size_t held = 0;
	int64_t left_ns = 0;
	int code = pool_held_by_hand(pool, &s->actor, r->gpus, r->gpus_count, &held, &left_ns, e);

	if (code < 0)
		return code;
	*s->left_ns = left_ns;
	*ret_held = held == r->gpus_count;
	return 0;
}

void supervise_checked_held(struct supervisor *s, bool held)
{
	AUTO_FREE char *ended = NULL;

	if (held) {
		set_left(s, *s->left_ns);
		return;
	}
	s->lost = true;
	if (s->end_boot_ns <= clock_boot_ns()) {
		ended = mem_printf("your manual reservation of GPU(s) %s has ended", s->gpus);
		supervise_stop_because(s, ended);
		return;
	}
	supervise_say(s,
		      "your manual reservation of GPU(s) %s is gone, or a part of it (released, or "
		      "the pool was recreated); the command %s",
		      s->gpus,
		      s->orders.kill_on_lost ? "is being stopped"
					     : "continues WITHOUT a reservation");
	if (s->orders.kill_on_lost)
		supervise_stop(s);
}
