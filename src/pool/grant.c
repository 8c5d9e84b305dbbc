/* The names of granted GPUs, and the variables that hold them; see grant.h. */
#include "pool/grant.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu.h"

/* For programs, and for containers: Apptainer and Singularity take the prefix off inside, and may
   drop all other variables. */
static const char *const prefixes[] = {"", "APPTAINERENV_", "SINGULARITYENV_"};

void pool_grant_clear(struct pool_grant *g)
{
	reservation_free(g->reservation);
	free(g->visible);
	free(g->uuids);
	for (size_t i = 0; i < g->variables_count; i++)
		free(g->variables[i].name);
	*g = (struct pool_grant){0};
}

/* The UUID of the GPU in that slot; NULL: it was not seen, or has none. */
static const char *seen_uuid(const struct observation *o, int slot)
{
	return (size_t)slot < o->count && o->gpus[slot] ? o->gpus[slot]->uuid : NULL;
}

/* Whether the driver counts a GPU otherwise than the pool does, so that only its UUID names it. */
static bool has_moved(const struct reservation *r, const struct observation *o)
{
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (seen_uuid(o, r->gpus[i]) && o->gpus[r->gpus[i]]->index != r->gpus[i])
			return true;
	}
	return false;
}

/* The GPUs, separated by commas: by UUID where that is wanted and known, else by number. */
static char *join_names(const struct reservation *r, const struct observation *o, bool by_uuid)
{
	struct str out = {0};

	for (size_t i = 0; i < r->gpus_count; i++) {
		const char *uuid = by_uuid ? seen_uuid(o, r->gpus[i]) : NULL;

		if (i)
			str_add(&out, ",");
		if (uuid)
			str_add(&out, uuid);
		else
			str_addf(&out, "%d", r->gpus[i]);
	}
	return str_steal(&out);
}

static const char *value_of(const struct gpu_variable *v, const struct pool_grant *g)
{
	switch (v->kind) {
	case GPU_VARIABLE_IDS:
		return g->visible;
	case GPU_VARIABLE_UUIDS:
		return g->uuids;
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
			.prefixed = *prefix != '\0',
		};
}

void grant_name_gpus(struct pool_grant *g, const struct observation *o, const char *provider)
{
	g->visible = join_names(g->reservation, o, has_moved(g->reservation, o));
	g->uuids = join_names(g->reservation, o, true);
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
