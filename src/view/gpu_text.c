/* A GPU of a snapshot in words; see gpu_text.h. */
#include "view/gpu_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "view/status.h"
#include "view/words.h"

/* A heartbeat that is older is late: its supervisor has left out one. */
#define LATE_NS (2 * HEARTBEAT_INTERVAL_NS)

/* A reserved GPU that is idle for so long is said to be. */
#define IDLE_SHOWN_NS ACTIVITY_IDLE_NS

/* Processes named one by one; the others are counted. */
#define PROCESSES_NAMED 2

/* Whether it does not count as use: an administrator has said so, and it has taken no more since.
 */
static bool is_ignored(const struct process *p)
{
	return p->ignored_by && !(p->memory_mb.known && p->memory_mb.value > p->forgiven_mb);
}

/* Whether a process is one that the texts are about: all on a free GPU, the foreign on a reserved.
 */
static bool counts(const struct gpu_view *view, const struct process *p)
{
	return (!view->reservation || p->foreign) && !is_ignored(p);
}

static size_t count_processes(const struct gpu_view *view)
{
	size_t n = 0;

	for (size_t i = 0; view->gpu && i < view->gpu->processes_count; i++)
		n += counts(view, &view->gpu->processes[i]);
	return n;
}

/* Not of a GPU that answers nothing, or that is faulty. */
static bool is_use_known(const struct gpu_view *view)
{
	return view->use == USE_IDLE || view->use == USE_BUSY;
}

