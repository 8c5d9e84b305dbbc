/*
 * Whatever the driver says: no two numbers of a pool ever mean one card, a number never means
 * another card than before, and no unknown card is handed out. From what nvidia-smi prints to what
 * a job is told, over changes of the hardware and of what the driver says of it.
 *
 * A world has cards, which vanish and come back, and a pool with a number for each of the first of
 * them. In an honest world what is printed may be incomplete, damaged, doubled or in any order, but
 * no card is called by another one's name; then what a job gets is compared with the truth. In the
 * others anything is printed.
 *
 * Each round is made of its own seed; CANHAZGPU_CARDS=SEED runs that one alone,
 * CANHAZGPU_CARDS_ROUNDS=N that many.
 */
#include "test.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/smi_parse.h"
#include "plan/plan.h"
#include "pool/observe.h"

#define ROUNDS 5000
#define CARDS_MAX 6
#define STEPS 5
#define UUID "GPU-%zu-4c1d"
#define NOW (INT64_C(1000) * NS_PER_HOUR)

struct world {
	unsigned round, seed;
	bool honest;
	bool amd; /* else NVIDIA, by nvidia-smi */
	size_t cards;
	size_t kfd[CARDS_MAX];   /* AMD: the cards in the order in which ROCm counts them */
	bool present[CARDS_MAX]; /* else it has fallen off the bus, for all programs */
	bool divided[CARDS_MAX];
	struct pool_state pool;
	int meant[POOL_GPUS_MAX]; /* per number: the card that it means; -1: an instance, or nobody
				     can tell */
	struct str log;           /* what the driver has said */
};

static unsigned next(struct world *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 17;
	w->seed ^= w->seed << 5;
	return w->seed;
}

static bool chance(struct world *w, unsigned one_in)
{
	return next(w) % one_in == 0;
}

static const char *pick(struct world *w, const char *const *texts, size_t count)
{
	return texts[next(w) % count];
}

