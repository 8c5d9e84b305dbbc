/* What commands share: the pool that the settings name, requests for GPUs, and JSON. */
#include "cmd/command.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"

int pool_config_from(const struct settings *s, struct pool_config *ret_config, struct err *e)
{
	struct pool_config config = {0};
	int r = policy_of_host(&config.policy, e);

	if (r == 0)
		r = store_url_from(s, &config.store_url, e);
	if (r < 0) {
		pool_config_clear(&config);
		return r;
	}
	config.fake_state_path = absolute_path(settings_text(s, "fake.state"));
	config.memory_threshold_mb = settings_int(s, "memory.threshold");
	config.history_keep_ns = settings_int(s, "history.days") * NS_PER_DAY;
	config.history_set_by_user =
		settings_text(s, "config") || !settings_is_system(s, "history.days");
	config.backfill = settings_flag(s, "queue.backfill");
	config.backfill_set_by_user =
		settings_text(s, "config") || !settings_is_system(s, "queue.backfill");
	*ret_config = config;
	return 0;
}

int pool_open_from(const struct settings *s, struct pool **ret_pool, struct err *e)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	int r = pool_config_from(s, &config, e);

	return r < 0 ? r : pool_open(&config, ret_pool, e);
}

/* A setting of this very command. */
static const char *own_key(const struct invocation *in, const char *name, char key[64])
{
	snprintf(key, 64, "%s.%s", in->command->name, name);
	return key;
}

static int check_length(const char *what, const char *text, size_t max, struct err *e)
{
	if (text && strlen(text) > max)
		return err_usage(e, "%s is %zu bytes long (at most %zu)", what, strlen(text), max);
	return 0;
}

int request_fill(const struct invocation *in, struct plan_request *request, int **ret_ids,
		 struct err *e)
{
	enum setting_origin gpus_origin, ids_origin;
	char key[64];
	int r;

	gpus_origin = settings_origin(in->settings, own_key(in, "gpus", key));
	request->count = (int)settings_int(in->settings, own_key(in, "gpus", key));
	*ret_ids = settings_ids(in->settings, own_key(in, "gpu-ids", key), &request->ids_count);
	ids_origin = settings_origin(in->settings, own_key(in, "gpu-ids", key));
	/* Of two that contradict each other the one from nearer by counts: a flag beats a file. */
	if (*ret_ids && gpus_origin > ids_origin) {
		free(*ret_ids);
		*ret_ids = NULL;
		request->ids_count = 0;
	}
	request->ids = *ret_ids;
	request->note = settings_text(in->settings, own_key(in, "note", key));
	request->user = settings_text(in->settings, own_key(in, "user", key));
	if (request->ids && gpus_origin == ids_origin && request->count > 1 &&
	    (size_t)request->count != request->ids_count)
		return err_usage(e, "--gpus %d does not match the %zu GPU IDs of --gpu-ids",
				 request->count, request->ids_count);
	r = check_length("--note", request->note, NOTE_MAX, e);
	if (r == 0)
		r = check_length("--user", request->user, USER_MAX, e);
	if (r == 0 && request->user && !*request->user)
		r = err_usage(e, "--user needs a name");
	return r;
}

int print_json(json_t *document, struct err *e)
{
	int r = json_dumpf(document, stdout,
			   JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII);
	int code = errno;

	json_decref(document);
	putchar('\n');
	return r < 0 ? err_sys(e, code, "cannot write the output") : 0;
}

bool color_wanted(const struct settings *s, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fd) && !settings_flag(s, "no-color") && !(no_color && *no_color) && term &&
	       strcmp(term, "dumb") != 0;
}
