/* A snapshot as metrics; see metrics.h. */
#include "web/metrics.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MIB (1024.0 * 1024.0)

void metrics_init(struct metrics *m, int64_t now_ns)
{
	*m = (struct metrics){.counted_ns = now_ns};
}

void metrics_clear(struct metrics *m)
{
	for (size_t i = 0; i < m->counts_count; i++)
		free(m->counts[i].account);
	free(m->counts);
	*m = (struct metrics){0};
}

/* ---- counting ---- */

static const char *account_of(const char *account, const char *user)
{
	return account ? account : user ? user : "unknown";
}

/* The count of an account, which is made if it is new. */
static struct metrics_count *find_count(struct metrics_count **counts, size_t *length,
					const char *account, enum reservation_type type)
{
	struct metrics_count *c;

	for (size_t i = 0; i < *length; i++) {
		c = &(*counts)[i];
		if (c->type == type && !strcmp(c->account, account))
			return c;
	}
	*counts = mem_resize(*counts, *length + 1, sizeof(**counts));
	c = &(*counts)[(*length)++];
	*c = (struct metrics_count){.account = mem_strdup(account), .type = type};
	return c;
}

void metrics_count(struct metrics *m, const struct timeline *since)
{
	for (size_t i = 0; i < since->count; i++) {
		const struct timeline_interval *interval = timeline_at(since, i);

		find_count(&m->counts, &m->counts_count,
			   account_of(interval->account, interval->user), interval->type)
			->gpu_seconds += (double)(interval->end_ns - interval->start_ns) / 1e9;
	}
	if (since->to_ns > m->counted_ns)
		m->counted_ns = since->to_ns;
}

/* ---- the format ---- */

void metrics_label(struct str *out, const char *value)
{
	AUTO_FREE char *valid = text_utf8(value);

	for (const char *p = valid ? valid : ""; *p; p++) {
		if (*p == '\\')
			str_add(out, "\\\\");
		else if (*p == '"')
			str_add(out, "\\\"");
		else if (*p == '\n')
			str_add(out, "\\n");
		else
			str_add_bytes(out, p, 1);
	}
}

void metrics_head(struct str *out, const char *name, const char *type, const char *help)
{
	str_addf(out, "# HELP canhazgpu_%s %s\n# TYPE canhazgpu_%s %s\n", name, help, name, type);
}

static void plain(struct str *out, const char *name, const char *help, double value)
{
	metrics_head(out, name, "gauge", help);
	str_addf(out, "canhazgpu_%s %.15g\n", name, value);
}

static void lower(struct str *out, const char *text)
{
	for (; *text; text++)
		str_addf(out, "%c", tolower((unsigned char)*text));
}

static void write_states(const struct snapshot *s, struct str *out)
{
	size_t counts[GPU_ERROR + 1] = {0};

	for (size_t i = 0; i < s->views_count; i++)
		counts[s->views[i].status]++;
	metrics_head(out, "gpus", "gauge", "GPUs of the pool by state.");
	for (int state = 0; state <= GPU_ERROR; state++) {
		str_add(out, "canhazgpu_gpus{state=\"");
		lower(out, gpu_status_name(state));
		str_addf(out, "\"} %zu\n", counts[state]);
	}
	metrics_head(out, "gpu_state", "gauge", "Whether a GPU is in a state (1) or not (0).");
	for (size_t i = 0; i < s->views_count; i++) {
		for (int state = 0; state <= GPU_ERROR; state++) {
			str_addf(out, "canhazgpu_gpu_state{gpu=\"%d\",state=\"", s->views[i].id);
			lower(out, gpu_status_name(state));
			str_addf(out, "\"} %d\n", (int)s->views[i].status == state);
		}
	}
}

static void write_info(const struct snapshot *s, struct str *out)
{
	metrics_head(out, "build_info", "gauge", "The running version.");
	str_addf(out, "canhazgpu_build_info{version=\"%s\"} 1\n", CANHAZGPU_VERSION);
	metrics_head(out, "gpu_info", "gauge", "Model and UUID of a GPU.");
	for (size_t i = 0; i < s->views_count; i++) {
		const struct gpu *gpu = s->views[i].gpu;

		str_addf(out, "canhazgpu_gpu_info{gpu=\"%d\",model=\"", s->views[i].id);
		metrics_label(out, gpu ? gpu->name : NULL);
		str_add(out, "\",uuid=\"");
		metrics_label(out, gpu ? gpu->uuid : NULL);
		if (s->cluster) {
			str_add(out, "\",node=\"");
			metrics_label(out, s->cluster->places[s->views[i].id].node);
			str_addf(out, "\",node_gpu=\"%d", s->cluster->places[s->views[i].id].index);
		}
		str_add(out, "\"} 1\n");
	}
}

/* One value of each GPU, where the driver reports it. */
struct gpu_metric {
	const char *name, *help;
	size_t offset; /* of a struct quantity in struct gpu */
	double factor; /* from its unit to the metric's */
};

static const struct gpu_metric gpu_metrics[] = {
	{"gpu_memory_used_bytes", "GPU memory in use.", offsetof(struct gpu, memory_used_mb), MIB},
	{"gpu_memory_total_bytes", "Total GPU memory.", offsetof(struct gpu, memory_total_mb), MIB},
	{"gpu_utilization_ratio", "Share of time in which the GPU was computing.",
	 offsetof(struct gpu, utilization_percent), 0.01},
	{"gpu_temperature_celsius", "Temperature of the GPU.", offsetof(struct gpu, temperature_c),
	 1},
	{"gpu_power_watts", "Power drawn by the GPU.", offsetof(struct gpu, power_mw), 0.001},
	{"gpu_power_limit_watts", "Power limit of the GPU.", offsetof(struct gpu, power_limit_mw),
	 0.001},
};

