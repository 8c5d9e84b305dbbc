/* The names of granted GPUs, and the variables that hold them; see grant.h. */
#include "pool/grant.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu.h"
#include "pool/private.h"

/* For programs, and for containers: Apptainer and Singularity take the prefix off inside, and may
   drop all other variables. */
static const char *const prefixes[] = {"", "APPTAINERENV_", "SINGULARITYENV_"};

void pool_grant_clear(struct pool_grant *g)
{
	reservation_free(g->reservation);
	free(g->visible);
	free(g->uuids);
	free(g->places);
	free(g->numbers);
	for (size_t i = 0; i < g->variables_count; i++)
		free(g->variables[i].name);
	*g = (struct pool_grant){0};
}

/* How the GPUs are written, separated by commas. */
enum notation { NAMES, UUIDS, PLACES, NUMBERS };

/* One GPU of the grant: what the driver says of it, unless it was not seen. */
static void add_gpu(struct str *out, const struct slot *slot, const struct gpu *gpu, size_t place,
		    enum notation notation)
{
	const char *uuid = gpu && gpu->uuid ? gpu->uuid : slot->uuid;

	if (notation == PLACES)
		str_addf(out, "%zu", place);
	else if (notation == NUMBERS && gpu && gpu->profile && uuid)
		str_add(out, uuid); /* programs know no number for an instance */
	else if (notation == NAMES && gpu && gpu->visible)
		str_add(out, gpu->visible);
	else if (notation != NUMBERS && uuid)
		str_add(out, uuid);
	else
		str_addf(out, "%d", gpu ? gpu->index : slot->id);
}

static char *join_gpus(const struct reservation *r, const struct scan_cache *cache,
		       enum notation notation)
{
	struct str out = {0};

	for (size_t i = 0; i < r->gpus_count; i++) {
		size_t slot = (size_t)r->gpus[i];

		str_add(&out, i ? "," : "");
		add_gpu(&out, &cache->state.slots[slot], cache->observation.gpus[slot], i,
			notation);
	}
	return str_steal(&out);
}

/* Whether a runtime that numbers cards by their speed may number these otherwise. Cards that exist
   only here are numbered by nobody else. */
static bool are_mixed(const struct scan *s, const char *provider)
{
	for (size_t i = 1; i < s->gpus_count && !gpu_is_simulated(provider); i++) {
		const char *name = s->gpus[i].name, *first = s->gpus[0].name;

		if (!name || !first || strcmp(name, first) != 0)
			return true;
	}
	return false;
}

static const char *value_of(const struct gpu_variable *v, const struct pool_grant *g)
{
	switch (v->kind) {
	case GPU_VARIABLE_NAMES:
		return g->visible;
	case GPU_VARIABLE_UUIDS:
		return g->uuids;
	case GPU_VARIABLE_PLACES:
		return g->places;
	case GPU_VARIABLE_FIXED:
		return v->value;
	case GPU_VARIABLE_REMOVED:
		break;
	}
	return NULL;
}

static void add_variables(struct pool_grant *g, const char *provider, const char *prefix)
{
	for (const struct gpu_variable *v = gpu_variables(provider);
	     v->name && g->variables_count < POOL_VARIABLES_MAX; v++)
		g->variables[g->variables_count++] = (struct pool_variable){
			.name = mem_printf("%s%s", prefix, v->name),
			.value = value_of(v, g),
			.fixed = v->kind == GPU_VARIABLE_FIXED,
			.prefixed = *prefix != '\0',
		};
}

void grant_name_gpus(struct pool_grant *g, const struct scan_cache *cache)
{
	const char *provider = cache->state.provider;

	g->visible = join_gpus(g->reservation, cache, NAMES);
	g->uuids = join_gpus(g->reservation, cache, UUIDS);
	g->places = join_gpus(g->reservation, cache, PLACES);
	g->numbers = join_gpus(g->reservation, cache, NUMBERS);
	for (size_t i = 0; i < g->reservation->gpus_count; i++)
		g->instances += cache->state.slots[g->reservation->gpus[i]].profile != NULL;
	g->mixed = are_mixed(&cache->observation.scan, provider);
	g->vendor = gpu_vendor(provider);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		add_variables(g, provider, prefixes[i]);
}

/* " NAME NAME=VALUE" of the variables that are set, or of those that are removed. */
static void add_names(struct str *out, const char *provider, bool removed)
{
	for (const struct gpu_variable *v = gpu_variables(provider); v->name; v++) {
		if ((v->kind == GPU_VARIABLE_REMOVED) != removed)
			continue;
		str_addf(out, " %s%s%s", v->name, v->value ? "=" : "", v->value ? v->value : "");
	}
}

char *pool_variable_names(struct pool *p)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	static const enum gpu_variable_kind kinds[] = {GPU_VARIABLE_NAMES, GPU_VARIABLE_FIXED,
						       GPU_VARIABLE_PLACES};
	struct str out = {0};

	if (p)
		pool_load(p, STORE_READ, &state, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (const struct gpu_variable *v = gpu_variables(state.provider); v->name; v++) {
			if (v->kind == kinds[i])
				str_addf(&out, "%s%s", out.length ? "," : "", v->name);
		}
	}
	return str_steal(&out);
}

char *pool_variables_help(void)
{
	struct str out = {0};
	const char *name = gpu_providers();

	str_add(&out, "Variables that name the GPUs, by provider:\n");
	while (*name) {
		size_t length = strcspn(name, "|");
		AUTO_FREE char *provider = mem_printf("%.*s", (int)length, name);
		struct str removed = {0};

		add_names(&removed, provider, true);
		str_addf(&out, "  %-8s", provider);
		add_names(&out, provider, false);
		if (removed.length)
			str_addf(&out, "\n           and without%s", str_text(&removed));
		str_add(&out, "\n");
		str_clear(&removed);
		name += length + (name[length] == '|');
	}
	str_add(&out,
		"Each also with the prefixes APPTAINERENV_ and SINGULARITYENV_, for containers.\n");
	return str_steal(&out);
}
