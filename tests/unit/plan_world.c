#include "plan_world.h"

#include <stdio.h>

#include "base/mem.h"

struct reservation *world_hold(struct pool_state *state, uid_t uid, enum reservation_type type,
			       int first, int count)
{
	struct reservation *r = reservation_new();

	snprintf(r->id, sizeof(r->id), "00000000-0000-0000-0000-%012zu", state->reservations_count);
	r->account = mem_printf("u%d", (int)uid);
	r->user = mem_strdup(r->account);
	r->uid = quantity_of(uid);
	r->type = type;
	r->start_ns = NOW - HOUR;
	r->heartbeat_ns = type == RESERVATION_RUN ? NOW - MINUTE / 2 : TIME_NONE;
	r->expiry_ns = type == RESERVATION_MANUAL ? NOW + HOUR : TIME_NONE;
	r->gpus = mem_alloc((size_t)count, sizeof(int));
	r->gpus_count = (size_t)count;
	for (int i = 0; i < count; i++)
		r->gpus[i] = first + i;
	pool_state_add(state, r);
	return r;
}
