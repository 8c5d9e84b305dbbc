/* What is asked for, in words. */
#include "plan/request.h"

#include "base/mem.h"
#include "base/str.h"

char *plan_request_text(const struct plan_request *request)
{
	static const char *const wishes[] = {"", "if possible ", ""};
	struct str text = {0};

	if (request->ids) {
		AUTO_FREE char *ids = str_join_ranges(request->ids, request->ids_count);

		str_addf(&text, "GPU%s %s", str_plural(request->ids_count), ids);
	} else if (!request->count) {
		str_add(&text, "GPUs"); /* those that it has: adopt, extend */
	} else {
		str_addf(&text, "%d GPU%s", request->count, str_plural((size_t)request->count));
	}
	if (request->gpu_type)
		str_addf(&text, " of type %s", request->gpu_type);
	if (request->min_memory_mb)
		str_addf(&text, " with %lld MB", (long long)request->min_memory_mb);
	if (request->linked)
		str_addf(&text, ", %slinked", wishes[request->linked]);
	if (request->same_numa)
		str_addf(&text, ", %sin one NUMA node", wishes[request->same_numa]);
	if (request->force)
		str_add(&text, ", by force");
	return str_steal(&text);
}
