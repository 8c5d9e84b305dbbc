/*
 * What a scan does not show: gpu_find_hidden of gpu_backend.h. A driver tells nothing of a card
 * whose device file this process may not open, as if it were not there; the kernel lists it all the
 * same.
 */
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu_backend.h"

/* So many are named. */
#define NAMED_MAX 4

/* Where the trees of this host are for tests. A program with rights of its own does not ask. */
#define TEST_ROOT "CANHAZGPU_TEST_ROOT"

struct kernel_cards {
	int64_t *ranks; /* of their addresses */
	char **ids;
	size_t count;
};

static void kernel_cards_clear(struct kernel_cards *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->ids[i]);
	free(k->ids);
	free(k->ranks);
}

static const char *root_of(const char *given, const char *name, char *buffer, size_t size)
{
	const char *root = secure_getenv(TEST_ROOT);

	if (given)
		return given;
	snprintf(buffer, size, "%s/%s", root ? root : "", name);
	return buffer;
}

const char *gpu_sysfs(const struct gpu_options *options)
{
	static char path[4096];

	return root_of(options->sysfs_root, "sys", path, sizeof(path));
}

static const char *proc_of(const struct gpu_options *options)
{
	static char path[4096];

	return root_of(options->proc_root, "proc", path, sizeof(path));
}

/* The start of a small file; "" where there is none. */
static const char *read_start(const char *path, char *buffer, size_t size)
{
	AUTO_FCLOSE FILE *file = fopen(path, "re");
	size_t length = file ? fread(buffer, 1, size - 1, file) : 0;

	buffer[length] = '\0';
	return buffer;
}

static void add_card(struct kernel_cards *k, const char *id)
{
	int64_t rank;

	if (!gpu_bus_rank(id, &rank))
		return;
	for (size_t i = 0; i < k->count; i++) {
		if (k->ranks[i] == rank)
			return;
	}
	k->ranks = mem_resize(k->ranks, k->count + 1, sizeof(*k->ranks));
	k->ids = mem_resize(k->ids, k->count + 1, sizeof(*k->ids));
	k->ranks[k->count] = rank;
	k->ids[k->count++] = mem_strdup(id);
}

/* Whether a device that the driver has is a card: display controllers (03) and accelerators (12),
   but not what a card lends to virtual machines. */
static bool is_card(const char *sysfs, const char *id)
{
	AUTO_FREE char *class = mem_printf("%s/bus/pci/devices/%s/class", sysfs, id);
	AUTO_FREE char *lent = mem_printf("%s/bus/pci/devices/%s/physfn", sysfs, id);
	char text[16];

	read_start(class, text, sizeof(text));
	return (!strncmp(text, "0x03", 4) || !strncmp(text, "0x12", 4)) && access(lent, F_OK) != 0;
}

/* Whether the administrator has told the driver to leave it alone. Asked only of what is not
   listed: it is the driver that answers. */
static bool is_excluded(const struct gpu_options *options, const struct gpu_backend *backend,
			const char *id)
{
	AUTO_FREE char *path = mem_printf("%s/%s/gpus/%s/information", proc_of(options),
					  backend->proc_folder ? backend->proc_folder : "", id);
	char text[2048];
	const char *value;

	read_start(path, text, sizeof(text));
	value = strstr(text, "Excluded:");
	value = value ? value : strstr(text, "Blacklisted:");
	value = value ? strchr(value, ':') + 1 : "";
	return !strncmp(value + strspn(value, " \t"), "Yes", 3);
}

/* Adds what is at a pattern, a device each, as long as it is a card. */
static void add_cards(struct kernel_cards *k, const char *pattern, const char *sysfs)
{
	glob_t found = {0};

	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *id = basename(found.gl_pathv[i]);

			if (!sysfs || is_card(sysfs, id))
				add_card(k, id);
		}
	}
	globfree(&found);
}

static void find_cards(const struct gpu_options *options, const struct gpu_backend *backend,
		       struct kernel_cards *ret)
{
	AUTO_FREE char *bound = mem_printf("%s/bus/pci/drivers/%s/*:*:*.*", gpu_sysfs(options),
					   backend->pci_driver);
	AUTO_FREE char *told = NULL;

	add_cards(ret, bound, gpu_sysfs(options));
	if (!backend->proc_folder)
		return;
	told = mem_printf("%s/%s/gpus/*:*:*.*", proc_of(options), backend->proc_folder);
	add_cards(ret, told, NULL);
}

static bool is_listed(const struct scan *s, int64_t rank)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		int64_t own;

		if (gpu_bus_rank(s->gpus[i].pci_bus_id, &own) && own == rank)
			return true;
	}
	return false;
}

/* Cards of the scan that may be any of the kernel's. */
static size_t count_unplaced(const struct scan *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->gpus_count; i++)
		count += !s->gpus[i].profile && !gpu_bus_rank(s->gpus[i].pci_bus_id, NULL);
	return count;
}

static char *find_hidden_cards(const struct gpu_options *options, const struct gpu_backend *backend,
			       const struct scan *s)
{
	AUTO(kernel_cards_clear) struct kernel_cards k = {0};
	AUTO(str_clear) struct str names = {0};
	size_t hidden = 0, excluded = 0, unplaced = count_unplaced(s);

	find_cards(options, backend, &k);
	for (size_t i = 0; i < k.count; i++) {
		if (is_listed(s, k.ranks[i]))
			continue;
		if (is_excluded(options, backend, k.ids[i])) {
			excluded++;
			continue;
		}
		if (hidden++ < NAMED_MAX)
			str_addf(&names, "%s%s", names.length ? ", " : "", k.ids[i]);
	}
	if (hidden <= unplaced)
		return NULL;
	return mem_printf("the kernel has %zu %s GPUs, of which the driver does not show %zu here "
			  "(%s%s)",
			  k.count - excluded, backend->vendor_name, hidden - unplaced,
			  str_text(&names), hidden > NAMED_MAX ? ", ..." : "");
}

/* Each MIG instance has a folder, and a device file of its own. */
static char *find_hidden_instances(const struct gpu_options *options,
				   const struct gpu_backend *backend, const struct scan *s)
{
	AUTO_FREE char *pattern = mem_printf("%s/%s/capabilities/gpu*/mig/gi*/ci*",
					     proc_of(options), backend->proc_folder);
	glob_t found = {0};
	size_t shown = 0, count;

	for (size_t i = 0; i < s->gpus_count; i++)
		shown += s->gpus[i].profile != NULL;
	count = glob(pattern, 0, NULL, &found) ? 0 : found.gl_pathc;
	globfree(&found);
	if (count <= shown)
		return NULL;
	return mem_printf("the kernel has %zu MIG instances, of which the driver shows %zu here",
			  count, shown);
}

void gpu_find_hidden(const struct gpu_options *options, const struct gpu_backend *backend,
		     struct scan *s)
{
	if (backend->pci_driver)
		s->hidden = find_hidden_cards(options, backend, s);
	if (backend->proc_folder && !s->hidden)
		s->hidden = find_hidden_instances(options, backend, s);
}
