/*
 * The table of GPUs that nvidia-smi prints. Called by smi.c, and by the tests with recorded texts.
 * Pure: no I/O, no clock, no globals.
 */
#include "gpu/nvidia/smi_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvidia.h"
#include "gpu/nvidia/smi_lines.h"
#include "gpu/nvidia/smi_value.h"

/* One table on its way. */
struct reader {
	const struct nvidia_smi_query *query;
	struct scan scan;
	size_t rows;         /* lines that could be read */
	bool *missing;       /* per GPU: no row has named it so far */
	const char **others; /* lines that are no rows; they point into the text */
	size_t others_count;
};

/* A line, cut into the texts of its fields; those that were not asked for are "". */
struct row {
	const char *fields[SMI_FIELDS];
	size_t columns; /* how many there are, which may be too many or too few */
};

/* Cuts the line at its commas. */
static struct row split(const struct nvidia_smi_query *q, char *line)
{
	struct row row = {.columns = 0};
	size_t field = 0;

	for (size_t i = 0; i < SMI_FIELDS; i++)
		row.fields[i] = "";
	for (char *rest = line; rest; row.columns++) {
		char *text = nvidia_smi_trim(strsep(&rest, ","));

		while (field < SMI_FIELDS && q->left_out & 1u << field)
			field++;
		if (field < SMI_FIELDS)
			row.fields[field++] = text;
	}
	return row;
}

static struct quantity number_of(const struct row *row)
{
	return nvidia_smi_number(row->fields[SMI_INDEX], 1, "");
}

static bool is_whole(const struct nvidia_smi_query *q, const struct row *row)
{
	bool numbered = q->left_out & 1u << SMI_INDEX || number_of(row).known;

	return numbered && row->columns == nvidia_smi_columns(q);
}

/* Whether it is a UUID, and not what a driver says, in whatever language, where it knows none. */
static bool is_uuid(const char *text)
{
	return !strncasecmp(text, "GPU-", 4) || !strncasecmp(text, "MIG-", 4);
}

/* No line of words has so many commas by chance. */
#define COLUMNS_MIN 5

/* Whether a line is about one GPU, even if not all of it can be read: it has all columns, or in its
   place a UUID, an address, or a number with what nvidia-smi prints instead of a UUID. */
static bool is_row(const struct nvidia_smi_query *q, const struct row *row)
{
	const char *uuid = row->fields[SMI_UUID];

	if (row->columns >= COLUMNS_MIN && row->columns == nvidia_smi_columns(q))
		return true;
	if (is_whole(q, row) || is_uuid(uuid) || gpu_bus_rank(row->fields[SMI_BUS_ID], NULL))
		return true;
	return row->columns > 1 && number_of(row).known && nvidia_smi_is_no_value(uuid);
}

static struct gpu *add_gpu(struct reader *r, bool missing)
{
	struct gpu *g = scan_add_gpu(&r->scan);

	g->index = (int)r->scan.gpus_count - 1;
	r->missing[g->index] = missing;
	return g;
}

/* The GPU that a row is about, which has the row's number. NULL: there is no room for it, or a row
   has that number already, and then the two cannot be told apart. */
static struct gpu *place(struct reader *r, const struct row *row)
{
	struct quantity number = number_of(row);
	size_t index = number.known && number.value < POOL_GPUS_MAX ? (size_t)number.value
								    : r->scan.gpus_count;
	struct gpu *g;

	if (index >= POOL_GPUS_MAX || (number.known && number.value >= POOL_GPUS_MAX))
		return NULL;
	while (r->scan.gpus_count < index)
		add_gpu(r, true);
	if (index == r->scan.gpus_count)
		return add_gpu(r, false);
	g = &r->scan.gpus[index];
	if (!r->missing[index]) {
		g->memory_used_mb = (struct quantity){0};
		g->processes_known = g->memory_shared = false;
		gpu_add_problem(g, "nvidia-smi lists two GPUs with the number %zu", index);
	}
	return r->missing[index] ? g : NULL;
}

