/* What Slurm's texts and documents mean, in the shapes of its releases; and what becomes of them.
 */
#include "source.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "slurm/call.h"
#include "slurm/nodes.h"
#include "slurm/snapshot.h"
#include "slurm/usage.h"
#include "slurm/words.h"
#include "view/queue.h"
#include "view/status.h"

/* ---- texts ---- */

static void test_hosts(void **state)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{"n1", "n1"},
		{"n[1-3]", "n1 n2 n3"},
		{"n[08-11,2],login", "n08 n09 n10 n11 n2 login"},
		{"rack1-n[1,3]-ib", "rack1-n1-ib rack1-n3-ib"},
		{"", ""},
		{"n[1-", "n[1-"},
		{"n[x]", ""},
		{"n[3-1]", ""},
		{",,n1,", "n1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(slurm_names_clear) struct slurm_names names = {0};
		AUTO(str_clear) struct str all = {0};

		slurm_hosts(cases[i].text, &names);
		for (size_t n = 0; n < names.count; n++)
			str_addf(&all, "%s%s", n ? " " : "", names.items[n]);
		assert_string_equal(str_text(&all), cases[i].names);
	}
}

/* A list that names a billion hosts does not make us fill the memory. */
static void test_hosts_bounded(void **state)
{
	AUTO(slurm_names_clear) struct slurm_names names = {0};

	(void)state;
	slurm_hosts("n[1-999999999],m[1-999999999]", &names);
	assert_int_equal(names.count, SLURM_LIST_MAX);
}

