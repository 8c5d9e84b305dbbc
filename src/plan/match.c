/* Which GPU of a scan a slot of the pool means; see match.h. */
#include "plan/match.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* The only GPU of that UUID; *ret_count says how many there are. */
static struct gpu *find_uuid(const struct scan *scan, const char *uuid, size_t *ret_count)
{
	struct gpu *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < scan->gpus_count; i++) {
		if (scan->gpus[i].uuid && !strcasecmp(scan->gpus[i].uuid, uuid)) {
			found = &scan->gpus[i];
			++*ret_count;
		}
	}
	return *ret_count == 1 ? found : NULL;
}

const char *plan_own_uuid(const struct scan *scan, const struct gpu *gpu)
{
	size_t count;

	return gpu->uuid && *gpu->uuid && find_uuid(scan, gpu->uuid, &count) == gpu ? gpu->uuid
										    : NULL;
}

/* The slot before this one that is that GPU; -1: none. */
static int find_slot(struct gpu *const *gpus, size_t count, const struct gpu *gpu)
{
	for (size_t i = 0; i < count; i++) {
		if (gpus[i] == gpu)
			return (int)i;
	}
	return -1;
}

/* With what the driver says of a card that it cannot name: it may be this one. */
static char *why_gone(const struct slot *slot, const struct scan *scan)
{
	const char *why = scan->complaint;

	for (size_t i = 0; i < scan->gpus_count && !why; i++) {
		const struct gpu *gpu = &scan->gpus[i];

		if (!gpu->uuid)
			why = gpu->health_reason ? gpu->health_reason : gpu->problem;
	}
	if (!why && scan->hidden)
		return mem_printf("%s is not shown: %s", slot->uuid, scan->hidden);
	if (!why)
		return mem_printf("%s is gone", slot->uuid);
	return mem_printf("%s is gone; of a GPU that it cannot name the driver says: %s",
			  slot->uuid, why);
}

char *plan_instances_text(const struct pool_state *state, const char *uuid)
{
	AUTO(str_clear) struct str ids = {0};
	size_t count = 0;

	for (size_t i = 0; uuid && i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		if (slot->parent && slot->retired_ns == TIME_NONE &&
		    !strcasecmp(slot->parent, uuid))
			str_addf(&ids, "%s%zu", count++ ? ", " : "", i);
	}
	return count ? mem_printf("GPU%s %s", count > 1 ? "s" : "", str_text(&ids)) : NULL;
}

static const struct gpu *find_divided(const struct scan *scan, const char *uuid)
{
	for (size_t i = 0; i < scan->divided_count; i++) {
		if (scan->divided[i].uuid && !strcasecmp(scan->divided[i].uuid, uuid))
			return &scan->divided[i];
	}
	return NULL;
}

static char *why_divided(const struct pool_state *state, const char *uuid)
{
	AUTO_FREE char *instances = plan_instances_text(state, uuid);

	if (instances)
		return mem_printf("%s is in MIG mode: its instances are %s", uuid, instances);
	return mem_printf("%s is in MIG mode: 'canhazgpu admin --refresh' gives its instances "
			  "numbers",
			  uuid);
}

static void match_uuid(const struct pool_state *state, const struct slot *slot,
		       const struct scan *scan, struct gpu **gpus, char **ret_problem)
{
	size_t count;
	struct gpu *gpu = find_uuid(scan, slot->uuid, &count);
	int other = gpu ? find_slot(gpus, (size_t)slot->id, gpu) : -1;

	if (other >= 0)
		*ret_problem = mem_printf("%s is recorded for GPU %d, too", slot->uuid, other);
	else if (count > 1)
		*ret_problem = mem_printf("the driver shows %zu GPUs as %s", count, slot->uuid);
	else if (!gpu && find_divided(scan, slot->uuid))
		*ret_problem = why_divided(state, slot->uuid);
	else if (!gpu)
		*ret_problem = why_gone(slot, scan);
	else
		gpus[slot->id] = gpu;
}

/* Cards that the driver lists, and whole GPUs of the pool. */
static size_t count_cards(const struct scan *scan)
{
	size_t count = scan->divided_count;

	for (size_t i = 0; i < scan->gpus_count; i++)
		count += !scan->gpus[i].profile;
	return count;
}

static size_t count_whole(const struct pool_state *state)
{
	size_t count = 0;

	for (size_t i = 0; i < state->slots_count; i++)
		count += !state->slots[i].profile;
	return count;
}

/* Why the driver's numbers may have moved since the pool was made; NULL: nothing says so. `gpus`
   has those that were found by UUID. */
static char *why_moved(const struct pool_state *state, const struct scan *scan,
		       struct gpu *const *gpus)
{
	static const char as_listed[] = "'canhazgpu admin --refresh' takes them as they are "
					"counted now";
	size_t cards = count_cards(scan), whole = count_whole(state);