/* Whether a driver that knows the question has no answer: the GPU has no such memory. */
static bool is_absent(const char *text)
{
	return !strcasecmp(text, "[N/A]") || !strcasecmp(text, "N/A") ||
	       !strcasecmp(text, "[Not Supported]");
}

/* "" where this nvidia-smi does not know the question. */
static void read_mig_mode(const char *text, struct gpu *g)
{
	g->mig = !strcasecmp(text, "Enabled");
	if (*text && !g->mig && strcasecmp(text, "Disabled") != 0 && !is_absent(text))
		g->instances_problem = mem_printf("whether it has MIG instances is not known: "
						  "nvidia-smi says '%.60s'",
						  text);
}

/* A row with all its columns. */
static void read_row(const struct row *row, struct gpu *g)
{
	const char *const *fields = row->fields;

	g->uuid = mem_strdup(is_uuid(fields[SMI_UUID]) ? fields[SMI_UUID] : NULL);
	g->name = nvidia_smi_text(fields[SMI_NAME]);
	g->pci_bus_id = nvidia_smi_text(fields[SMI_BUS_ID]);
	g->memory_total_mb = nvidia_smi_number(fields[SMI_MEMORY_TOTAL], 1, "MiB");
	g->memory_used_mb = nvidia_smi_number(fields[SMI_MEMORY_USED], 1, "MiB");
	g->utilization_percent = nvidia_smi_number(fields[SMI_UTILIZATION], 1, "%");
	g->temperature_c = nvidia_smi_number(fields[SMI_TEMPERATURE], 1, "C");
	g->power_mw = nvidia_smi_number(fields[SMI_POWER], 1000, "W");
	read_mig_mode(fields[SMI_MIG], g);
	/* Its processes are known as soon as they were read: smi_processes.c. */
	g->processes_known = g->uuid != NULL;
	for (size_t i = 0; i < SMI_FIELDS; i++)
		nvidia_smi_judge(g, fields[i]);
	g->memory_shared = !g->mig && is_absent(fields[SMI_MEMORY_TOTAL]) &&
			   is_absent(fields[SMI_MEMORY_USED]);
	if (!g->memory_used_mb.known && !g->memory_shared)
		gpu_add_problem(g, "memory use is unknown: nvidia-smi says '%.60s'",
				fields[SMI_MEMORY_USED]);
}

/* A line that is about a GPU, and cannot be read. Its UUID tells which one it is, unless it may be
   cut off. */
static void read_damaged(const struct row *row, const char *whole, struct gpu *g)
{
	if (is_uuid(row->fields[SMI_UUID]) && row->columns > SMI_UUID + 1)
		g->uuid = mem_strdup(row->fields[SMI_UUID]);
	g->pci_bus_id = gpu_bus_rank(row->fields[SMI_BUS_ID], NULL)
				? mem_strdup(row->fields[SMI_BUS_ID])
				: nvidia_smi_bus_id(whole);
	for (size_t i = 0; i < SMI_FIELDS; i++)
		nvidia_smi_judge(g, row->fields[i]);
	gpu_add_problem(g, "nvidia-smi cannot read this GPU: %.200s", whole);
	g->instances_problem = mem_strdup("whether it has MIG instances is not known");
}

static int too_many(struct err *e)
{
	return err_set(e, E2BIG, "nvidia-smi names more than %d GPUs", POOL_GPUS_MAX);
}