static void test_gpus(void **state)
{
	static const struct {
		const char *text, *shown; /* count, indexes where they are told, types */
	} cases[] = {
		{"gpu:4", "4"},
		{"gpu:2(IDX:0-1)", "2: 0 1"},
		{"gpu:a100:2(IDX:0,3)", "2: 0 3 a100 a100"},
		{"gpu:a100:2(S:0-1),gpu:v100:1(S:1)", "3 a100 a100 v100"},
		{"gpu:a100:1(IDX:0),gpu:v100:1(IDX:2)", "2: 0 2 a100 v100"},
		{"tmpsize:7T,gpu:l40s:1(S:0-1)", "1 l40s"},
		{"shard:8,mps:100", "0"},
		{"gpu:0", "0"},
		{"gpu", "1"},
		{"gpu:a100", "1 a100"},
		{"", "0"},
		{"gpus:4", "0"},
		{"gpu:99999999999999999999", "0"},
		{"gpu:2(IDX:x)", "2"},
		{"gpu:2(IDX:N/A)", "2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(str_clear) struct str all = {0};
		struct slurm_gpus g;

		slurm_gpus(cases[i].text, &g);
		str_addf(&all, "%zu%s", g.count, g.indexed ? ":" : "");
		for (size_t n = 0; g.indexed && n < SLURM_NODE_GPUS_MAX; n++) {
			if (g.is_in[n])
				str_addf(&all, " %zu", n);
		}
		for (size_t n = 0; n < g.count; n++) {
			if (slurm_gpu_type(&g, n))
				str_addf(&all, " %s", slurm_gpu_type(&g, n));
		}
		assert_string_equal(str_text(&all), cases[i].shown);
	}
}

static void test_tres(void **state)
{
	static const struct {
		const char *text;
		size_t gpus;
		const char *type;
	} cases[] = {
		{"gres:gpu:4", 4, ""},
		{"gres/gpu:4", 4, ""},
		{"gres:gpu:a100:2", 2, "a100"},
		{"gres:gpu", 1, ""},
		{"gres:gpu:a100", 1, "a100"},
		{"gres:gpu:3090:2", 2, "3090"},
		{"cpu=1,mem=10M,node=1,billing=1,gres/gpu=3", 3, ""},
		{"gres/gpu=2,gres/gpu:a100=2", 2, "a100"},
		{"gres/gpu:a100=2,gres/gpu:v100=1", 3, "a100"},
		{"cpu=2", 0, ""},
		{"gres/gpumem=4", 0, ""},
		{"N/A", 0, ""},
		{"", 0, ""},
	};
	char type[SLURM_TYPE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(slurm_tres_gpus(cases[i].text), cases[i].gpus);
		slurm_tres_type(cases[i].text, type);
		assert_string_equal(type, cases[i].type);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *words; /* NULL: refused */
	} cases[] = {
		{"-p gpu --mem=4G", "<-p><gpu><--mem=4G>"},
		{"  a\t'b c' \"d e\"f g\\ h ''", "<a><b c><d ef><g h><>"},
		{"'\"' \"'\"", "<\"><'>"},
		{"", ""},
		{"'open", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(slurm_names_clear) struct slurm_names words = {0};
		AUTO(str_clear) struct str all = {0};

		if (slurm_words(cases[i].text, &words, NULL) < 0) {
			assert_null(cases[i].words);
			continue;
		}
		for (size_t n = 0; n < words.count; n++)
			str_addf(&all, "<%s>", words.items[n]);
		assert_string_equal(str_text(&all), cases[i].words);
	}
}

static void test_complaint(void **state)
{
	AUTO_FREE char *one =
		slurm_complaint("squeue: error: first\nsqueue: error: second\nrest\n");
	AUTO_FREE char *other = slurm_complaint("Invalid job id specified\n");
	AUTO_FREE char *none = slurm_complaint("");

	(void)state;
	assert_string_equal(one, "second");
	assert_string_equal(other, "Invalid job id specified");
	assert_string_equal(none, "");
}

static void test_variables(void **state)
{
	(void)state;
	assert_true(slurm_is_own_variable("SLURM_JOB_ID=4"));
	assert_true(slurm_is_own_variable("SQUEUE_FORMAT=%i"));
	assert_false(slurm_is_own_variable("SLURM_CONF=/etc/slurm/slurm.conf"));
	assert_false(slurm_is_own_variable("MY_SLURM_JOB_ID=4"));
	/* Nobody could take it away. */
	assert_false(slurm_is_own_variable("SLURM_JOB_ID"));
	assert_false(slurm_is_own_variable("SLURM_JWT=x"));
	assert_true(slurm_is_wish("SLURM_ACCOUNT=lab"));
	assert_true(slurm_is_wish("SALLOC_PARTITION=gpu"));
	assert_false(slurm_is_wish("SLURM_JOB_ACCOUNT=lab"));
	assert_false(slurm_is_wish("SQUEUE_PARTITION=gpu"));
	assert_false(slurm_is_wish("SLURM_GRES=gpu:8"));
}

/* ---- documents ---- */

/* The caller frees it. */
static char *read_fixture(const char *name)
{
	AUTO_FREE char *path = mem_printf("unit/fixtures/slurm/%s", name);

	return read_source(path);
}

static void read_release(const char *release, struct slurm_cluster *ret_cluster)
{
	AUTO_FREE char *jobs = mem_printf("%s-squeue.json", release);
	AUTO_FREE char *nodes = mem_printf("%s-sinfo.json", release);
	AUTO_FREE char *squeue = read_fixture(jobs), *sinfo = read_fixture(nodes);
	struct err e = {0};

	if (slurm_cluster_read(squeue, sinfo, ret_cluster, &e) < 0)
		fail_msg("%s: %s", release, e.text);
}

#define NOW_NS (INT64_C(1796004590) * NS_PER_SECOND)

/* One line per GPU and request: what all releases must say alike. */
static const char *const expected[] = {
	("n1:0 IN_USE alice MANUAL expires in 0h 59m 48s, job 42 [a \"note\"\n"
	 "with \033[31mred]"),
	"n1:1 IN_USE alice RUN job 43 [training]",
	"n1:2 IN_USE alice RUN job 43 [training]",
	"n1:3 AVAILABLE free",
	"n2:0 IN_USE alice RUN job 44",
	"n2:1 IN_USE alice RUN job 44",
	"n2:2 IN_USE alice RUN job 44",
	"n2:3 IN_USE alice RUN job 44",
	"n3:0 DRAINED node drained: bad \"fan",
	"n3:1 DRAINED node drained: bad \"fan",
	"n3:2 DRAINED node drained: bad \"fan",
	"n3:3 DRAINED node drained: bad \"fan",
	"queue 45 4 GPUs, CPUs or memory that other jobs have",
	"queue 46 1 jobs with a higher priority",
};

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void compare_release(const char *release)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};
	json_t *status, *document, *queue;
	size_t line = 0;

	read_release(release, &c);
	slurm_snapshot(&c, NOW_NS, &s);
	assert_int_equal(strncmp(c.version, release, 5), 0);
	status = view_status_json(&s);
	document = view_queue_json(&s);
	queue = json_object_get(document, "entries");
	assert_int_equal(json_array_size(status) + json_array_size(queue), ARRAY_SIZE(expected));
	for (size_t i = 0; i < json_array_size(status); i++) {
		const json_t *gpu = json_array_get(status, i);
		const char *note = member(gpu, "note"), *user = member(gpu, "account");
		AUTO_FREE char *text =
			mem_printf("%s:%d %s%s%s%s%s %s%s%s%s", member(gpu, "node"),
				   (int)json_integer_value(json_object_get(gpu, "node_gpu")),
				   member(gpu, "status"), *user ? " " : "", user, *user ? " " : "",
				   member(gpu, "type"), member(gpu, "details"), *note ? " [" : "",
				   note, *note ? "]" : "");

		assert_string_equal(text, expected[line++]);
		assert_string_equal(member(gpu, "validation"), "unknown");
	}
	for (size_t i = 0; i < json_array_size(queue); i++) {
		const json_t *entry = json_array_get(queue, i);
		AUTO_FREE char *text =
			mem_printf("queue %s %d %s", member(entry, "id"),
				   (int)json_integer_value(json_object_get(entry, "requested")),
				   member(entry, "waiting_for"));

		assert_string_equal(text, expected[line++]);
	}
	json_decref(status);
	json_decref(document);
}

