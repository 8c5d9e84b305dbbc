/* GPUs of one kind; see kind.h. */
#include "plan/kind.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/actor.h"
#include "plan/withheld.h"

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '+';
}

/* Moves *p to the next word, and says how long it is; 0: there is none. */
static size_t next_word(const char **p)
{
	size_t length = 0;

	while (**p && !is_word_byte(**p))
		++*p;
	while ((*p)[length] && is_word_byte((*p)[length]))
		length++;
	return length;
}

static bool has_word(const char *name, const char *word, size_t length)
{
	size_t found;

	for (const char *p = name; (found = next_word(&p)); p += found) {
		if (found == length && !strncasecmp(p, word, length))
			return true;
	}
	return false;
}

bool plan_name_has_type(const char *name, const char *type)
{
	size_t length;

	for (const char *p = type; p && (length = next_word(&p)); p += length) {
		if (!name || !has_word(name, p, length))
			return false;
	}
	return true;
}

/* Whether a type is one of instances: it has a word of their profile, or "mig". */
static bool is_type_of_instances(const char *type, const char *profile)
{
	size_t length;

	for (const char *p = type; p && (length = next_word(&p)); p += length) {
		if (has_word("mig", p, length) || has_word(profile, p, length))
			return true;
	}
	return false;
}

/* Whether the request is for whole GPUs, and this is none. Programs use only one MIG instance at a
   time, so that a request for several does not get instances unless it says so. */
static bool is_too_small(const struct pool_state *state, const struct plan_request *request,
			 int gpu)
{
	const char *profile = state->slots[gpu].profile;

	return profile && !request->ids && request->count > 1 &&
	       !is_type_of_instances(request->gpu_type, profile);
}

/* Whether what it is for can be told from what a scan shows. */
static bool asks_for_properties(const struct plan_request *request)
{
	return request->gpu_type || request->min_memory_mb > 0;
}

bool plan_asks_for_kind(const struct pool_state *state, const struct plan_request *request)
{
	bool some = false;

	for (size_t i = 0; i < state->slots_count; i++)
		some |= is_too_small(state, request, (int)i);
	return some || asks_for_properties(request);
}

bool plan_is_of_kind(const struct pool_state *state, const struct plan_facts *facts,
		     const struct plan_request *request, int gpu, bool *ret_known)
{
	const struct gpu *g = facts->gpus ? facts->gpus[gpu] : NULL;

	*ret_known = true;
	if (is_too_small(state, request, gpu))
		return false;
	if (!asks_for_properties(request))
		return true;
	*ret_known = g && (!request->gpu_type || g->name) &&
		     (!request->min_memory_mb || g->memory_total_mb.known);
	return *ret_known && plan_name_has_type(g->name, request->gpu_type) &&
	       (!request->min_memory_mb || g->memory_total_mb.value >= request->min_memory_mb);
}

int *plan_find_eligible(const struct pool_state *state, const struct plan_facts *facts,
			const struct plan_request *request, const struct queue_entry *entry,
			size_t *ret_count)
{
	const struct queue_entry *q = entry && entry->eligible ? entry : NULL;
	int *ids;

	*ret_count = 0;
	if (request->ids || !plan_asks_for_kind(state, request) ||
	    (asks_for_properties(request) && !facts->gpus && !q))
		return NULL;
	ids = mem_alloc(state->slots_count, sizeof(*ids));
	for (size_t i = 0; i < state->slots_count; i++) {
		bool known, fits = plan_is_of_kind(state, facts, request, (int)i, &known);

		/* What cannot be told now may turn out to be of it. */
		if (!known)
			fits = !q || gpu_ids_have(q->eligible, q->eligible_count, (int)i);
		if (fits)
			ids[(*ret_count)++] = (int)i;
	}
	return ids;
}

char *plan_kind_text(const char *type, int64_t min_memory_mb)
{
	struct str out = {0};

	if (type)
		str_addf(&out, "of type '%s'", type);
	if (min_memory_mb > 0)
		str_addf(&out, "%swith at least %lld MB", type ? " " : "",
			 (long long)min_memory_mb);
	return str_steal(&out);
}

/* "2 NVIDIA A100-SXM4-40GB (40960 MB), 1 unknown" */
static char *list_models(const struct pool_state *state, const struct plan_facts *facts)
{
	AUTO_FREE bool *listed = mem_alloc(state->slots_count, sizeof(*listed));
	struct str out = {0};
	size_t unknown = 0;

	for (size_t i = 0; i < state->slots_count; i++) {
		const struct gpu *g = facts->gpus ? facts->gpus[i] : NULL;
		size_t count = 0;

		unknown += !g || !g->name;
		if (!g || !g->name || listed[i])
			continue;
		for (size_t k = i; k < state->slots_count; k++) {
			const struct gpu *other = facts->gpus[k];

			if (!other || !other->name || strcmp(other->name, g->name) != 0)
				continue;
			listed[k] = true;
			count++;
		}
		str_addf(&out, "%s%zu %s", out.length ? ", " : "", count, g->name);
		if (g->memory_total_mb.known)
			str_addf(&out, " (%lld MB)", (long long)g->memory_total_mb.value);
	}
	if (unknown)
		str_addf(&out, "%s%zu unknown", out.length ? ", " : "", unknown);
	return str_steal(&out);
}

int plan_check_kind(const struct pool_state *state, const struct plan_facts *facts,
		    const struct plan_request *request, bool waits, struct err *e)
{
	AUTO_FREE char *kind = plan_kind_text(request->gpu_type, request->min_memory_mb);
	AUTO_FREE char *models = NULL;
	size_t found = 0;
	bool known;

	if (!plan_asks_for_kind(state, request))
		return 0;
	for (size_t i = 0; i < request->ids_count; i++) {
		const struct gpu *g = facts->gpus ? facts->gpus[request->ids[i]] : NULL;

		if (!plan_is_of_kind(state, facts, request, request->ids[i], &known) &&
		    (known || !waits))
			return err_set(e, ERANGE, "GPU %d is not %s: it is %s", request->ids[i],
				       kind, g && g->name ? g->name : "unknown");
	}
	for (size_t i = 0; i < state->slots_count; i++)
		found += (plan_is_of_kind(state, facts, request, (int)i, &known) ||
			  (waits && !known)) &&
			 !plan_is_withheld(state, facts->policy, (int)i);
	if (request->ids || found >= plan_request_count(request))
		return 0;
	models = list_models(state, facts);
	if (!asks_for_properties(request))
		return err_set(
			e, ERANGE,
			"Requested %d GPU%s, but the pool has only %zu whole GPU%s in service "
			"(it has: %s): programs use one MIG instance at a time, so ask for "
			"several with --type or --gpu-ids",
			request->count, str_plural((size_t)request->count), found,
			str_plural(found), models);
	return err_set(e, ERANGE,
		       "Requested %d GPU%s %s, but the pool has only %zu in service (it has: %s)",
		       request->count, str_plural((size_t)request->count), kind, found, models);
}
