/* Who uses which GPU without a reservation; see guard_use.h. */
#include "plan/guard_use.h"

#include <stdlib.h>

#include "base/json_fields.h"
#include "base/mem.h"

void guard_uses_clear(struct guard_uses *u)
{
	for (size_t i = 0; i < u->count; i++)
		free(u->of[i].processes);
	free(u->of);
	*u = (struct guard_uses){0};
}

static struct guard_use *add_use(struct guard_uses *u, int gpu, const struct process *process)
{
	struct guard_use *use;

	for (size_t i = 0; process && i < u->count; i++) {
		use = &u->of[i];
		if (use->uid.known == process->uid.known &&
		    (!use->uid.known || use->uid.value == process->uid.value))
			return use;
	}
	u->of = mem_resize(u->of, u->count + 1, sizeof(*u->of));
	use = &u->of[u->count++];
	*use = (struct guard_use){.gpu = gpu};
	if (process) {
		use->uid = process->uid;
		use->account = process->account;
	}
	return use;
}

/* Whether a process on that GPU is none of its holder's, as far as is known. */
static bool is_stranger(const struct reservation *holder, const struct process *process)
{
	if (process->ignored_by)
		return false;
	if (!holder)
		return true;
	return process->foreign &&
	       !account_is_same(process->uid, process->account, holder->uid, holder->account);
}

/* Whether what an account has there is known to be more than is tolerated. */
static bool is_above(const struct guarding *g, const struct guard_use *use, bool *ret_known)
{
	int64_t sum_mb = 0;

	*ret_known = true;
	for (size_t i = 0; i < use->count; i++) {
		*ret_known &= use->processes[i]->memory_mb.known;
		sum_mb +=
			use->processes[i]->memory_mb.known ? use->processes[i]->memory_mb.value : 0;
	}
	return sum_mb > g->guard->threshold_mb;
}

/* The other program, and records of old, name the holder of a reservation only as it was typed: its
   own processes may look like another's. */
static const char *doubt_of(const struct reservation *holder, bool above)
{
	if (!above)
		return "its account is not known to use more memory there than memory.threshold";
	return holder && !holder->uid.known ? "who has reserved the GPU is not known for certain"
					    : NULL;
}

/* On a reserved GPU, as on a free one, a little memory is no use. */
static void judge(const struct guarding *g, const struct reservation *holder, struct guard_uses *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->count; i++) {
		struct guard_use *use = &u->of[i];
		bool known, above = is_above(g, use, &known) && use->uid.known;

		use->doubt = doubt_of(holder, above);
		if (above || !known || !holder)
			u->of[kept++] = *use;
		else
			free(use->processes);
	}
	u->count = kept;
}

void guard_find_uses(const struct guarding *g, size_t i, struct guard_uses *u)
{
	const struct reservation *holder = guard_holder(g, i);
	const struct gpu *gpu = g->facts->gpus[i];

	*u = (struct guard_uses){0};
	if (!holder && (!g->facts->use || g->facts->use[i] != USE_BUSY))
		return;
	for (size_t k = 0; k < gpu->processes_count; k++) {
		const struct process *process = &gpu->processes[k];
		struct guard_use *use;

		if (!is_stranger(holder, process))
			continue;
		use = add_use(u, (int)i, process);
		use->processes =
			mem_resize(use->processes, use->count + 1, sizeof(*use->processes));
		use->processes[use->count++] = process;
	}
	judge(g, holder, u);
	if (!holder && !u->count)
		add_use(u, (int)i, NULL);
}

/* For structs of JSON. */
struct listed {
	int pid;
	char *name;
	struct quantity memory_mb;
};

struct listing {
	struct listed *processes;
	size_t count;
};

char *guard_processes_json(const struct process *const *processes, size_t count)
{
	static const struct json_field listed_fields[] = {
		FIELD("pid", struct listed, pid),
		FIELD("name", struct listed, name, .optional = true),
		FIELD("memory_mb", struct listed, memory_mb, .optional = true),
		FIELDS_END,
	};
	static const struct json_field listing_fields[] = {
		FIELD_STRUCTS("processes", struct listing, processes, count, listed_fields, 0),
		FIELDS_END,
	};
	AUTO_FREE struct listed *list = mem_alloc(count, sizeof(*list));
	struct listing listing = {.processes = list, .count = count};

	if (!count)
		return NULL;
	for (size_t i = 0; i < count; i++)
		list[i] = (struct listed){.pid = (int)processes[i]->pid,
					  .name = processes[i]->name,
					  .memory_mb = processes[i]->memory_mb};
	return json_fields_text(json_fields_write(listing_fields, &listing));
}