static void test_releases(void **state)
{
	(void)state;
	compare_release("22.05");
	compare_release("23.11");
	compare_release("24.05");
}

/* The table and the line below it name GPUs as people do, and other people's text is harmless. */
static void test_table(void **state)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *line = NULL;

	(void)state;
	read_release("22.05", &c);
	slurm_snapshot(&c, NOW_NS, &s);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 3, 0), "n1:3");
	assert_non_null(strstr(table_cell(table, 0, 6), "[a \"note\"\\x0awith \\x1b[31mred]"));
	assert_non_null(strstr(table_cell(table, 1, 6), "ends in 8h"));
	line = view_status_line(&s);
	assert_non_null(strstr(line, "1 of 12 available; 2 requests wait; next free about "));
	assert_non_null(strstr(line, "(GPU n1:0, alice)"));
}

/* ---- what the nodes say of their GPUs ---- */

/* Answers of `canhazgpu web` of n1, which has other numbers than Slurm: minor 7 is its GPU 0. */
#define SEEN_BY_ALICE                                                                          \
	"{\"gpu_id\":0,\"status\":\"UNRESERVED\",\"device_minor\":7,\"memory_used_mb\":20000," \
	"\"model\":{\"provider\":\"Qwen\",\"model\":\"Qwen3-8B\"},\"processes\":[{\"pid\":5,"  \
	"\"name\":\"python3\",\"account\":\"mallory\",\"memory_mb\":20000}]}"
#define SEEN_OF_ALICE                                                                            \
	"{\"gpu_id\":1,\"status\":\"UNRESERVED\",\"device_minor\":1,\"memory_used_mb\":9000,"    \
	"\"processes\":[{\"pid\":6,\"account\":\"alice\"},{\"pid\":7,\"name\":\"x\\u001b[31m\"," \
	"\"account\":\"bob\"}]}"
#define SEEN_IDLE                                                                         \
	"{\"gpu_id\":2,\"status\":\"AVAILABLE\",\"device_minor\":0,\"memory_used_mb\":3," \
	"\"uuid\":\"GPU-0\",\"utilization_percent\":4}"
#define SEEN_SICK \
	"{\"gpu_id\":3,\"status\":\"ERROR\",\"device_minor\":2,\"error\":\"it has fallen\"}"

