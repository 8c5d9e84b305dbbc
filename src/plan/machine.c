/* Whose pool it is; see machine.h. */
#include "plan/machine.h"

#include <string.h>

enum answer { UNKNOWN, YES, NO };

static enum answer is_same(const char *a, const char *b)
{
	if (!a || !b)
		return UNKNOWN;
	return strcmp(a, b) ? NO : YES;
}

/* A card is the same whether it is whole or divided into MIG instances, whose own UUIDs are other
   ones each time. */
static enum answer has_card(const struct scan *scan, const char *uuid)
{
	enum answer found = UNKNOWN;

	for (size_t i = 0; i < scan->gpus_count + scan->divided_count; i++) {
		const struct gpu *gpu = i < scan->gpus_count ? &scan->gpus[i]
							     : &scan->divided[i - scan->gpus_count];
		enum answer same = is_same(uuid, gpu->parent ? gpu->parent : gpu->uuid);

		if (same == YES)
			return YES;
		if (same == NO)
			found = NO;
	}
	return found;
}

/* Whether the scan has one of the cards that the pool has recorded. */
static enum answer shares_gpus(const struct pool_state *state, const struct scan *scan)
{
	enum answer found = UNKNOWN;

	for (size_t i = 0; scan && i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];
		enum answer has = has_card(scan, slot->parent ? slot->parent : slot->uuid);

		if (has == YES)
			return YES;
		if (has == NO)
			found = NO;
	}
	return found;
}

static bool is_recorded(const struct machine *m)
{
	return m->id || m->boot_id;
}

static bool is_same_boot(const struct pool_state *state, const struct plan_here *here)
{
	return is_same(state->host.boot_id, here->machine->boot_id) == YES;
}

static bool has_uuids(const struct pool_state *state)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (state->slots[i].uuid)
			return true;
	}
	return false;
}

bool plan_machine_needs_scan(const struct pool_state *state, const struct plan_here *here)
{
	return state->initialized && !here->scan && !is_same_boot(state, here) &&
	       (is_recorded(&state->host) || has_uuids(state));
}

enum machine_match plan_machine_match(const struct pool_state *state, const struct plan_here *here)
{
	enum answer id = is_same(state->host.id, here->machine->id);
	enum answer name = is_same(state->host.name, here->machine->name);
	enum answer gpus;

	if (!is_recorded(&state->host))
		return shares_gpus(state, here->scan) == NO ? MACHINE_OTHER : MACHINE_UNRECORDED;
	if (is_same_boot(state, here))
		return name == NO ? MACHINE_RENAMED : MACHINE_SAME;
	gpus = shares_gpus(state, here->scan);
	if (gpus == YES && id == NO)
		return MACHINE_REINSTALLED;
	if (gpus == NO)
		return id != NO && name == YES ? MACHINE_SAME : MACHINE_OTHER;
	if (id == NO)
		return MACHINE_OTHER;
	if (id == UNKNOWN && gpus == UNKNOWN)
		return MACHINE_UNCERTAIN;
	return name == NO ? MACHINE_RENAMED : MACHINE_SAME;
}

bool plan_machine_record(const struct pool_state *state, const struct plan_here *here,
			 enum machine_match match, struct machine *ret_machine)
{
	if (match == MACHINE_OTHER || !is_recorded(here->machine))
		return false;
	/* Within one boot others may only add names: those of containers. */
	if (match != MACHINE_UNRECORDED && is_same_boot(state, here))
		return false;
	*ret_machine = *here->machine;
	if (!ret_machine->id)
		ret_machine->id = state->host.id;
	return true;
}
