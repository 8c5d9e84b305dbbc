/* Programs of Slurm, with a time limit; see call.h. */
#include "slurm/call.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "host/command.h"

/* Killed programs that would not die: see host/child.h. */
static struct host_child_stuck stuck;

struct question {
	const char *path;
	char *const *argv;
};

bool slurm_is_own_variable(const char *entry)
{
	static const char *const prefixes[] = {"SLURM_",    "SQUEUE_", "SINFO_",     "SCANCEL_",
					       "SALLOC_",   "SBATCH_", "SRUN_",      "SACCT_",
					       "SCONTROL_", "SLURMD_", "SLURMSTEPD_"};

	/* By them a client finds the cluster, and says who it is. */
	static const char *const reach[] = {"SLURM_CONF=", "SLURM_CONF_SERVER=", "SLURM_JWT="};

	for (size_t i = 0; i < ARRAY_SIZE(reach); i++) {
		if (!strncmp(entry, reach[i], strlen(reach[i])))
			return false;
	}
	/* Without "=" it is no variable: nothing reads it, and unsetenv leaves it. */
	if (!strchr(entry, '='))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!strncmp(entry, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}

bool slurm_is_wish(const char *entry)
{
	static const char *const programs[] = {"SLURM_", "SALLOC_"};
	static const char *const wishes[] = {
		"ACCOUNT=", "PARTITION=", "QOS=", "WCKEY=", "CONSTRAINT=", "RESERVATION="};

	for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
		size_t length = strlen(programs[p]);

		for (size_t w = 0; w < ARRAY_SIZE(wishes); w++) {
			if (!strncmp(entry, programs[p], length) &&
			    !strncmp(entry + length, wishes[w], strlen(wishes[w])))
				return true;
		}
	}
	return false;
}

static void clean_environment(void)
{
	for (size_t i = 0; environ && environ[i];) {
		AUTO_FREE char *name = mem_strdup(environ[i]);

		name[strcspn(name, "=")] = '\0';
		if (!slurm_is_own_variable(environ[i]) || unsetenv(name) < 0)
			i++;
	}
	setenv("SLURM_TIME_FORMAT", "%s", 1);
	setenv("LC_ALL", "C", 1);
}

static void become(const void *question, int out)
{
	const struct question *q = question;

	clean_environment();
	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0)
		execv(q->path, q->argv);
	_exit(EXIT_STATUS_NOT_EXECUTABLE);
}

int slurm_start(char *const argv[], struct slurm_call *ret_call, struct err *e)
{
	AUTO_FREE char *path = NULL;
	struct question q = {.argv = argv};
	int r = host_command_locate(argv[0], &path, NULL);

	if (r < 0)
		return err_set(e, ENOENT,
			       "%s is not there: this host has no client programs of Slurm in PATH "
			       "(engine: slurm)",
			       argv[0]);
	q.path = path;
	*ret_call = (struct slurm_call){.program = argv[0]};
	r = host_child_begin(become, &q, &stuck, &ret_call->child);
	return r < 0 ? err_sys(e, -r, "cannot start %s", argv[0]) : 0;
}

int slurm_finish(struct slurm_call *call, int64_t deadline_ns, char **ret_text, int *ret_status,
		 struct err *e)
{
	struct host_child_end end;
	int r = host_child_collect(&call->child, deadline_ns, 0);

	host_child_end(&call->child, deadline_ns, r < 0, &stuck, &end);
	if (r == -ETIMEDOUT)
		err_set(e, ETIMEDOUT, "Slurm does not answer: %s took too long", call->program);
	else if (r < 0)
		err_sys(e, -r, "cannot read the answer of %s", call->program);
	if (r < 0) {
		str_clear(&call->child.answer);
		return r;
	}
	*ret_text = str_steal(&call->child.answer);
	*ret_status = WIFEXITED(end.status) ? WEXITSTATUS(end.status) : 128 + WTERMSIG(end.status);
	return 0;
}

int slurm_ask(char *const argv[], char **ret_text, int *ret_status, struct err *e)
{
	struct slurm_call call;
	int r = slurm_start(argv, &call, e);

	return r < 0 ? r
		     : slurm_finish(&call, clock_monotonic_ns() + SLURM_LIMIT_NS, ret_text,
				    ret_status, e);
}

char *slurm_complaint(const char *text)
{
	static const char error[] = "error: ";
	const char *line = NULL, *found = NULL;

	for (const char *at = text; at && *at; at += strspn(at, "\n")) {
		size_t length = strcspn(at, "\n");
		const char *mark = memmem(at, length, error, strlen(error));

		if (mark)
			found = mark + strlen(error);
		line = at;
		at += length;
	}
	if (!found)
		found = line ? line : "";
	return mem_printf("%.*s", (int)strcspn(found, "\n"), found);
}

int slurm_ask_well(char *const argv[], char **ret_text, struct err *e)
{
	AUTO_FREE char *text = NULL, *complaint = NULL;
	int status, r = slurm_ask(argv, &text, &status, e);

	if (r < 0)
		return r;
	if (status != 0) {
		complaint = slurm_complaint(text);
		return err_set(e, EIO, "%s: %.400s", argv[0],
			       *complaint ? complaint : "failed without a reason");
	}
	if (ret_text)
		*ret_text = mem_steal(&text);
	return 0;
}