#define PICK(w, ...)                                \
	pick(w, (const char *const[]){__VA_ARGS__}, \
	     ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

/* ---- what the driver says ---- */

/* A value in the place of which something else may be said. */
static char *spoil(struct world *w, char *value, unsigned one_in)
{
	if (!chance(w, one_in))
		return value;
	free(value);
	return mem_strdup(PICK(w, "[N/A]", "N/A", "", "[Unknown Error]", "[GPU is lost]", "ERR!",
			       "[Not Supported]", "[nicht verfügbar]", "不明"));
}

/* The number of the card whose name is written for that one. */
static size_t named(struct world *w, size_t card)
{
	return !w->honest && chance(w, 6) ? next(w) % (CARDS_MAX + 2) : card;
}

static void add_row(struct world *w, struct str *out, size_t card, size_t index)
{
	AUTO_FREE char *uuid = spoil(w, mem_printf(UUID, named(w, card)), 8);
	AUTO_FREE char *bus =
		spoil(w, mem_printf("00000000:%02zX:00.0", 0x10 + named(w, card)), 10);
	AUTO_FREE char *used = spoil(w, mem_strdup(PICK(w, "4", "4 MiB", "20000", "0")), 10);
	AUTO_FREE char *number = spoil(w, mem_printf("%zu", index), 12);
	AUTO_FREE char *row = mem_printf(
		"%s, %s, CARD %zu, %s, 81559, %s, 0, 35, 70.5, %s, 580.1", number, uuid, card, bus,
		used, w->divided[card] ? "Enabled" : PICK(w, "Disabled", "[N/A]", "Disabled"));

	/* Of what has neither number nor name, nobody knows that it was a row. */
	if (chance(w, 12) && (!w->honest || number[0] == '0' + (char)index))
		row[1 + next(w) % (strlen(row) - 1)] = '\0';
	str_addf(out, "%s%s", row, PICK(w, "\n", "\n", "\r\n", "\n\n"));
}

static void add_noise(struct world *w, struct str *out)
{
	if (chance(w, 4))
		str_addf(out, "%s\n",
			 PICK(w, "WARNING: infoROM is corrupted at gpu 0000:11:00.0",
			      "Unable to determine the device handle for GPU 0000:12:00.0: Unknown "
			      "Error",
			      "Unable to determine the device handle for GPU0: Unknown Error",
			      "Persistence mode is off", "\x1b[1mMOTD, with, commas\x1b[0m", "0, 1",
			      ","));
}

/* The table of the cards that are there, which may miss some without a word where they are not. */
static void say_gpus(struct world *w, struct str *out)
{
	size_t order[CARDS_MAX], count = 0, index = 0;

	for (size_t i = 0; i < w->cards; i++) {
		if (w->present[i])
			order[count++] = i;
	}
	for (size_t i = 0; count > 1 && chance(w, 4) && i < count; i++) {
		size_t k = next(w) % count, card = order[i];

		order[i] = order[k];
		order[k] = card;
	}
	for (size_t i = 0; i < count; i++) {
		add_noise(w, out);
		if (!w->honest && chance(w, 10))
			continue;
		add_row(w, out, order[i], !w->honest && chance(w, 8) ? next(w) % 9 : index);
		index++;
		if (chance(w, 12))
			add_row(w, out, order[i], index - chance(w, 2));
	}
	add_noise(w, out);
}

/* `nvidia-smi -L`. */
static void say_list(struct world *w, struct str *out)
{
	for (size_t i = 0; i < w->cards; i++) {
		if (!w->present[i])
			continue;
		if (!chance(w, 10))
			str_addf(out, "GPU %zu: CARD %zu (UUID: " UUID ")\n", i, i, named(w, i));
		for (size_t k = 0; w->divided[i] && k < 3; k++) {
			if (chance(w, 4))
				continue;
			str_addf(out, "  MIG 1g.10gb     Device  %zu: (UUID: MIG-%zu%zu%s\n", k,
				 named(w, i), !w->honest && chance(w, 8) ? 0 : k,
				 chance(w, 12) ? "" : ")");
		}
	}
}

/* What amdgpu and KFD tell of a card: ids and places that may be missing, and in a world that is
   not honest those of any. */
static void add_amd(struct world *w, struct scan *s, size_t card)
{
	struct gpu *g = scan_add_gpu(s);
	int64_t place = 0;

	for (size_t i = 0; i < w->cards && w->kfd[i] != card; i++)
		place += w->present[w->kfd[i]];
	g->uuid = card % 3 && !chance(w, 8) ? mem_printf(UUID, named(w, card)) : NULL;
	g->pci_bus_id = chance(w, 10) ? NULL : mem_printf("0000:%02zx:00.0", 0x10 + named(w, card));
	if (!w->honest && chance(w, 8))
		g->runtime_id = mem_strdup(PICK(w, "", "GPU-1-4c1d", "GPU-x"));
	else if (!g->uuid)
		g->runtime_id = mem_strdup("");
	if (!chance(w, 8))
		g->runtime_index = quantity_of(place); /* we count them: no two are alike */
	if (!chance(w, 8))
		g->memory_used_mb = quantity_of(4);
	else
		gpu_add_problem(g, "memory use is unknown");
	g->processes_known = true;
	str_addf(&w->log, "%s %s kfd %d\n", g->uuid ? g->uuid : "-",
		 g->pci_bus_id ? g->pci_bus_id : "-",
		 g->runtime_index.known ? (int)g->runtime_index.value : -1);
}

static bool say_amd(struct world *w, struct scan *ret_scan)
{
	str_add(&w->log, "---\n");
	for (size_t i = 0; i < w->cards; i++) {
		if (w->present[i] && (w->honest || !chance(w, 8)))
			add_amd(w, ret_scan, i);
	}
	gpu_find_units(ret_scan, false);
	gpu_name_all(ret_scan, &gpu_amd, next(w) % 3);
	return ret_scan->gpus_count > 0;
}

static bool say(struct world *w, struct scan *ret_scan)
{
	AUTO(str_clear) struct str gpus = {0}, list = {0}, apps = {0};
	struct nvidia_smi_query query = nvidia_smi_query_gpus();
	struct nvidia_smi_query process_query = nvidia_smi_query_processes();

	if (w->amd)
		return say_amd(w, ret_scan);
	say_gpus(w, &gpus);
	say_list(w, &list);
	str_addf(&apps, UUID ", 99999991, python3, 300\n", (size_t)(next(w) % CARDS_MAX));
	str_addf(&w->log, "---\n%s-L\n%s", str_text(&gpus), str_text(&list));
	if (nvidia_smi_parse_gpus(&query, str_text(&gpus), gpus.length, ret_scan, NULL) < 0)
		return false;
	nvidia_smi_parse_processes(&process_query, str_text(&apps), apps.length, ret_scan);
	nvidia_smi_parse_list(str_text(&list), list.length, ret_scan);
	gpu_find_units(ret_scan, false);
	gpu_name_all(ret_scan, &gpu_nvidia, next(w) % 3);
	return true;
}

/* ---- what is true of it ---- */

#define FAIL(w, ...) fail_world(w, __LINE__, __VA_ARGS__)

static void __attribute__((format(printf, 3, 4)))
fail_world(const struct world *w, int line, const char *format, ...)
{
	AUTO_FREE char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	/* cmocka would cut it. */
	fprintf(stderr, "%s\n", str_text(&w->log));
	fail_msg("round %u, line %d: %s", w->round, line, text);
}

/* The card that a job gets which is told that name, as CUDA or ROCm counts; -1: none, or nobody
 * knows.
 */
static int card_of(const struct world *w, const char *visible)
{
	int place = -1;

	for (size_t i = 0; i < w->cards; i++) {
		AUTO_FREE char *uuid = mem_printf(UUID, i);

		if (!strcasecmp(uuid, visible))
			return (int)i;
	}
	if (strspn(visible, "0123456789") != strlen(visible))
		return -1;
	for (size_t i = 0; i < w->cards; i++) {
		size_t card = w->amd ? w->kfd[i] : i;

		if (w->present[card] && (w->amd || !w->divided[card]) && ++place == atoi(visible))
			return (int)card;
	}
	return -1;
}

static bool is_for_jobs(const struct observation *o, size_t i)
{
	return o->use[i] == USE_IDLE || o->use[i] == USE_BUSY || o->use[i] == USE_UNKNOWN;
}

static bool are_one_card(const struct world *w, const struct gpu *a, const struct gpu *b)
{
	int64_t place, other;

	if (a == b || !strcasecmp(a->visible, b->visible))
		return true;
	/* Partitions, which ROCm counts one by one, are at one place. */
	if (w->amd && a->runtime_index.known && b->runtime_index.known)
		return a->runtime_index.value == b->runtime_index.value;
	return !a->profile && !b->profile && gpu_bus_rank(a->pci_bus_id, &place) &&
	       gpu_bus_rank(b->pci_bus_id, &other) && place == other;
}

static void check_number(const struct world *w, const struct observation *o, size_t i)
{
	const struct slot *slot = &w->pool.slots[i];
	const struct gpu *gpu = o->gpus[i];

	if (!is_for_jobs(o, i)) {
		if (!o->problems[i])
			FAIL(w, "GPU %zu has no reason", i);
		return;
	}
	if (!gpu || !gpu->visible || !*gpu->visible)
		FAIL(w, "GPU %zu is nothing", i);
	if (slot->uuid && (!gpu->uuid || strcasecmp(slot->uuid, gpu->uuid) != 0))
		FAIL(w, "GPU %zu is %s, and was %s", i, gpu->uuid ? gpu->uuid : "?", slot->uuid);
	for (size_t k = 0; k < i; k++) {
		if (is_for_jobs(o, k) && are_one_card(w, gpu, o->gpus[k]))
			FAIL(w, "GPU %zu and GPU %zu are one card, %s and %s", k, i,
			     o->gpus[k]->visible, gpu->visible);
	}
	if (w->honest && w->meant[i] >= 0 && card_of(w, gpu->visible) != w->meant[i])
		FAIL(w, "GPU %zu is card %d, and a job gets '%s', card %d", i, w->meant[i],
		     gpu->visible, card_of(w, gpu->visible));
}

static void check(struct world *w, struct scan *scan)
{
	const struct pool_config config = {.memory_threshold_mb = 1024};
	struct observation o;

	observe_scan(&config, &w->pool, scan, &o);
	for (size_t i = 0; i < o.count; i++)
		check_number(w, &o, i);
	*scan = o.scan;
	o.scan = (struct scan){0};
	observation_clear(&o);
}

/* ---- what becomes of the pool ---- */

static void apply(struct world *w, const struct plan *p)
{
	struct err e = {0};

	for (size_t i = 0; i < p->changes_count; i++) {
		if (change_apply(&w->pool, &p->changes[i], &e) < 0)
			FAIL(w, "%s", e.text);
	}
}

/* What was recorded stays, and is nobody else's; in an honest world, it is the truth. */
static void check_records(struct world *w, const struct pool_state *before, bool refreshed)
{
	for (size_t i = 0; i < w->pool.slots_count; i++) {
		const char *uuid = w->pool.slots[i].uuid;
		bool is_new = i >= before->slots_count;

		if (!is_new && before->slots[i].uuid &&
		    (!uuid || strcmp(uuid, before->slots[i].uuid) != 0))
			FAIL(w, "GPU %zu was %s", i, before->slots[i].uuid);
		for (size_t k = 0; uuid && k < i; k++) {
			if (w->pool.slots[k].uuid && !strcasecmp(w->pool.slots[k].uuid, uuid))
				FAIL(w, "GPU %zu and GPU %zu are %s", k, i, uuid);
		}
		if (!refreshed && !is_new && uuid && !before->slots[i].uuid && w->honest &&
		    w->meant[i] >= 0 && card_of(w, uuid) != w->meant[i])
			FAIL(w, "GPU %zu is recorded as %s, and was card %d", i, uuid, w->meant[i]);
		/* An administrator has said what it means, or it is new. */
		if (refreshed && (is_new || !before->slots[i].uuid))
			w->meant[i] = uuid ? card_of(w, uuid) : -1;
	}
}

static void record(struct world *w, const struct scan *scan, bool refresh)
{
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO(units_clear) struct units u = {0};
	AUTO(plan_clear) struct plan p = {0};

	pool_state_copy(&before, &w->pool);
	if (refresh) {
		plan_compare_units(&before, scan, NOW, &u);
		plan_refresh(&before, &u, &p);
	} else {
		plan_record_units(&before, scan, &p);
	}
	apply(w, &p);
	str_addf(&w->log, "%s\n", refresh ? "refreshed" : "recorded");
	check_records(w, &before, refresh);
}

/* What happens to the machine. */
static void change_cards(struct world *w)
{
	for (size_t i = 0; i < w->cards; i++) {
		if (chance(w, 4))
			w->present[i] = !w->present[i];
		if (chance(w, 12))
			w->divided[i] = !w->divided[i];
		str_addf(&w->log, "card %zu%s%s\n", i, w->present[i] ? "" : " is gone",
			 w->divided[i] ? " is in MIG mode" : "");
	}
}

static void run(unsigned round)
{
	struct world w = {.round = round, .seed = round * 2654435761U + 1};
	size_t count;

	w.honest = chance(&w, 2);
	w.amd = chance(&w, 4);
	w.cards = 1 + next(&w) % CARDS_MAX;
	for (size_t i = 0; i < w.cards; i++) {
		size_t place = next(&w) % (i + 1);

		w.kfd[i] = w.kfd[place];
		w.kfd[place] = i;
	}
	/* A program that knows no UUIDs has made the pool, of all cards or of the first of them. */
	count = chance(&w, 4) ? 1 + next(&w) % w.cards : w.cards;
	w.pool.initialized = true;
	w.pool.provider = mem_strdup("nvidia");
	pool_state_make_slots(&w.pool, count);
	for (size_t i = 0; i < POOL_GPUS_MAX; i++)
		w.meant[i] = -1;
	for (size_t i = 0; i < w.cards; i++) {
		w.present[i] = true;
		if (i < count && chance(&w, 3) && (!w.amd || i % 3))
			w.pool.slots[i].uuid = mem_printf(UUID, i);
		/* One of the others may come in the place of one that has gone. */
		if (i < count && (count == w.cards || w.pool.slots[i].uuid))
			w.meant[i] = (int)i;
	}
	str_addf(&w.log, "%s, %zu numbers\n", w.honest ? "honest" : "anything", count);
	for (int step = 0; step < STEPS; step++) {
		AUTO(scan_clear) struct scan scan = {0};

		if (step || chance(&w, 2))
			change_cards(&w);
		if (!say(&w, &scan))
			continue;
		check(&w, &scan);
		if (chance(&w, 2))
			record(&w, &scan, chance(&w, 6));
		check(&w, &scan);
	}
	pool_state_clear(&w.pool);
	str_clear(&w.log);
}

static void test_any(void **state)
{
	const char *one = getenv("CANHAZGPU_CARDS"), *rounds = getenv("CANHAZGPU_CARDS_ROUNDS");
	unsigned count = rounds ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;

	(void)state;
	if (one) {
		run((unsigned)strtoul(one, NULL, 10));
		return;
	}
	for (unsigned round = 0; round < count; round++)
		run(round);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests_name("cards_any", tests, NULL, NULL);
}
