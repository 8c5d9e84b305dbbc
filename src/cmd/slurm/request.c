/* Arguments for srun and salloc; see request.h. */
#include "cmd/slurm/request.h"

#include <stdio.h>
#include <string.h>

#include "base/inherited.h"
#include "base/mem.h"
#include "cmd/request.h"
#include "slurm/call.h"

/* "Within seconds": with 0 Slurm refuses whenever anything waits in the partition. */
#define AT_ONCE "--immediate=5"

static const char *own(const struct invocation *in, const char *name, char key[64])
{
	snprintf(key, 64, "%s.%s", in->command->name, name);
	return key;
}

int slurm_request_gpus(const struct invocation *in)
{
	char key[64];

	return (int)settings_int(in->settings, own(in, "gpus", key));
}

bool slurm_request_waits(const struct invocation *in, int64_t *ret_limit_ns)
{
	char key[64];
	int64_t limit_ns = settings_duration_ns(in->settings, own(in, "wait", key));

	*ret_limit_ns = limit_ns == INT64_MAX ? 0 : limit_ns;
	return limit_ns && !settings_flag(in->settings, own(in, "nonblock", key));
}

static int add_gres(const struct invocation *in, struct slurm_names *words, struct err *e)
{
	char key[64];
	const char *type = settings_text(in->settings, own(in, "type", key));
	AUTO_FREE char *gres = NULL;

	if (type && (!*type || type[strspn(type, PARSE_ALPHANUMERIC "_.-")]))
		return err_usage(e,
				 "--type '%.60s': with Slurm it is the type of the GPUs in "
				 "gres.conf, such as a100 ('sinfo -o %%G' lists them)",
				 type);
	gres = mem_printf("--gres=gpu:%s%s%d", type ? type : "", type ? ":" : "",
			  slurm_request_gpus(in));
	slurm_names_add(words, gres);
	return 0;
}

static int add_more(const char *text, struct slurm_names *words, struct err *e)
{
	AUTO(slurm_names_clear) struct slurm_names more = {0};
	int r = slurm_words(text, &more, e);

	for (size_t i = 0; r == 0 && i < more.count; i++)
		slurm_names_add(words, more.items[i]);
	return r;
}

int slurm_request(const struct invocation *in, int64_t limit_ns, bool in_allocation,
		  struct slurm_names *words, struct err *e)
{
	char key[64], time[32];
	const char *note = settings_text(in->settings, own(in, "note", key));
	AUTO_FREE char *comment = note ? mem_printf("--comment=%s", note) : NULL;
	int64_t minute_ns = 60 * NS_PER_SECOND, patience_ns;
	int r = request_check_note(note, e);

	if (r == 0)
		r = add_gres(in, words, e);
	if (r < 0)
		return r;
	if (!in_allocation) {
		slurm_names_add(words, "--nodes=1");
		if (comment)
			slurm_names_add(words, comment);
		snprintf(time, sizeof(time), "--time=%lld",
			 (long long)((limit_ns + minute_ns - 1) / minute_ns));
		if (limit_ns)
			slurm_names_add(words, time);
		if (!slurm_request_waits(in, &patience_ns))
			slurm_names_add(words, AT_ONCE);
		r = add_more(settings_text(in->settings, "slurm.args"), words, e);
	}
	return r == 0 ? add_more(settings_text(in->settings, own(in, "slurm", key)), words, e) : r;
}

struct environment slurm_environment(void)
{
	struct environment env = environment_inherited();

	for (size_t i = 0; i < env.count;) {
		AUTO_FREE char *name = mem_strdup(env.entries[i]);

		if (!slurm_is_own_variable(name) || slurm_is_wish(name)) {
			i++;
			continue;
		}
		name[strcspn(name, "=")] = '\0';
		environment_set(&env, name, NULL);
	}
	return env;
}

char **slurm_argv(const struct slurm_names *words)
{
	char **argv = mem_alloc(words->count + 1, sizeof(*argv));

	for (size_t i = 0; i < words->count; i++)
		argv[i] = i ? words->items[i] : basename(words->items[i]);
	return argv;
}
