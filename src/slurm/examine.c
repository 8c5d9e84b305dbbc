/* The checks of Slurm; see examine.h. */
#include "slurm/examine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/command.h"
#include "slurm/call.h"
#include "slurm/read.h"

static void examine_programs(struct findings *f)
{
	static const char *const programs[] = {"srun",    "salloc",   "squeue", "sinfo",
					       "scancel", "scontrol", "sacct"};
	AUTO(str_clear) struct str missing = {0};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		AUTO_FREE char *path = NULL;

		if (host_command_locate(programs[i], &path, NULL) < 0)
			str_addf(&missing, "%s%s", missing.length ? ", " : "", programs[i]);
	}
	if (missing.length)
		findings_add(f, "slurm programs", FINDING_FAILED,
			     "install the client programs of Slurm, or put them into PATH",
			     "not found: %s", str_text(&missing));
	else
		findings_add(f, "slurm programs", FINDING_OK, NULL, "all are there");
}

/* False: it does not answer. */
static bool examine_controller(struct findings *f)
{
	AUTO_FREE char *text = NULL;
	struct err e = {0};
	int64_t begin_ns = clock_monotonic_ns();
	int status = 0;
	int r = slurm_ask((char *const[]){(char[]){"scontrol"}, (char[]){"ping"}, NULL}, &text,
			  &status, &e);

	if (r == 0 && status == 0 && strstr(text, " UP")) {
		findings_add(f, "slurm controller", FINDING_OK, NULL, "answers in %d ms",
			     (int)((clock_monotonic_ns() - begin_ns) / NS_PER_MS));
		return true;
	}
	findings_add(f, "slurm controller", FINDING_FAILED,
		     "see 'scontrol ping', and systemctl status slurmctld on its host", "%s",
		     r < 0 ? e.text : "slurmctld does not answer");
	return false;
}

static void examine_gpus(struct findings *f)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO_FREE char *warning = NULL;
	struct err e = {0};
	size_t gpus = 0, out = 0;

	if (slurm_read(&c, &warning, &e) < 0 || warning) {
		findings_add(f, "slurm answers", FINDING_FAILED, NULL, "%s",
			     warning ? warning : e.text);
		return;
	}
	findings_add(f, "slurm version", FINDING_OK, NULL, "%s", c.version ? c.version : "unknown");
	for (size_t i = 0; i < c.nodes_count; i++) {
		gpus += c.nodes[i].gpus.count;
		out += c.nodes[i].out != NULL;
	}
	if (!gpus)
		findings_add(f, "slurm gpus", FINDING_FAILED,
			     "set GresTypes=gpu and Gres=gpu:N of the nodes in slurm.conf, and "
			     "gres.conf",
			     "no node has any");
	else
		findings_add(f, "slurm gpus", out ? FINDING_WARNING : FINDING_OK,
			     out ? "see 'sinfo -R'" : NULL,
			     "%zu on %zu node%s, of which %zu out of service", gpus, c.nodes_count,
			     str_plural(c.nodes_count), out);
}

static void examine_accounting(struct findings *f)
{
	AUTO_FREE char *text = NULL;
	const char *storage, *tres;
	struct err e = {0};
	int status = 0;

	if (slurm_ask((char *const[]){(char[]){"scontrol"}, (char[]){"show"}, (char[]){"config"},
				      NULL},
		      &text, &status, &e) < 0 ||
	    status != 0)
		return;
	storage = strstr(text, "\nAccountingStorageType");
	tres = strstr(text, "\nAccountingStorageTRES");
	if (!storage || !memmem(storage + 1, strcspn(storage + 1, "\n"), "slurmdbd", 8)) {
		findings_add(f, "slurm accounting", FINDING_NOTE,
			     "'canhazgpu report' needs slurmdbd", "none is set up");
		return;
	}
	if (!tres || !memmem(tres + 1, strcspn(tres + 1, "\n"), "gres/gpu", 8))
		findings_add(f, "slurm accounting", FINDING_WARNING,
			     "set AccountingStorageTRES=gres/gpu, so that 'canhazgpu report' knows "
			     "of GPUs",
			     "slurmdbd, without GPUs");
	else
		findings_add(f, "slurm accounting", FINDING_OK, NULL, "slurmdbd, with GPUs");
}

void slurm_examine(struct findings *f)
{
	examine_programs(f);
	if (!examine_controller(f))
		return;
	examine_gpus(f);
	examine_accounting(f);
}