/* "PID 12345 (python3), PID 67890 (jupyter) and 2 more" */
static void add_processes(const struct gpu_view *view, struct str *out)
{
	size_t total = count_processes(view), named = 0;

	for (size_t i = 0; total && i < view->gpu->processes_count && named < PROCESSES_NAMED;
	     i++) {
		const struct process *p = &view->gpu->processes[i];

		if (!counts(view, p))
			continue;
		str_add(out, named++ ? ", PID " : "PID ");
		if (p->pid > 0)
			str_addf(out, "%d", (int)p->pid);
		else
			str_add(out, "unknown");
		str_addf(out, " (%s", p->name ? p->name : "unknown");
		if (p->container)
			str_addf(out, " in container %s", p->container);
		str_add(out, ")");
	}
	if (total > named)
		str_addf(out, " and %zu more", total - named);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The accounts behind those processes, each once, in alphabetical order. */
static void find_users(const struct gpu_view *view, struct gpu_text *t)
{
	for (size_t i = 0; view->gpu && i < view->gpu->processes_count; i++) {
		const struct process *p = &view->gpu->processes[i];
		const char *name = p->account ? p->account : "unknown";
		bool known = false;

		if (!counts(view, p))
			continue;
		for (size_t k = 0; k < t->users_count; k++)
			known |= !strcmp(t->users[k], name);
		if (known)
			continue;
		t->users = mem_resize(t->users, t->users_count + 1, sizeof(char *));
		t->users[t->users_count++] = mem_strdup(name);
	}
	if (!t->users_count && view->status == GPU_UNRESERVED) {
		t->users = mem_alloc(1, sizeof(char *));
		t->users[t->users_count++] = mem_strdup("unknown");
	}
	if (t->users_count)
		qsort(t->users, t->users_count, sizeof(char *), compare_names);
}

/* "user bob", "users alice, bob and charlie" */
static char *user_list(const struct gpu_text *t)
{
	struct str out = {0};

	str_add(&out, t->users_count == 1 ? "user " : "users ");
	for (size_t i = 0; i < t->users_count; i++) {
		if (i)
			str_add(&out, i + 1 < t->users_count ? ", " : " and ");
		str_add(&out, t->users[i]);
	}
	return str_steal(&out);
}

static void add_memory(const struct gpu_view *view, struct str *out)
{
	if (view->gpu && view->gpu->memory_used_mb.known)
		str_addf(out, "%" PRId64 "MB", view->gpu->memory_used_mb.value);
	else
		str_add(out, "unknown MB");
	if (view->gpu && view->gpu->memory_shared)
		str_add(out, " of shared memory");
}

/* ", 600MB ignored (PID 4242)": what does not count, because an administrator has said so. */
static void add_ignored(const struct gpu_view *view, struct str *out)
{
	AUTO(str_clear) struct str pids = {0};
	int64_t forgiven_mb = 0;

	for (size_t i = 0; i < view->gpu->processes_count; i++) {
		const struct process *p = &view->gpu->processes[i];

		if (!p->ignored_by)
			continue;
		forgiven_mb += p->forgiven_mb;
		str_addf(&pids, "%sPID %d", pids.length ? ", " : "", (int)p->pid);
	}
	if (pids.length)
		str_addf(out, ", %" PRId64 "MB ignored (%s)", forgiven_mb, str_text(&pids));
}

static void fill_available(const struct snapshot *s, const struct gpu_view *view,
			   struct gpu_text *t)
{
	char free_for[CLOCK_DURATION_SIZE];

	if (s->cluster)
		t->details = mem_strdup(s->cluster->places[view->id].hint);
	else if (view->last_released_ns == TIME_NONE)
		t->details = mem_strdup("never used");
	else
		t->details =
			mem_printf("free for %s",
				   clock_duration(s->now_ns - view->last_released_ns, free_for));
	if (view->gpu && is_use_known(view)) {
		struct str used = {0};

		add_memory(view, &used);
		str_add(&used, " used");
		add_ignored(view, &used);
		t->validation = str_steal(&used);
	}
}

char *view_unit_text(const struct snapshot *s, const struct gpu_view *view)
{
	struct slot seen = {0};

	if (!view->gpu)
		return plan_unit_text(&s->state.slots[view->id]);
	seen = plan_unit_of(&s->seen.scan, view->gpu);
	return plan_unit_text(&seen);
}

/* Why it is not handed out, and since when; what runs there all the same. */
static void fill_drained(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *t)
{
	const struct slot *slot = &s->state.slots[view->id];
	char since[CLOCK_DURATION_SIZE];
	struct str used = {0};

	if (slot->drained_by && slot->drained_ns != TIME_NONE)
		t->details = mem_printf("drained by %s %s ago%s%s", slot->drained_by,
					clock_duration(s->now_ns - slot->drained_ns, since),
					slot->drained_note ? ": " : "",
					slot->drained_note ? slot->drained_note : "");
	else if (!slot->drained_by && slot->retired_ns != TIME_NONE)
		t->details = mem_printf("%s %s ago", view->withheld,
					clock_duration(s->now_ns - slot->retired_ns, since));
	else
		t->details = mem_strdup(view->withheld);
	if (!view->gpu || !is_use_known(view))
		return;
	add_memory(view, &used);
	str_add(&used, " used");
	if (count_processes(view)) {
		str_add(&used, " by ");
		add_processes(view, &used);
	}
	t->validation = str_steal(&used);
}

static void fill_unreserved(const struct gpu_view *view, struct gpu_text *t)
{
	struct str used = {0}, info = {0};

	find_users(view, t);
	t->user = user_list(t);
	add_memory(view, &used);
	str_add(&used, " used");
	str_addf(&info, "%s by ", str_text(&used));
	if (view->gpu)
		add_ignored(view, &used);
	if (count_processes(view))
		add_processes(view, &info);
	else
		str_add(&info, "unknown processes");
	t->validation = str_steal(&used);
	t->process_info = str_steal(&info);
	t->details = mem_strdup("WITHOUT RESERVATION");
}

/* ", idle 2h 10m", where that is long enough to be worth a thought. */
static void add_idle(const struct snapshot *s, const struct gpu_view *view, struct str *out)
{
	int64_t minutes = (s->now_ns - view->idle_since_ns) / (60 * NS_PER_SECOND);

	if (view->activity == ACTIVITY_IDLE && s->now_ns - view->idle_since_ns >= IDLE_SHOWN_NS)
		str_addf(out, ", idle %" PRId64 "h %" PRId64 "m", minutes / 60, minutes % 60);
}

/* What really runs on a reserved GPU. Other people's processes do not validate it; they are named.
 */
static void fill_validation(const struct snapshot *s, const struct gpu_view *view,
			    struct gpu_text *t)
{
	const struct gpu *gpu = view->gpu;
	size_t foreign = count_processes(view);
	struct str out = {0};

	if (!is_use_known(view) || !gpu)
		return;
	if (view->use == USE_IDLE && !gpu->processes_count) {
		/* Nobody is expected to use what is only collected. */
		if (view->reservation->queue_id)
			return;
		str_add(&out, "no usage detected");
		add_idle(s, view, &out);
		t->validation = str_steal(&out);
		return;
	}
	add_memory(view, &out);
	str_addf(&out, ", %zu processes", gpu->processes_count);
	add_idle(s, view, &out);
	if (foreign) {
		struct str info = {0};
		char *users;

		find_users(view, t);
		users = user_list(t);
		add_processes(view, &info);
		str_addf(&out, ", not the holder's: %s, %s", users, str_text(&info));
		t->process_info = str_steal(&info);
		free(users);
	}
	t->validation = str_steal(&out);
}

/* "collected for request 1a2b3c4d (2/4)" */
static char *collected_for(const struct snapshot *s, const struct reservation *r)
{
	size_t place = plan_queue_find(&s->state, r->queue_id);
	const struct queue_entry *q = &s->state.queue[place];

	if (place == s->state.queue_count)
		return mem_printf("collected for request %.8s", r->queue_id);
	return mem_printf("collected for request %.8s (%zu/%zu)", r->queue_id, q->collected_count,
			  plan_entry_count(q));
}

/* Whether somebody has found its holder out of sight and silent: plan/doubt.h. */
static bool is_doubted(const struct reservation *r)
{
	return r->doubt.wall_ns != TIME_NONE && r->doubt.heartbeat_ns == r->heartbeat_ns;
}

/* When the run ends, as far as that is known; else NULL. */
static char *end_of_run(const struct snapshot *s, const struct reservation *r)
{
	enum end_basis basis = END_BASIS_NONE;
	int64_t end_ns = view_end_ns(s, r, &basis);
	AUTO_FREE char *span = clock_span(end_ns - s->now_ns);
	AUTO_FREE char *about = view_about(end_ns - s->now_ns);

	if (basis == END_BASIS_ENDED)
		return mem_strdup("its command has ended");
	if (basis == END_BASIS_LIMIT && end_ns <= s->now_ns)
		return mem_strdup("its time limit was reached");
	if (basis == END_BASIS_LIMIT)
		return mem_printf("ends in %s", span);
	if (basis == END_BASIS_PAST)
		return mem_printf("%s left", about);
	return NULL;
}

int64_t view_end_ns(const struct snapshot *s, const struct reservation *r,
		    enum end_basis *ret_basis)
{
	*ret_basis = END_BASIS_NONE;
	for (size_t i = 0; s->forecast.ends_ns && i < s->state.reservations_count; i++) {
		if (s->state.reservations[i] != r || r->queue_id)
			continue;
		*ret_basis = s->forecast.bases[i];
		return s->forecast.ends_ns[i];
	}
	return TIME_NONE;
}

/* "job 17", of an allocation without a command "expires in 0h 20m 0s, job 17". */
static char *job_details(const struct snapshot *s, const struct reservation *r)
{
	char time[CLOCK_DURATION_SIZE];

	if (!*r->id)
		return mem_strdup("a job that Slurm does not show you");
	if (r->expiry_ns == TIME_NONE)
		return mem_printf("job %s", r->id);
	return mem_printf("expires in %s, job %s", clock_duration(r->expiry_ns - s->now_ns, time),
			  r->id);
}

static void fill_reserved(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *t)
{
	const struct reservation *r = view->reservation;
	char time[CLOCK_DURATION_SIZE];

	if (r->user || r->account)
		t->user = account_label(r->user, r->account);
	if (r->type == RESERVATION_RUN && !r->queue_id) {
		t->end = end_of_run(s, r);
		t->late = !s->cluster && s->now_ns - r->heartbeat_ns > LATE_NS;
	}
	t->duration = mem_strdup(clock_duration(s->now_ns - r->start_ns, time));
	t->type = r->type == RESERVATION_RUN ? "RUN" : "MANUAL";
	if (s->cluster)
		t->details = job_details(s, r);
	else if (r->queue_id)
		t->details = collected_for(s, r);
	else if (r->type == RESERVATION_RUN)
		t->details = mem_printf("heartbeat %s ago%s",
					clock_duration(s->now_ns - r->heartbeat_ns, time),
					is_doubted(r) ? ", released unless one follows" : "");
	else if (r->expiry_ns == TIME_NONE)
		t->details = mem_strdup("does not expire");
	else
		t->details =
			mem_printf("expires in %s", clock_duration(r->expiry_ns - s->now_ns, time));
	if (view->withheld) {
		char *more = mem_printf("%s, then out of service (%s)", t->details, view->withheld);

		free(t->details);
		t->details = more;
	}
	fill_validation(s, view, t);
}

/* Why nothing is known of it, or why it is of no use whatever is known. */
static void add_problem(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *t)
{
	const char *why = view->problem ? view->problem : "no answer";

	if (is_use_known(view) || (view->use != USE_FAULTY && t->validation))
		return;
	free(t->validation);
	if (s->cluster && !view->problem)
		t->validation = mem_strdup("unknown");
	else
		t->validation =
			mem_printf("%s: %s", view->use == USE_FAULTY ? "faulty" : "unknown", why);
}

void view_gpu(const struct snapshot *s, const struct gpu_view *view, struct gpu_text *ret_text)
{
	struct gpu_text t = {0};

	if (view->status == GPU_AVAILABLE)
		fill_available(s, view, &t);
	else if (view->status == GPU_UNRESERVED)
		fill_unreserved(view, &t);
	else if (view->status == GPU_DRAINED)
		fill_drained(s, view, &t);
	else if (view->reservation)
		fill_reserved(s, view, &t);
	add_problem(s, view, &t);
	*ret_text = t;
}

void gpu_text_clear(struct gpu_text *t)
{
	for (size_t i = 0; i < t->users_count; i++)
		free(t->users[i]);
	free(t->users);
	free(t->user);
	free(t->duration);
	free(t->end);
	free(t->details);
	free(t->validation);
	free(t->process_info);
	*t = (struct gpu_text){0};
}
