/* Which scans of other processes may be used; see share_stamp.h. */
#include "gpu/share_stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_fields.h"
#include "base/mem.h"

/* A scan that has ended may be used for so long. */
#define YOUNG_NS NS_PER_SECOND

/* One that took less than this is not: the driver is fast, so each caller asks for himself. */
#define CHEAP_NS (250 * NS_PER_MS)

/* By how much the wall clock may have moved against the time since boot. If somebody has set it,
   "since the last commit" cannot be told. */
#define CLOCK_SLACK_NS (50 * NS_PER_MS)

static const struct json_field stamp_fields[] = {
	FIELD("boot", struct share_stamp, boot_id),
	FIELD("scope", struct share_stamp, scope),
	FIELD("uid", struct share_stamp, uid),
	FIELD("complete", struct share_stamp, complete),
	FIELD("gpus", struct share_stamp, gpus_count),
	FIELD("begin", struct share_stamp, begin_ns),
	FIELD("end", struct share_stamp, end_ns),
	FIELD("begin_wall", struct share_stamp, begin_wall_ns),
	FIELDS_END,
};

void share_stamp_clear(struct share_stamp *s)
{
	free(s->boot_id);
	free(s->scope);
	*s = (struct share_stamp){0};
}

/* Whether an account may take the scan for its own. */
static bool is_for(const struct share_stamp *s, const struct share_question *q)
{
	return s->uid == q->uid ||
	       (s->complete && q->gpus_count > 0 && s->gpus_count >= q->gpus_count);
}

static bool is_of_now(const struct share_stamp *s, const struct share_question *q)
{
	int64_t moved_ns = (q->now_wall_ns - q->now_ns) - (s->begin_wall_ns - s->begin_ns);

	return q->boot_id && s->boot_id && !strcmp(s->boot_id, q->boot_id) &&
	       s->begin_ns <= s->end_ns && s->end_ns <= q->now_ns && moved_ns < CLOCK_SLACK_NS &&
	       moved_ns > -CLOCK_SLACK_NS;
}

bool share_stamp_answers(const struct share_stamp *s, const struct share_question *q)
{
	if (!is_of_now(s, q) || !s->scope || strcmp(s->scope, q->scope) != 0 || !is_for(s, q))
		return false;
	if (s->begin_ns >= q->asked_ns)
		return true;
	if (q->fresh || s->begin_wall_ns <= q->since_wall_ns)
		return false;
	return s->end_ns >= q->asked_ns ||
	       (q->now_ns - s->end_ns < YOUNG_NS && s->end_ns - s->begin_ns >= CHEAP_NS);
}

bool share_stamp_replaces(const struct share_stamp *s, const struct share_stamp *there)
{
	return !s->boot_id || strcmp(s->boot_id, there->boot_id) != 0 ||
	       s->begin_ns >= there->begin_ns;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

bool share_stamp_counts_device(const char *name)
{
	static const char *const numbered[] = {"nvidia", "nvidia-cap"};

	for (size_t i = 0; i < ARRAY_SIZE(numbered); i++) {
		size_t length = strlen(numbered[i]);

		if (!strncmp(name, numbered[i], length) && is_number(name + length))
			return true;
	}
	return !strcmp(name, "nvidiactl") || !strcmp(name, "kfd");
}

void share_holder_write(const struct share_holder *h, char text[SHARE_HOLDER_SIZE])
{
	/* Of one length: it is written over the last one. */
	snprintf(text, SHARE_HOLDER_SIZE, "%020" PRId64 " %020" PRId64 " %020" PRId64 "\n", h->uid,
		 h->begin_ns, h->beat_ns);
}

bool share_holder_read(const char *text, struct share_holder *ret_holder)
{
	struct share_holder h;

	if (sscanf(text, "%20" SCNd64 " %20" SCNd64 " %20" SCNd64, &h.uid, &h.begin_ns,
		   &h.beat_ns) != 3)
		return false;
	*ret_holder = h;
	return true;
}

bool share_holder_is_late(const struct share_holder *h, const struct share_joiner *j,
			  int64_t now_ns)
{
	return h->uid != j->uid &&
	       (h->uid == j->late_uid || now_ns - h->begin_ns > j->limit_ns / 2);
}

char *share_stamp_write(const struct share_stamp *s, const char *scan)
{
	AUTO_FREE char *head = json_fields_text(json_fields_write(stamp_fields, s));

	return mem_printf("%s\n%s", head ? head : "", scan);
}

int share_stamp_read(const char *text, struct share_stamp *ret_stamp, const char **ret_scan)
{
	const char *end = strchr(text, '\n');
	json_t *head =
		end ? json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct share_stamp s = {0};
	int r = json_fields_read(stamp_fields, head, &s);

	json_decref(head);
	if (r < 0) {
		share_stamp_clear(&s);
		return -EBADMSG;
	}
	*ret_stamp = s;
	*ret_scan = end + 1;
	return 0;
}