static void test_nodes(void **state)
{
	static const struct {
		const char *rows;
		/* Of n1:0 ... n1:3: state, usage. alice has 0 by hand, 1 and 2 by a run. */
		const char *shown[4];
	} cases[] = {
		{"[" SEEN_BY_ALICE "," SEEN_OF_ALICE "," SEEN_IDLE "," SEEN_SICK "]",
		 {"IN_USE no usage detected",
		  "IN_USE 9000MB, 2 processes, not the holder's: user bob, PID 7 (x\033[31m)",
		  "IN_USE unknown: it has fallen", "UNRESERVED 20000MB used"}},
		/* One too few, one without a number, two of the same: none is matched. */
		{"[" SEEN_BY_ALICE "," SEEN_OF_ALICE "," SEEN_IDLE "]",
		 {"IN_USE unknown: n1 shows 3 GPUs, not as many as Slurm",
		  "IN_USE unknown: n1 shows 3 GPUs, not as many as Slurm",
		  "IN_USE unknown: n1 shows 3 GPUs, not as many as Slurm",
		  "AVAILABLE unknown: n1 shows 3 GPUs, not as many as Slurm"}},
		{"[" SEEN_BY_ALICE "," SEEN_OF_ALICE "," SEEN_IDLE ",{\"gpu_id\":3}]",
		 {"IN_USE unknown: n1 does not tell which GPU is which",
		  "IN_USE unknown: n1 does not tell which GPU is which",
		  "IN_USE unknown: n1 does not tell which GPU is which",
		  "AVAILABLE unknown: n1 does not tell which GPU is which"}},
		{"[" SEEN_BY_ALICE "," SEEN_OF_ALICE "," SEEN_IDLE "," SEEN_IDLE "]",
		 {"IN_USE unknown: n1 does not tell which GPU is which",
		  "IN_USE unknown: n1 does not tell which GPU is which",
		  "IN_USE unknown: n1 does not tell which GPU is which",
		  "AVAILABLE unknown: n1 does not tell which GPU is which"}},
		/* Nonsense of all kinds. */
		{"[{\"device_minor\":1,\"memory_used_mb\":-1,\"processes\":7},"
		 "{\"device_minor\":2,\"memory_used_mb\":\"much\",\"model\":[],\"processes\":[1]},"
		 "{\"device_minor\":3,\"memory_used_mb\":99999999999999999,\"health\":3},"
		 "{\"device_minor\":4,\"status\":\"IN_USE\",\"memory_used_mb\":0}]",
		 {"IN_USE unknown", "IN_USE unknown", "IN_USE unknown", "AVAILABLE 0MB used"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
		AUTO(snapshot_clear) struct snapshot s = {0};
		json_t *rows = json_loads(cases[i].rows, 0, NULL), *status;

		assert_non_null(rows);
		read_release("22.05", &c);
		slurm_snapshot(&c, NOW_NS, &s);
		slurm_nodes_join(&s, "n1", rows);
		/* Neither a second answer nor one of a node that is not there changes anything. */
		slurm_nodes_join(&s, "n9", rows);
		json_decref(rows);
		status = view_status_json(&s);
		for (size_t n = 0; n < 4; n++) {
			const json_t *gpu = json_array_get(status, n);
			AUTO_FREE char *text = mem_printf("%s %s", member(gpu, "status"),
							  member(gpu, "validation"));

			assert_string_equal(text, cases[i].shown[n]);
		}
		assert_string_equal(member(json_array_get(status, 4), "validation"), "unknown");
		json_decref(status);
	}
}

/* Slurm's answer is up to 10 s old: who has begun since then has a job that is not in it. */
static void test_nodes_newer(void **state)
{
	static const struct {
		const char *began[2];
		enum gpu_status status;
	} cases[] = {
		{{"2026-11-30T00:00:05Z", "2026-11-30T00:00:05Z"}, GPU_AVAILABLE},
		{{"2026-11-30T00:00:05Z", "2026-11-29T00:00:00Z"}, GPU_UNRESERVED},
		{{"2026-11-30T00:00:05Z", "unknown"}, GPU_UNRESERVED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
		AUTO(snapshot_clear) struct snapshot s = {0};
		AUTO_FREE char *text = mem_printf(
			"[{\"device_minor\":0},{\"device_minor\":1},{\"device_minor\":2},"
			"{\"device_minor\":3,\"status\":\"UNRESERVED\",\"memory_used_mb\":9000,"
			"\"processes\":[{\"pid\":5,\"started_at\":\"%s\"},"
			"{\"pid\":6,\"started_at\":\"%s\"}]}]",
			cases[i].began[0], cases[i].began[1]);
		json_t *rows = json_loads(text, 0, NULL);

		assert_non_null(rows);
		read_release("22.05", &c);
		assert_int_equal(clock_rfc3339_parse("2026-11-30T00:00:00Z", &c.taken_ns, NULL), 0);
		slurm_snapshot(&c, NOW_NS, &s);
		slurm_nodes_join(&s, "n1", rows);
		json_decref(rows);
		assert_int_equal(s.views[3].status, cases[i].status);
	}
}

static void test_nodes_members(void **state)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};
	AUTO(table_freep) struct table *table = NULL;
	json_t *rows = json_loads(
		"[" SEEN_BY_ALICE "," SEEN_OF_ALICE "," SEEN_IDLE "," SEEN_SICK "]", 0, NULL);
	json_t *status, *gpu;

	(void)state;
	read_release("22.05", &c);
	slurm_snapshot(&c, NOW_NS, &s);
	slurm_nodes_join(&s, "n1", rows);
	json_decref(rows);
	status = view_status_json(&s);
	gpu = json_array_get(status, 3);
	assert_string_equal(member(json_object_get(gpu, "model"), "model"), "Qwen3-8B");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(gpu, "unreserved_users"), 0)),
		"mallory");
	assert_int_equal(json_integer_value(json_object_get(gpu, "device_minor")), 7);
	gpu = json_array_get(status, 0);
	assert_string_equal(member(gpu, "uuid"), "GPU-0");
	assert_int_equal(json_integer_value(json_object_get(gpu, "utilization_percent")), 4);
	json_decref(status);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 3, 1), "UNRESERVED");
}

