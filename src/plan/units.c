/* What the numbers of a pool mean, and what the driver shows; see units.h. */
#include "plan/units.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "plan/match.h"

void units_clear(struct units *u)
{
	for (size_t i = 0; i < u->count; i++)
		slot_set_unit(&u->slots[i], NULL);
	free(u->slots);
	free(u->changes);
	*u = (struct units){0};
}

struct slot plan_unit_of(const struct scan *scan, const struct gpu *gpu)
{
	const char *uuid = scan->simulated ? NULL : plan_own_uuid(scan, gpu);

	return (struct slot){
		.uuid = (char *)(uintptr_t)uuid,
		.profile = gpu->profile,
		.parent = scan->simulated ? NULL : gpu->parent,
		.parent_index = gpu->parent_index.known ? (int)gpu->parent_index.value : 0,
	};
}

char *plan_unit_text(const struct slot *slot)
{
	return slot->profile ? mem_printf("%s of GPU %d", slot->profile, slot->parent_index) : NULL;
}

static bool is_uuid(const char *a, const char *b)
{
	return a && b && !strcasecmp(a, b);
}

static const struct gpu *find_divided(const struct scan *scan, const char *uuid)
{
	for (size_t i = 0; i < scan->divided_count; i++) {
		if (is_uuid(scan->divided[i].uuid, uuid))
			return &scan->divided[i];
	}
	return NULL;
}

/* Whether the driver shows all that there is: no GPU that might be one that is missed. */
static bool is_complete(const struct scan *scan)
{
	for (size_t i = 0; i < scan->gpus_count && !scan->simulated; i++) {
		if (!plan_own_uuid(scan, &scan->gpus[i]))
			return false;
	}
	for (size_t i = 0; i < scan->divided_count; i++) {
		if (scan->divided[i].instances_problem ||
		    (!scan->simulated && !scan->divided[i].uuid))
			return false;
	}
	return !scan->complaint && !scan->hidden;
}

/* Whether what a slot means, which no unit of the scan is, is gone for certain. */
static bool is_gone(const struct slot *slot, const struct scan *scan)
{
	const struct gpu *divided = find_divided(scan, slot->profile ? slot->parent : slot->uuid);
	size_t same = 0;

	if (!slot->uuid) {
		const struct gpu *gpu = scan_find(scan, slot->id);

		return is_complete(scan) && (!gpu || !gpu->profile != !slot->profile);
	}
	/* Two that are called so are none of them for certain, and not gone either. */
	for (size_t i = 0; i < scan->gpus_count; i++) {
		same += is_uuid(scan->gpus[i].uuid, slot->uuid);
		if (slot->profile && is_uuid(scan->gpus[i].uuid, slot->parent))
			return !scan->gpus[i].instances_problem; /* it is whole again */
	}
	if (same)
		return false;
	if (divided)
		return !slot->profile || (!divided->instances_problem && !scan->hidden);
	return is_complete(scan);
}

/* What becomes of a slot; `gpu`: what it means in the scan, or NULL. */
static enum unit_change update(const struct slot *before, struct slot *slot,
			       const struct scan *scan, const struct gpu *gpu, int64_t now_ns)
{
	bool gone = !gpu && is_gone(before, scan);

	slot_set_unit(slot, before);
	if (!gpu) {
		if (gone && slot->retired_ns == TIME_NONE)
			slot->retired_ns = now_ns;
		else
			return before->retired_ns != TIME_NONE ? UNIT_SAME : UNIT_DOUBTFUL;
		return UNIT_GONE;
	}
	if (gpu->instances_problem && before->retired_ns != TIME_NONE)
		return UNIT_SAME; /* its instances may still be there */
	if (gpu->uuid || gpu->profile) {
		struct slot unit = plan_unit_of(scan, gpu);

		/* What was recorded once is what the slot was found by. */
		if (before->uuid)
			unit.uuid = before->uuid;
		slot_set_unit(slot, &unit);
	}
	slot->retired_ns = TIME_NONE;
	if (before->retired_ns != TIME_NONE)
		return UNIT_BACK;
	return slot_is_same_unit(before, slot) ? UNIT_SAME : UNIT_RECORDED;
}

static void note(struct units *u, enum unit_change change)
{
	u->changes[u->count++] = change;
	u->counts[change]++;
}

/* Whether a new unit is made from what the pool has, or had. */
static bool is_related(const struct pool_state *state, const struct slot *unit)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		if (is_uuid(slot->uuid, unit->parent) || is_uuid(slot->parent, unit->parent) ||
		    is_uuid(slot->parent, unit->uuid))
			return true;
	}
	return false;
}