	if (scan->simulated)
		return NULL;
	if (scan->complaint)
		return mem_printf("the driver cannot use one (%s)", scan->complaint);
	if (!scan->ordered)
		return mem_printf("the driver does not say where each of them is (%s)", as_listed);
	if (cards < whole)
		return mem_printf("the driver shows %zu of the pool's %zu (%s)", cards, whole,
				  scan->hidden ? scan->hidden : as_listed);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];
		const struct gpu *gpu = gpus[i];

		if (!slot->uuid || slot->profile)
			continue;
		if (!gpu)
			gpu = find_divided(scan, slot->uuid);
		if (!gpu || gpu->index != slot->id)
			return mem_printf("GPU %zu is not where it was (%s)", i, as_listed);
	}
	return NULL;
}

static void match_number(const struct slot *slot, const struct scan *scan, size_t slots_count,
			 const char *moved, struct gpu **gpus, char **ret_problem)
{
	struct gpu *gpu = scan_find(scan, slot->id);
	int other = gpu ? find_slot(gpus, slots_count, gpu) : -1;

	if (moved)
		*ret_problem = mem_printf(
			"its UUID is not recorded, and numbers may mean other GPUs: %s", moved);
	else if (other >= 0)
		*ret_problem = mem_printf("the driver's GPU %d is GPU %d of the pool by its UUID",
					  slot->id, other);
	else if (!gpu)
		*ret_problem = mem_printf("the driver shows no GPU %d", slot->id);
	else if (!gpu->profile != !slot->profile)
		*ret_problem = mem_printf("the driver's number %d is %s MIG instance", slot->id,
					  gpu->profile ? "a" : "no");
	else
		gpus[slot->id] = gpu;
}

void plan_match_gpus(const struct pool_state *state, const struct scan *scan,
		     enum match_numbers numbers, struct gpu **ret_gpus, char **ret_problems)
{
	AUTO_FREE char *moved = NULL;

	for (size_t i = 0; i < state->slots_count; i++)
		ret_gpus[i] = NULL;
	for (size_t i = 0; i < state->slots_count; i++) {
		if (state->slots[i].uuid)
			match_uuid(state, &state->slots[i], scan, ret_gpus, &ret_problems[i]);
	}
	/* Nobody can say what the numbers mean while the driver leaves a card out. */
	if (numbers == MATCH_CERTAIN || scan->complaint)
		moved = why_moved(state, scan, ret_gpus);
	for (size_t i = 0; i < state->slots_count; i++) {
		if (!state->slots[i].uuid)
			match_number(&state->slots[i], scan, state->slots_count, moved, ret_gpus,
				     &ret_problems[i]);
	}
}

/* ---- what users call them ---- */

static const char *uuid_of(const struct pool_state *state, struct gpu *const *gpus, size_t i)
{
	if (state->slots[i].uuid)
		return state->slots[i].uuid;
	return gpus && gpus[i] ? gpus[i]->uuid : NULL;
}

/* A card that was divided when the pool was made is none of its GPUs. */
static int refuse_name(const struct pool_state *state, const char *name, struct err *e)
{
	AUTO_FREE char *instances = plan_instances_text(state, name);

	if (instances)
		return err_set(e, ENOENT, "%.100s is in MIG mode: ask for its instances, %s", name,
			       instances);
	return err_set(e, ENOENT,
		       "there is no GPU '%.100s' in this pool ('canhazgpu status --json' shows "
		       "their UUIDs)",
		       name);
}

/* The slot of that UUID, or the only one whose UUID begins so. */
static int find_name(const struct pool_state *state, struct gpu *const *gpus, const char *name,
		     int *ret_id, struct err *e)
{
	size_t length = strlen(name), matches = 0;
	int found = -1;

	for (size_t i = 0; i < state->slots_count; i++) {
		const char *uuid = uuid_of(state, gpus, i);

		if (!uuid || strncasecmp(uuid, name, length) != 0)
			continue;
		found = (int)i;
		/* One that is meant as a whole may also be how another begins. */
		matches = uuid[length] ? matches + 1 : 1;
		if (!uuid[length])
			break;
	}
	if (!matches)
		return refuse_name(state, name, e);
	if (matches > 1)
		return err_usage(e,
				 "the UUIDs of %zu GPUs begin with '%.100s' ('canhazgpu status "
				 "--json' shows them)",
				 matches, name);
	*ret_id = found;
	return 0;
}

int plan_find_gpus(const struct pool_state *state, struct gpu *const *gpus,
		   const struct gpu_list *list, int **ret_ids, size_t *ret_count, struct err *e)
{
	size_t count = list->ids_count + list->names_count;
	AUTO_FREE int *ids = mem_alloc(count, sizeof(*ids));

	for (size_t i = 0; i < list->ids_count; i++)
		ids[i] = list->ids[i];
	for (size_t i = 0; i < list->names_count; i++) {
		int r = find_name(state, gpus, list->names[i], &ids[list->ids_count + i], e);

		if (r < 0)
			return r;
	}
	gpu_ids_sort(ids, count);
	for (size_t i = 1; i < count; i++) {
		if (ids[i] == ids[i - 1])
			return err_usage(e, "GPU id %d is given twice", ids[i]);
	}
	*ret_ids = mem_steal(&ids);
	*ret_count = count;
	return 0;
}
