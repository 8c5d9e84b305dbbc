/* Slurm's reasons in words; see words.h. */
#include "slurm/words.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* By the beginning of the reason; the first that fits counts. */
static const struct {
	const char *reason, *words;
} reasons[] = {
	{"None", "the next round of Slurm's scheduler"},
	{"Priority", "jobs with a higher priority"},
	{"Resources", "GPUs, CPUs or memory that other jobs have"},
	{"DependencyNeverSatisfied",
	 "a job that can no longer end as it was to: it will never start"},
	{"Dependency", "another job to end"},
	{"JobHeldUser", "its user, who has put it on hold ('scontrol release ID')"},
	{"JobHeldAdmin", "an administrator, who has put it on hold"},
	{"JobArrayTaskLimit", "other tasks of its array to end"},
	{"BeginTime", "the time at which it is to begin"},
	{"PartitionTimeLimit", "nothing: it asks for more time than its partition allows"},
	{"PartitionNodeLimit", "nothing: it asks for more nodes than its partition has in service"},
	{"PartitionDown", "its partition, which is down"},
	{"PartitionInactive", "its partition, which takes no jobs"},
	{"PartitionConfig", "nothing: its partition does not have what it asks for"},
	{"BadConstraints", "nothing: no node has what it asks for"},
	{"ReqNodeNotAvail", "nodes that are out of service or reserved"},
	{"NodeDown", "a node that is down"},
	{"Nodes required for job are DOWN", "nodes that are out of service or reserved"},
	{"Reservation", "the time of its reservation"},
	{"Licenses", "licenses"},
	{"QOSMaxGRES", "a limit on the GPUs of its quality of service"},
	{"QOSGrpGRES", "a limit on the GPUs of its quality of service"},
	{"QOSMaxTRES", "a limit on the GPUs of its quality of service"},
	{"QOS", "a limit of its quality of service"},
	{"MaxGRESPerAccount", "the limit on the GPUs of its account"},
	{"AssocGrpGRES", "the limit on the GPUs of its account"},
	{"AssocMaxGRES", "the limit on the GPUs of its account"},
	{"Assoc", "a limit of its account"},
	{"InvalidAccount", "nothing: Slurm does not know its account"},
	{"InvalidQOS", "nothing: Slurm does not know its quality of service"},
	{"Cleaning", "the end of its run before this one"},
	{"Prolog", "the preparation of its nodes"},
	{"BurstBuffer", "its burst buffer"},
};

static const char *find_words(const char *reason)
{
	for (size_t i = 0; reason && i < ARRAY_SIZE(reasons); i++) {
		if (!strncmp(reason, reasons[i].reason, strlen(reasons[i].reason)))
			return reasons[i].words;
	}
	return NULL;
}

char *slurm_reason(const char *reason)
{
	const char *words = find_words(reason ? reason : "None");

	return words ? mem_strdup(words) : mem_printf("Slurm (%s)", reason);
}

/* The pending jobs that come before it. */
static size_t count_ahead(const struct slurm_cluster *c, const struct slurm_job *job, size_t *gpus)
{
	size_t ahead = 0;

	*gpus = 0;
	for (size_t i = 0; i < c->jobs_count && &c->jobs[i] != job; i++) {
		ahead++;
		*gpus += c->jobs[i].wanted;
	}
	return ahead;
}

char *slurm_explain(const struct slurm_cluster *c, const struct slurm_job *job, int64_t now_ns)
{
	AUTO_FREE char *reason = slurm_reason(job->reason);
	char time[CLOCK_MINUTE_SIZE], span[CLOCK_DURATION_SIZE];
	struct str out = {0};
	size_t gpus, ahead = count_ahead(c, job, &gpus);

	str_addf(&out,
		 "Job %" PRId64
		 " of %s is waiting for %zu GPU%s%s%s in the partition %s, since %s (%s).\n",
		 job->id, job->user ? job->user : "unknown", job->wanted, str_plural(job->wanted),
		 *job->type ? " of type " : "", job->type,
		 job->partition ? job->partition : "unknown",
		 clock_local_minute(job->submit_ns, time),
		 clock_duration(now_ns - job->submit_ns, span));
	if (ahead)
		str_addf(&out, "%zu job%s with %zu GPU%s come%s before it.\n", ahead,
			 str_plural(ahead), gpus, str_plural(gpus), ahead > 1 ? "" : "s");
	str_addf(&out, "It waits for %s", reason);
	str_addf(&out, " (Slurm's reason: %s).\n", job->reason ? job->reason : "none yet");
	if (job->start_ns > now_ns)
		str_addf(&out, "Slurm expects to start it at %s, in %s.\n",
			 clock_local_minute(job->start_ns, time),
			 clock_duration(job->start_ns - now_ns, span));
	else
		str_add(&out, "Slurm has no estimate of its start yet; estimates come with its "
			      "next round of planning, within a minute or so.\n");
	return str_steal(&out);
}