static bool is_matched(struct gpu *const *gpus, size_t count, const struct gpu *gpu)
{
	for (size_t i = 0; i < count; i++) {
		if (gpus[i] == gpu)
			return true;
	}
	return false;
}

/* Whether a slot is recorded for that unit, though it was not found by it. */
static bool is_recorded(const struct pool_state *state, const struct gpu *gpu)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (is_uuid(state->slots[i].uuid, gpu->uuid))
			return true;
	}
	return false;
}

/* Whether nothing tells which GPU a number means: it may be any of those that are new. */
static bool is_any_unclear(const struct pool_state *state, const struct units *u)
{
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!state->slots[i].uuid && u->changes[i] == UNIT_DOUBTFUL)
			return true;
	}
	return false;
}

static void add_new(const struct pool_state *state, const struct scan *scan,
		    struct gpu *const *gpus, struct units *u)
{
	bool unclear = !scan->simulated && is_any_unclear(state, u);

	for (size_t i = 0; i < scan->gpus_count; i++) {
		const struct gpu *gpu = &scan->gpus[i];
		struct slot unit = plan_unit_of(scan, gpu);

		if (is_matched(gpus, state->slots_count, gpu))
			continue;
		/* By number, a simulated one is found under that number only. */
		if (unclear || u->count == POOL_GPUS_MAX || is_recorded(state, gpu) ||
		    gpu->instances_problem ||
		    (scan->simulated ? (size_t)gpu->index != u->count : !unit.uuid)) {
			u->left_out++;
			continue;
		}
		u->related += is_related(state, &unit);
		slot_set_unit(&u->slots[u->count], &unit);
		note(u, UNIT_ADDED);
	}
}

static void free_all(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void plan_compare_units(const struct pool_state *state, const struct scan *scan, int64_t now_ns,
			struct units *ret_units)
{
	size_t room = state->slots_count + scan->gpus_count;
	struct gpu **gpus = mem_alloc(state->slots_count, sizeof(struct gpu *));
	char **problems = mem_alloc(state->slots_count, sizeof(char *));
	struct units u = {
		.slots = mem_alloc(room, sizeof(*u.slots)),
		.changes = mem_alloc(room, sizeof(*u.changes)),
	};

	plan_match_gpus(state, scan, MATCH_AS_LISTED, gpus, problems);
	free_all(problems, state->slots_count);
	for (size_t i = 0; i < room; i++)
		u.slots[i].id = (int)i;
	for (size_t i = 0; i < state->slots_count; i++)
		note(&u, update(&state->slots[i], &u.slots[i], scan, gpus[i], now_ns));
	add_new(state, scan, gpus, &u);
	free(gpus);
	*ret_units = u;
}

bool plan_units_differ(const struct units *u)
{
	return u->counts[UNIT_GONE] || u->counts[UNIT_BACK] || u->related;
}

void plan_record_units(const struct pool_state *state, const struct scan *scan, struct plan *p)
{
	struct gpu **gpus;
	struct slot *slots;
	char **problems;
	bool some = false;

	for (size_t i = 0; i < state->slots_count; i++)
		some |= !state->slots[i].uuid;
	if (!some || scan->simulated || !is_complete(scan))
		return;
	gpus = mem_alloc(state->slots_count, sizeof(struct gpu *));
	problems = mem_alloc(state->slots_count, sizeof(char *));
	plan_match_gpus(state, scan, MATCH_CERTAIN, gpus, problems);
	free_all(problems, state->slots_count);
	slots = plan_own(p, mem_alloc(state->slots_count, sizeof(*slots)));
	some = false;
	for (size_t i = 0; i < state->slots_count; i++) {
		slots[i] = state->slots[i];
		/* Instances have no number of the driver's. */
		if (slots[i].uuid || slots[i].profile || slots[i].retired_ns != TIME_NONE ||
		    !gpus[i])
			continue;
		slots[i].uuid = gpus[i]->uuid;
		some = true;
	}
	free(gpus);
	if (some)
		plan_add(p, CHANGE_UNITS)->units = (struct change_units){slots, state->slots_count};
}

void plan_refresh(const struct pool_state *state, const struct units *u, struct plan *p)
{
	if (u->count == state->slots_count &&
	    u->counts[UNIT_SAME] + u->counts[UNIT_DOUBTFUL] == u->count)
		return;
	plan_add(p, CHANGE_UNITS)->units = (struct change_units){u->slots, u->count};
	/* Which GPUs a waiting request can use has to be found out again, by its process. */
	for (size_t i = 0; i < state->queue_count; i++) {
		struct queue_entry *entry;

		if (!state->queue[i].eligible)
			continue;
		entry = plan_put_copy(p, &state->queue[i], false);
		entry->eligible = NULL;
		entry->eligible_count = 0;
	}
}