static int read_line(struct reader *r, char *line, struct err *e)
{
	AUTO_FREE char *copy = mem_strdup(line);
	struct row row = split(r->query, copy);
	size_t before = r->scan.gpus_count;
	struct gpu *g;

	if (!is_row(r->query, &row)) {
		r->others = mem_resize(r->others, r->others_count + 1, sizeof(*r->others));
		r->others[r->others_count++] = line;
		return 0;
	}
	g = place(r, &row);
	if (!g)
		return before == POOL_GPUS_MAX || number_of(&row).value >= POOL_GPUS_MAX
			       ? too_many(e)
			       : 0;
	r->missing[g->index] = false;
	if (!is_whole(r->query, &row)) {
		read_damaged(&row, line, g);
		return 0;
	}
	read_row(&row, g);
	if (!r->scan.driver_version)
		r->scan.driver_version = nvidia_smi_text(row.fields[SMI_DRIVER_VERSION]);
	r->rows++;
	return 0;
}

static size_t count_missing(const struct reader *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->scan.gpus_count; i++)
		count += r->missing[i];
	return count;
}

/* The n-th GPU that no row has named. */
static struct gpu *find_missing(struct reader *r, size_t n)
{
	for (size_t i = 0; i < r->scan.gpus_count; i++) {
		if (r->missing[i] && !n--)
			return &r->scan.gpus[i];
	}
	return NULL;
}

/* Whether a line may be what is left of a row: it begins with a number that a GPU may have. */
static bool is_numbered(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	return digits && digits < 5 && atoi(line) < POOL_GPUS_MAX &&
	       (line[digits] == ',' || !line[digits]);
}

/*
 * What nvidia-smi says beside the table. A complaint about a card that has no row belongs to a
 * number that was passed over, where there are as many of one as of the other; where there is no
 * such number, the card is no GPU of this scan, and only its complaint is kept.
 */
static void take_others(struct reader *r)
{
	size_t missing = count_missing(r), complaints = 0, kept = 0;

	for (size_t i = 0; i < r->others_count; i++) {
		if (nvidia_smi_take_verdict(&r->scan, r->others[i]) ||
		    (!nvidia_smi_is_complaint(r->others[i]) && !is_numbered(r->others[i])))
			continue;
		r->others[complaints++] = r->others[i];
	}
	if (complaints && complaints != missing)
		mem_replace(&r->scan.complaint, r->others[0]);
	for (size_t n = 0; n < missing; n++) {
		struct gpu *g = find_missing(r, n);
		const char *why = complaints == missing ? r->others[kept++] : NULL;

		gpu_add_problem(g, "nvidia-smi cannot read this GPU%s%.200s", why ? ": " : "",
				why ? why : "");
		if (!why)
			continue;
		g->pci_bus_id = nvidia_smi_bus_id(why);
		nvidia_needs_reset(g, "nvidia-smi says: %.200s", why);
	}
}

/* What is said instead of a table. */
static int no_table(const struct reader *r, struct err *e)
{
	for (size_t i = 0; i < r->others_count; i++) {
		if (strcasestr(r->others[i], "No devices were found"))
			return err_set(e, ENODEV, "nvidia-smi says: No devices were found");
		if (strcasestr(r->others[i], "version mismatch"))
			return err_set(e, EIO, "nvidia-smi says: %.200s (reboot this host)",
				       r->others[i]);
	}
	return err_set(e, EIO, "nvidia-smi says: %.200s",
		       r->others_count      ? r->others[0]
		       : r->scan.gpus_count ? r->scan.gpus[0].problem
					    : "nothing");
}

int nvidia_smi_parse_gpus(const struct nvidia_smi_query *q, const char *text, size_t length,
			  struct scan *ret_scan, struct err *e)
{
	AUTO_FREE char *copy = nvidia_smi_copy(text, length);
	AUTO_FREE bool *missing = mem_alloc(POOL_GPUS_MAX, sizeof(*missing));
	struct reader r = {.query = q, .missing = missing};
	char *rest = copy;
	int code = 0;

	for (char *line; code == 0 && (line = nvidia_smi_next_line(&rest));)
		code = read_line(&r, line, e);
	if (code == 0 && !r.rows)
		code = no_table(&r, e);
	if (code == 0) {
		take_others(&r);
		*ret_scan = r.scan;
	} else {
		scan_clear(&r.scan);
	}
	free(r.others);
	return code;
}