static void write_gpu_metric(const struct snapshot *s, const struct gpu_metric *metric,
			     struct str *out)
{
	metrics_head(out, metric->name, "gauge", metric->help);
	for (size_t i = 0; i < s->views_count; i++) {
		const struct gpu *gpu = s->views[i].gpu;
		const struct quantity *q =
			gpu ? (const void *)((const char *)gpu + metric->offset) : NULL;

		if (q && q->known)
			str_addf(out, "canhazgpu_%s{gpu=\"%d\"} %.15g\n", metric->name,
				 s->views[i].id, (double)q->value * metric->factor);
	}
}

static void write_health(const struct snapshot *s, struct str *out)
{
	metrics_head(out, "gpu_healthy", "gauge",
		     "Whether the driver reports no fault of a GPU (1) or one (0).");
	for (size_t i = 0; i < s->views_count; i++) {
		if (s->views[i].gpu)
			str_addf(out, "canhazgpu_gpu_healthy{gpu=\"%d\"} %d\n", s->views[i].id,
				 s->views[i].gpu->health != HEALTH_FAULTY);
	}
	metrics_head(
		out, "gpu_needs_attention", "gauge",
		"Whether the driver wants a GPU to be looked after (1), which may be used all the "
		"same.");
	for (size_t i = 0; i < s->views_count; i++) {
		if (s->views[i].gpu)
			str_addf(out, "canhazgpu_gpu_needs_attention{gpu=\"%d\"} %d\n",
				 s->views[i].id, s->views[i].gpu->health == HEALTH_WARNING);
	}
}

/* What reservations do with their GPUs; no line where nobody knows. */
static void write_activity(const struct snapshot *s, struct str *out)
{
	metrics_head(out, "gpu_idle_seconds", "gauge",
		     "For how long a reserved GPU is known to be idle; 0 while it is active.");
	for (size_t i = 0; i < s->views_count; i++) {
		const struct gpu_view *view = &s->views[i];
		double idle = view->activity == ACTIVITY_IDLE
				      ? (double)(s->now_ns - view->idle_since_ns) / 1e9
				      : 0;

		if (view->reservation && view->activity != ACTIVITY_UNKNOWN)
			str_addf(out, "canhazgpu_gpu_idle_seconds{gpu=\"%d\"} %.15g\n", view->id,
				 idle);
	}
}

/* ---- accounts ---- */

static void write_counts(struct str *out, const char *name, const char *type, const char *help,
			 const struct metrics_count *counts, size_t length)
{
	metrics_head(out, name, type, help);
	for (size_t i = 0; i < length; i++) {
		str_addf(out, "canhazgpu_%s{account=\"", name);
		metrics_label(out, counts[i].account);
		str_addf(out, "\",type=\"%s\"} %.15g\n", reservation_type_name(counts[i].type),
			 counts[i].gpu_seconds);
	}
}

static void write_reservations(const struct snapshot *s, struct str *out)
{
	struct metrics reservations = {0}, gpus = {0};

	for (size_t i = 0; i < s->views_count; i++) {
		const struct reservation *r = s->views[i].reservation;
		const char *account;

		if (!r)
			continue;
		account = account_of(r->account, r->user);
		find_count(&gpus.counts, &gpus.counts_count, account, r->type)->gpu_seconds++;
		/* Once per reservation: at the first of its GPUs that it still has. */
		for (size_t k = 0; k <= i; k++) {
			if (s->views[k].reservation != r)
				continue;
			if (k == i)
				find_count(&reservations.counts, &reservations.counts_count,
					   account, r->type)
					->gpu_seconds++;
			break;
		}
	}
	write_counts(out, "reservations", "gauge", "Reservations by account and type.",
		     reservations.counts, reservations.counts_count);
	write_counts(out, "reserved_gpus", "gauge", "Reserved GPUs by account and type.",
		     gpus.counts, gpus.counts_count);
	metrics_clear(&reservations);
	metrics_clear(&gpus);
}

static void write_queue(const struct snapshot *s, struct str *out)
{
	int64_t oldest_ns = s->now_ns;

	for (size_t i = 0; i < s->state.queue_count; i++) {
		int64_t since_ns = plan_waits_since_ns(&s->state.queue[i]);

		oldest_ns = since_ns < oldest_ns ? since_ns : oldest_ns;
	}
	plain(out, "queue_length", "Requests that are waiting for GPUs.",
	      (double)s->state.queue_count);
	plain(out, "queue_oldest_wait_seconds", "How long the oldest request has waited.",
	      (double)(s->now_ns - oldest_ns) / 1e9);
}

static double seconds_between(int64_t from_ns, int64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

void metrics_write(const struct metrics *m, const struct snapshot *s, int64_t begin_ns,
		   struct str *out)
{
	write_info(s, out);
	write_states(s, out);
	for (size_t i = 0; i < ARRAY_SIZE(gpu_metrics); i++)
		write_gpu_metric(s, &gpu_metrics[i], out);
	write_health(s, out);
	write_activity(s, out);
	write_reservations(s, out);
	write_counts(out, "reservation_seconds_total", "counter",
		     "GPU time reserved since the server was started.", m->counts, m->counts_count);
	write_queue(s, out);
	plain(out, "scan_success", "Whether the latest scan of the GPUs succeeded (1) or not (0).",
	      !s->seen.problem);
	plain(out, "scan_duration_seconds", "How long the latest scan of the GPUs took.",
	      seconds_between(s->seen.taken_ns, s->now_ns));
	plain(out, "store_read_duration_seconds", "How long the latest reading of the pool took.",
	      seconds_between(begin_ns, s->seen.taken_ns));
}
