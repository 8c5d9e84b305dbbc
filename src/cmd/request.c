/* What commands that ask for GPUs share; see request.h. */
#include "cmd/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/context.h"
#include "cmd/notice.h"
#include "host/process.h"

/* The key of a setting of this command. */
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

/* The account that a reader takes that name for: spaces around it are not seen, and "uid 1000" is
   what an account without a name is called. The caller frees it. */
static char *account_read(const char *name)
{
	static const char uid[] = "uid ", space[] = " \t\n\r\v\f";
	const char *begin = name + strspn(name, space);
	size_t length = strlen(begin);

	while (length && strchr(space, begin[length - 1]))
		length--;
	if (length > strlen(uid) && !strncmp(begin, uid, strlen(uid))) {
		begin += strlen(uid);
		length -= strlen(uid);
	}
	return mem_printf("%.*s", (int)length, begin);
}

/* A display name is no disguise: nobody shows the name of another account. */
static int check_display_name(const struct plan_request *request, struct err *e)
{
	const char *name = request->user;
	AUTO_FREE char *account = NULL;
	uid_t uid;

	if (!name || !strcmp(name, request->actor.account))
		return 0;
	account = account_read(name);
	if (!*account)
		return err_usage(e, "--user needs a name");
	if (host_account_find(account, &uid) < 0 || uid == request->actor.uid)
		return 0;
	return err_usage(e,
			 "--user '%s' is the name of another account: choose another one, which "
			 "is shown beside your own",
			 name);
}

int request_check_note(const char *note, struct err *e)
{
	return check_length("--note", note, NOTE_MAX, e);
}

int request_fill(const struct invocation *in, struct plan_request *request, int **ret_ids,
		 struct err *e)
{
	enum setting_origin gpus_origin, ids_origin;
	char key[64];
	int r;

	gpus_origin = settings_origin(in->settings, own_key(in, "gpus", key));
	request->count = (int)settings_int(in->settings, own_key(in, "gpus", key));
	r = gpu_ids_get(in, NULL, own_key(in, "gpu-ids", key), ret_ids, &request->ids_count, e);
	if (r < 0)
		return r;
	ids_origin = settings_origin(in->settings, own_key(in, "gpu-ids", key));
	/* Of two that contradict each other the stronger origin counts: a flag beats a file. */
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
	r = request_check_note(request->note, e);
	if (r == 0)
		r = check_length("--user", request->user, USER_MAX, e);
	return r < 0 ? r : check_display_name(request, e);
}

static enum place_wish place_of(const struct invocation *in, const char *name)
{
	char key[64];
	const char *what = settings_text(in->settings, own_key(in, name, key));

	if (!what)
		return PLACE_ANY;
	return !strcmp(what, "prefer") ? PLACE_PREFERRED : PLACE_REQUIRED;
}

const char *request_notify(const struct invocation *in)
{
	char key[64];
	const char *channel = settings_text(in->settings, own_key(in, "notify", key));

	return channel && !strcmp(channel, "usual") ? "" : channel;
}

int request_fill_kind(const struct invocation *in, struct plan_request *request, struct err *e)
{
	char key[64];
	const char *type = settings_text(in->settings, own_key(in, "type", key));
	int r = check_length("--type", type, USER_MAX, e);

	if (r == 0 && type && !strpbrk(type, PARSE_ALPHANUMERIC))
		r = err_usage(e, "--type needs a word of a model's name, such as h100");
	request->gpu_type = type;
	request->linked = place_of(in, "linked");
	request->same_numa = place_of(in, "same-numa");
	request->min_memory_mb = settings_size_mb(in->settings, own_key(in, "min-memory", key));
	return r;
}

void request_limit_duration(const struct invocation *in, const struct pool *pool,
			    struct plan_request *request)
{
	int64_t longest_ns = pool_longest_ns(pool, &request->actor);

	if (request->type != RESERVATION_MANUAL)
		return;
	request->duration_ns = settings_duration_ns(in->settings, "reserve.duration");
	if (!settings_is_set(in->settings, "reserve.duration") && request->duration_ns > longest_ns)
		request->duration_ns = longest_ns;
}

void request_tell_limit(const struct invocation *in, const struct plan_request *request)
{
	bool is_run = in->command == &cmd_run;
	int64_t asked_ns = is_run ? settings_duration_ns(in->settings, "run.timeout") : 0;
	char time[CLOCK_DURATION_SIZE];

	if (request->duration_ns != asked_ns)
		notice("Time limit: %s, the longest that this host allows (policy.max-run)\n",
		       clock_duration(request->duration_ns, time));
}

void warn_of_instances(const struct pool_grant *grant)
{
	if (grant->instances && grant->reservation->gpus_count > 1)
		notice("Warning: a program uses only one MIG instance: start one for each, with one "
		       "of the names in CUDA_VISIBLE_DEVICES\n");
}
