/* Which engine answers which command, and what it refuses; see engine.h. */
#include "cmd/engine.h"

#include <string.h>

#include "base/mem.h"
#include "cmd/slurm/slurm.h"

static const struct engine_row slurm_rows[] = {
	{&cmd_admin, .refusal = "nodes and GPUs are those of slurm.conf and gres.conf; 'scontrol "
				"update NodeName=NODE State=DRAIN Reason=WHY' takes a node out of "
				"service, one GPU alone cannot be"},
	{&cmd_adopt, .refusal =
			     "a process that was not started by Slurm cannot become a job; start "
			     "it with 'canhazgpu run'"},
	{&cmd_backup, .refusal = "jobs and their history are kept by slurmctld (StateSaveLocation) "
				 "and slurmdbd"},
	{&cmd_cancel, .run = slurm_cancel},
	{&cmd_complete, .as_ever = true},
	{&cmd_completion, .as_ever = true},
	{&cmd_config, .as_ever = true},
	{&cmd_doctor, .as_ever = true},
	{&cmd_events, .refusal = "what happened to jobs is in Slurm's accounting: 'sacct', "
				 "'scontrol show job ID'"},
	{&cmd_extend, .refusal = "only an administrator of Slurm may lengthen a job: 'scontrol "
				 "update JobId=ID TimeLimit=+60'"},
	{&cmd_guard, .refusal =
			     "what really runs is seen on the nodes alone, and limits are those of "
			     "Slurm's partitions and accounts"},
	{&cmd_help, .as_ever = true},
	{&cmd_migrate, .refusal = "there is no store: Slurm keeps the jobs"},
	{&cmd_queue, .run = slurm_queue},
	{&cmd_release, .run = slurm_release},
	{&cmd_report, .as_ever = true},
	{&cmd_reserve, .run = slurm_reserve},
	{&cmd_restore, .refusal = "there is no store: Slurm keeps the jobs"},
	{&cmd_run, .run = slurm_run},
	{&cmd_status, .run = slurm_status},
	{&cmd_supervise, .as_ever = true},
	{&cmd_web, .as_ever = true},
	{0},
};

#define NO_GPU_IDS "Slurm picks the GPUs; --type and, behind --slurm, --nodelist narrow it down"
#define NO_PLACE "Slurm picks the GPUs; see --gres-flags and the topology of its administrator"
#define NO_MEMORY "Slurm does not know how much memory a GPU has; --type names the model"
#define NO_NOTIFY "Slurm sends mail: --slurm --mail-type=ALL"
#define NO_HOST \
	"all nodes of the cluster are shown; a host with a pool of its own: --engine pool --host"
#define NO_LABEL "Slurm shows accounts alone; --note says what it is for"

static const struct engine_option slurm_options[] = {
	{&cmd_run, "gpu-ids", NO_GPU_IDS},
	{&cmd_run, "min-memory", NO_MEMORY},
	{&cmd_run, "linked", NO_PLACE},
	{&cmd_run, "same-numa", NO_PLACE},
	{&cmd_run, "user", NO_LABEL},
	{&cmd_run, "on-lost", "a job that loses its GPUs is ended by Slurm"},
	{&cmd_run, "container",
	 "the GPUs are known only on the node, inside the job; let the job "
	 "start the container"},
	{&cmd_run, "until", "a job ends with its command"},
	{&cmd_run, "notify", NO_NOTIFY},
	{&cmd_run, "claim", "a run uses a reservation of yours by itself"},
	{&cmd_reserve, "notify", NO_NOTIFY},
	{&cmd_reserve, "id", "--short prints the id of the job"},
	{&cmd_reserve, "gpu-ids", NO_GPU_IDS},
	{&cmd_reserve, "min-memory", NO_MEMORY},
	{&cmd_reserve, "linked", NO_PLACE},
	{&cmd_reserve, "same-numa", NO_PLACE},
	{&cmd_reserve, "user", NO_LABEL},
	{&cmd_reserve, "force", "Slurm does not see what uses a GPU without a job"},
	{&cmd_reserve, "reuse", "'canhazgpu run' uses a reservation of yours by itself"},
	{&cmd_release, "gpu-ids",
	 "a job is released as a whole: 'canhazgpu cancel ID' ends one job"},
	{&cmd_release, "id", "'canhazgpu cancel ID' ends one job"},
	{&cmd_release, "all", "'scancel' ends jobs of others, account by account: --user"},
	{&cmd_release, "cancel", "'canhazgpu cancel ID' takes a request out of the queue"},
	{&cmd_report, "idle", "whether GPUs were used is seen on the nodes alone"},
	{&cmd_queue, "host", NO_HOST},
	{&cmd_status, "host", NO_HOST},
	{&cmd_status, "topology", "Slurm does not know how GPUs are linked"},
	{0},
};

static const struct engine engines[] = {
	{.name = "pool", .title = "the pool"},
	{.name = "slurm", .title = "Slurm", .rows = slurm_rows, .options = slurm_options},
};

const struct engine *engine_at(size_t i)
{
	return i < ARRAY_SIZE(engines) ? &engines[i] : NULL;
}

const struct engine *engine_of(const struct settings *s)
{
	const char *name = settings_text(s, "engine");

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, name))
			return &engines[i];
	}
	return &engines[0];
}

bool engine_is_slurm(const struct settings *s)
{
	return engine_of(s)->rows == slurm_rows;
}

/* What was asked for on the command line or in the environment. A file may have been written for
   pools as well. */
static int check_options(const struct engine *engine, const struct invocation *in, struct err *e)
{
	for (const struct engine_option *o = engine->options; o && o->command; o++) {
		AUTO_FREE char *key = NULL;

		if (o->command != in->command)
			continue;
		key = mem_printf("%s.%s", in->command->name, o->option);
		if (settings_origin(in->settings, key) >= ORIGIN_ENVIRONMENT)
			return err_usage(e, "--%s does not work with %s: %s", o->option,
					 engine->title, o->refusal);
	}
	return 0;
}

int engine_run(const struct invocation *in, struct err *e)
{
	const struct engine *engine = engine_of(in->settings);
	int r;

	for (const struct engine_row *row = engine->rows; row && row->command; row++) {
		if (row->command != in->command)
			continue;
		if (row->refusal)
			return err_usage(e, "'%s' does not work with %s: %s", in->command->name,
					 engine->title, row->refusal);
		r = check_options(engine, in, e);
		if (r < 0 || row->run)
			return r < 0 ? r : row->run(in, e);
	}
	return in->command->run(in, e);
}