/* What runs now is not compared with jobs as they were, and a hung controller is enough to wait
   for. */
static void test_nodes_not_asked(void **state)
{
	static const char hosts[] = "n1 url=http://127.0.0.1:1";
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};

	(void)state;
	read_release("22.05", &c);
	slurm_snapshot(&c, NOW_NS, &s);
	s.warning = mem_strdup("Slurm does not answer");
	slurm_nodes_ask(hosts, &s);
	assert_null(s.views[0].problem);
	mem_replace(&s.warning, NULL);
	slurm_nodes_ask(hosts, &s);
	assert_non_null(strstr(s.views[0].problem, "n1: "));
}

static void test_refused(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
		{"", "no JSON"},
		{"{", "no JSON"},
		{"slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
		 "Unable to contact slurm controller"},
		{"{\"jobs\": [], \"errors\": [\"a text\"]}", "a text"},
		{"{\"jobs\": [], \"errors\": [{\"error\": \"Unspecified\"}]}", "Unspecified"},
		{"{\"jobs\": [], \"errors\": [{}]}", "without a text"},
	};
	AUTO_FREE char *hung = read_fixture("errors-squeue.json");
	struct slurm_cluster c = {0};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_not_equal(slurm_jobs_read(cases[i].answer, &c, &e), 0);
		if (!strstr(e.text, cases[i].why))
			fail_msg("'%s' says '%s'", cases[i].answer, e.text);
	}
	assert_int_not_equal(slurm_jobs_read(hung, &c, &e), 0);
	assert_non_null(strstr(e.text, "Failed while looking for jobs"));
}

/* Documents that are true JSON, and nonsense: nothing of it is taken, and nothing breaks. */
static void test_nonsense(void **state)
{
	static const char *const jobs[] = {
		"{}",
		"{\"jobs\": 5}",
		"{\"jobs\": [null, 5, [], {}, {\"job_id\": \"x\"}]}",
		"{\"jobs\": [{\"job_id\": 1, \"job_state\": 7, \"nodes\": {\"list\": 4}}]}",
		"{\"jobs\": [{\"job_id\": 1, \"job_state\": \"RUNNING\", \"nodes\": \"n[1-99999]\", "
		"\"gres_detail\": [5, null], \"end_time\": 99999999999999999}]}",
		"squeue: error: a plugin complains {\n{\"jobs\": [{\"job_id\": 1, \"job_state\": "
		"[\"RUNNING\"], \"nodes\": \"nowhere\", \"gres_detail\": [\"gpu:200(IDX:0-199)\"]}]}\nrest",
		/* Somebody's name for a job is bytes, which must not hide all others. */
		"{\"jobs\": [{\"job_id\": 1, \"name\": \"a\xff\xe2\", \"comment\": \"\xc0\x80\"}]}",
	};
	AUTO_FREE char *sinfo = read_fixture("24.05-sinfo.json");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
		AUTO(snapshot_clear) struct snapshot s = {0};

		assert_int_equal(slurm_cluster_read(jobs[i], sinfo, &c, NULL), 0);
		slurm_snapshot(&c, NOW_NS, &s);
		assert_int_equal(s.views_count, 12);
	}
}

/* With PrivateData the jobs of others are not told, but what is left of a node is. */
static void test_private(void **state)
{
	AUTO_FREE char *sinfo = read_fixture("24.05-sinfo.json");
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};
	size_t used = 0;

	(void)state;
	assert_int_equal(slurm_cluster_read("{\"jobs\": []}", sinfo, &c, NULL), 0);
	slurm_snapshot(&c, NOW_NS, &s);
	for (size_t i = 0; i < s.views_count; i++)
		used += s.views[i].status == GPU_IN_USE;
	assert_int_equal(used, 7);
	assert_int_equal(s.views[3].status, GPU_AVAILABLE);
}

