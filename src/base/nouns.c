/* Making, copying and freeing the nouns, without those of pool_state.c and scan.c; their names in
   stores and JSON. */
#include "base/nouns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

static const char *const type_names[] = {
	[RESERVATION_RUN] = "run",
	[RESERVATION_MANUAL] = "manual",
};

static const char *const reason_names[] = {
	[END_RELEASED] = "released", [END_EXPIRED] = "expired", [END_HOLDER_DIED] = "holder-died",
	[END_STALE] = "stale",       [END_FORCED] = "forced",
};

/* The index of name in names, or -1. */
static int name_index(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

const char *reservation_type_name(enum reservation_type type)
{
	return type_names[type];
}

bool reservation_type_parse(const char *name, enum reservation_type *ret_type)
{
	int i = name_index(type_names, ARRAY_SIZE(type_names), name);

	if (i >= 0)
		*ret_type = (enum reservation_type)i;
	return i >= 0;
}

const char *end_reason_name(enum end_reason reason)
{
	return reason_names[reason];
}

bool end_reason_parse(const char *name, enum end_reason *ret_reason)
{
	int i = name_index(reason_names, ARRAY_SIZE(reason_names), name);

	if (i >= 0)
		*ret_reason = (enum end_reason)i;
	return i >= 0;
}

char *account_label(const char *user, const char *account)
{
	if (user && !*user)
		user = NULL;
	if (user && account && strcmp(user, account) != 0)
		return mem_printf("%s (%s)", user, account);
	return mem_strdup(user ? user : account ? account : "unknown");
}

bool account_is_same(struct quantity uid, const char *name, struct quantity other_uid,
		     const char *other_name)
{
	if (uid.known && other_uid.known)
		return uid.value == other_uid.value;
	return name && other_name && !strcmp(name, other_name);
}

/* Not by way of /proc: that takes a descriptor, of which there may be no more. */
void id_new(char id[ID_SIZE])
{
	unsigned char b[16];
	size_t used = 0;

	/* So few bytes come all at once, as soon as the kernel has any. */
	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
		if (errno != EINTR)
			abort();
	}
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4: by chance */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++)
		used += (size_t)snprintf(id + used, ID_SIZE - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

void machine_clear(struct machine *m)
{
	free(m->id);
	free(m->boot_id);
	free(m->name);
	*m = (struct machine){0};
}

void machine_copy(struct machine *to, const struct machine *from)
{
	*to = (struct machine){
		.id = mem_strdup(from->id),
		.boot_id = mem_strdup(from->boot_id),
		.name = mem_strdup(from->name),
	};
}

void holder_clear(struct holder *h)
{
	free(h->host);
	free(h->boot_id);
	*h = (struct holder){0};
}

void holder_copy(struct holder *to, const struct holder *from)
{
	*to = *from;
	to->host = mem_strdup(from->host);
	to->boot_id = mem_strdup(from->boot_id);
}

struct reservation *reservation_new(void)
{
	return mem_alloc(1, sizeof(struct reservation));
}

struct reservation *reservation_free(struct reservation *r)
{
	if (!r)
		return NULL;
	free(r->user);
	free(r->account);
	free(r->note);
	free(r->queue_id);
	free(r->gpus);
	holder_clear(&r->holder);
	free(r);
	return NULL;
}

void reservation_freep(struct reservation **r)
{
	*r = reservation_free(*r);
}

/* A copy of an array of ints; NULL for none. */
static int *copy_ints(const int *from, size_t count)
{
	int *to;

	if (!count)
		return NULL;
	to = mem_alloc(count, sizeof(*to));
	memcpy(to, from, count * sizeof(*to));
	return to;
}

struct reservation *reservation_copy(const struct reservation *r)
{
	struct reservation *copy = reservation_new();

	*copy = *r;
	copy->user = mem_strdup(r->user);
	copy->account = mem_strdup(r->account);
	copy->note = mem_strdup(r->note);
	copy->queue_id = mem_strdup(r->queue_id);
	copy->gpus = copy_ints(r->gpus, r->gpus_count);
	holder_copy(&copy->holder, &r->holder);
	return copy;
}

void ignored_process_clear(struct ignored_process *i)
{
	holder_clear(&i->holder);
	free(i->name);
	free(i->ignored_by);
	*i = (struct ignored_process){0};
}

void mark_clear(struct mark *m)
{
	free(m->key);
	free(m->text);
	free(m->version);
	*m = (struct mark){0};
}

void mark_copy(struct mark *to, const struct mark *from)
{
	*to = *from;
	to->key = mem_strdup(from->key);
	to->text = mem_strdup(from->text);
	to->version = mem_strdup(from->version);
}

bool activity_is_known(const struct activity *a)
{
	return a->seen_ns != TIME_NONE;
}

void offer_clear(struct offer *o)
{
	free(o->gpus);
	free(o->aside);
	free(o->aside_gpus);
	*o = (struct offer){0};
}

void offer_copy(struct offer *to, const struct offer *from)
{
	*to = *from;
	to->gpus = copy_ints(from->gpus, from->gpus_count);
	to->aside = mem_strdup(from->aside);
	to->aside_gpus = copy_ints(from->aside_gpus, from->aside_gpus_count);
}

void queue_entry_clear(struct queue_entry *q)
{
	free(q->user);
	free(q->account);
	free(q->requested_ids);
	free(q->gpu_type);
	free(q->eligible);
	free(q->collected);
	free(q->note);
	free(q->version);
	offer_clear(&q->offer);
	holder_clear(&q->holder);
	*q = (struct queue_entry){0};
}

/* An empty list is not the same as none. */
static int *copy_list(const int *ids, size_t count)
{
	return ids && !count ? mem_alloc(1, sizeof(int)) : copy_ints(ids, count);
}

void queue_entry_copy(struct queue_entry *to, const struct queue_entry *from)
{
	*to = *from;
	to->user = mem_strdup(from->user);
	to->account = mem_strdup(from->account);
	to->note = mem_strdup(from->note);
	to->version = mem_strdup(from->version);
	to->gpu_type = mem_strdup(from->gpu_type);
	to->requested_ids = copy_list(from->requested_ids, from->requested_ids_count);
	to->eligible = copy_list(from->eligible, from->eligible_count);
	to->collected = copy_ints(from->collected, from->collected_count);
	offer_copy(&to->offer, &from->offer);
	holder_copy(&to->holder, &from->holder);
}

void usage_record_clear(struct usage_record *u)
{
	free(u->user);
	free(u->account);
	free(u->actor);
	*u = (struct usage_record){0};
}

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void gpu_ids_sort(int *ids, size_t count)
{
	if (count)
		qsort(ids, count, sizeof(*ids), compare_ids);
}

bool gpu_ids_have(const int *ids, size_t count, int gpu)
{
	return count && bsearch(&gpu, ids, count, sizeof(*ids), compare_ids);
}

bool gpu_ids_are_same(const int *a, size_t a_count, const int *b, size_t b_count)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * sizeof(*a)));
}
