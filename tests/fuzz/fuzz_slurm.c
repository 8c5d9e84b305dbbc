/* Texts and documents of Slurm: names, comments and reasons in them are other people's. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "slurm/snapshot.h"
#include "slurm/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_cluster(const char *squeue, const char *sinfo)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};

	if (slurm_cluster_read(squeue, sinfo, &c, NULL) < 0)
		return;
	slurm_snapshot(&c, NS_PER_DAY, &s);
	/* Each GPU is one job's at most. */
	for (size_t i = 0; i < s.state.reservations_count; i++) {
		const struct reservation *r = s.state.reservations[i];

		for (size_t k = 0; k < r->gpus_count; k++) {
			if (s.state.slots[r->gpus[k]].reservation != r)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO(slurm_names_clear) struct slurm_names hosts = {0}, words = {0};
	struct slurm_gpus gpus;
	char type[SLURM_TYPE_SIZE];
	struct usage usage;
	char *second;
	size_t n;

	if (size > 0)
		memcpy(text, data, size);
	slurm_hosts(text, &hosts);
	slurm_gpus(text, &gpus);
	if (hosts.count > SLURM_LIST_MAX || gpus.count > SLURM_NODE_GPUS_MAX)
		abort();
	(void)slurm_tres_gpus(text);
	slurm_tres_type(text, type);
	(void)slurm_words(text, &words, NULL);
	/* The first line is squeue's answer, the rest that of sinfo. */
	second = strchr(text, '\n');
	if (second)
		*second++ = '\0';
	try_cluster(text, second ? second : text);
	usage_init(&usage, USAGE_BY_USER, 0, NS_PER_DAY);
	if (second)
		slurm_usage_add(&usage, second, "1\n", NS_PER_DAY, &n);
	usage_finish(&usage);
	usage_clear(&usage);
	return 0;
}