/* Two jobs that claim one GPU, of which one lies: the first has it, and the state stays sound. */
static void test_twice(void **state)
{
	AUTO_FREE char *sinfo = read_fixture("22.05-sinfo.json");
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO(snapshot_clear) struct snapshot s = {0};
	static const char jobs[] =
		"{\"jobs\": [{\"job_id\": 1, \"job_state\": \"RUNNING\", \"nodes\": \"n3\", \"gres_detail\": "
		"[\"gpu:1(IDX:0)\"]}, {\"job_id\": 2, \"job_state\": \"RUNNING\", \"nodes\": \"n3\", "
		"\"gres_detail\": [\"gpu:2(IDX:0-1)\"]}]}";

	(void)state;
	assert_int_equal(slurm_cluster_read(jobs, sinfo, &c, NULL), 0);
	slurm_snapshot(&c, NOW_NS, &s);
	assert_string_equal(s.views[8].reservation->id, "1");
	assert_string_equal(s.views[9].reservation->id, "2");
	assert_int_equal(s.views[9].reservation->gpus_count, 1);
}

static void test_reasons(void **state)
{
	static const struct {
		const char *reason, *words;
	} cases[] = {
		{"Priority", "jobs with a higher priority"},
		{"DependencyNeverSatisfied",
		 "a job that can no longer end as it was to: it will never start"},
		{"Dependency", "another job to end"},
		{"ReqNodeNotAvail, UnavailableNodes:n3",
		 "nodes that are out of service or reserved"},
		{"QOSMaxGRESPerUser", "a limit on the GPUs of its quality of service"},
		{"SomethingNew", "Slurm (SomethingNew)"},
		{NULL, "the next round of Slurm's scheduler"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *words = slurm_reason(cases[i].reason);

		assert_string_equal(words, cases[i].words);
	}
}

static void test_explain(void **state)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO_FREE char *text = NULL;

	(void)state;
	read_release("23.11", &c);
	assert_int_equal(c.jobs[1].id, 46);
	c.jobs[1].start_ns = NOW_NS + 60 * NS_PER_SECOND;
	text = slurm_explain(&c, &c.jobs[1], NOW_NS);
	assert_non_null(strstr(text, "Job 46 of alice is waiting for 1 GPU in the partition main"));
	assert_non_null(strstr(text, "1 job with 4 GPUs comes before it.\n"));
	assert_non_null(strstr(text, "(Slurm's reason: Priority)"));
	assert_non_null(strstr(text, "in 0h 1m 0s.\n"));
}

/* ---- the report ---- */

static void test_usage(void **state)
{
	char rows[] = "7|1001|alice|1000|4600|cpu=1,gres/gpu=2,node=1\n"
		      "8|1002|bob|1000|Unknown|gres/gpu:a100=1\n"
		      "9|1002|bob|Unknown|Unknown|gres/gpu=4\n"
		      "10|1001|alice|2000|3000|cpu=4\n"
		      "11|1001|alice|1000|2800|gres/gpu=1\n"
		      "sacct: error: something|a|b|c|d|e\n"
		      "12|short\n";
	struct usage u;
	size_t without;

	(void)state;
	usage_init(&u, USAGE_BY_USER, 0, 8200 * NS_PER_SECOND);
	slurm_usage_add(&u, rows, "11\n111\n", 8200 * NS_PER_SECOND, &without);
	usage_finish(&u);
	assert_int_equal(without, 1);
	assert_int_equal(u.rows_count, 2);
	assert_string_equal(u.rows[0].account, "alice");
	assert_int_equal((int)(usage_hours(&u.rows[0].total) * 100 + 0.5), 250);
	assert_int_equal(u.rows[0].total.run_count, 1);
	assert_int_equal(u.rows[0].total.manual_count, 1);
	assert_int_equal((int)(usage_hours(&u.rows[1].total) * 100 + 0.5), 200);
	usage_clear(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),       cmocka_unit_test(test_hosts_bounded),
		cmocka_unit_test(test_gpus),        cmocka_unit_test(test_tres),
		cmocka_unit_test(test_words),       cmocka_unit_test(test_complaint),
		cmocka_unit_test(test_variables),   cmocka_unit_test(test_releases),
		cmocka_unit_test(test_table),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nodes),       cmocka_unit_test(test_nodes_members),
		cmocka_unit_test(test_nodes_newer), cmocka_unit_test(test_nodes_not_asked),
		cmocka_unit_test(test_nonsense),    cmocka_unit_test(test_private),
		cmocka_unit_test(test_twice),       cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_explain),     cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests_name("slurm", tests, NULL, NULL);
}
