/* What `status` shows: a table of GPUs, each with its row of the table and its object of the
 * document; the whole table, and the summary. */
#include "test.h"

#include <locale.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "view/status.h"
#include "view_world.h"

static const char hostile[] = "a\x1b[31mb\x1b]0;title\x07"
			      "c\x7f\rd\n"
			      "e\xe2\x80\xae"
			      "f\xe2\x81\xa6g\xc2\x9bh\xe2\x80\x8bi\xd8\x9cj\xe2\x80\x8ek"
			      "\xe2\x80\xa8l\xef\xbb\xbf<b>&\"\\";
static const char harmless[] = "a\\x1b[31mb\\x1b]0;title\\x07c\\x7f\\x0dd\\x0ae\\u202ef\\u2066g"
			       "\\x9bh\\u200bi\\u061cj\\u200ek\\u2028l\\ufeff<b>&\"\\";

static int set_world(void **state)
{
	(void)state;
	/* Not the zone that times are shown in: the document has UTC in any. */
	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* ---- one GPU after the other ---- */

struct input_process {
	pid_t pid;
	const char *name, *account, *container;
	bool foreign;
};

/* Times in seconds before now; 0: not set. */
struct gpu_case {
	const char *what;
	/* who has it */
	enum { NOBODY, RUN, MANUAL, FOR_EVER } held;
	const char *user, *note;
	int64_t released_ago, drained_ago;
	const char *drained_by;
	bool excluded;
	const char *unreadable;
	int64_t seen_ago, active_ago, idle_for; /* its activity */
	/* what runs there: memory in MB, 0: idle */
	int64_t busy;
	const char *unknown; /* why its use is; "": nobody says */
	bool absent;         /* the driver does not show it */
	struct input_process processes[12];
	const char *model_provider, *model;
	/* what is shown, the document without "gpu_id":0 and "memory_used_mb" */
	const char *row, *json;
};

static const struct gpu_case cases[] = {
	{"free since it was released", .released_ago = 1815,
	 .row = "0|AVAILABLE|-|-|-|-|free for 0h 30m 15s|0MB used",
	 .json = "'status':'AVAILABLE','account':null,'details':'free for 0h 30m 15s','validation':'0MB used',"
		 "'last_released':'2025-07-07T17:56:17Z'"},
	{"never used", .row = "0|AVAILABLE|-|-|-|-|never used|0MB used",
	 .json = "'status':'AVAILABLE','account':null,'details':'never used','validation':'0MB used'"},
	{"a run", RUN, "alice", .busy = 8452, .processes = {{4711, "python3", "alice"}},
	 .model_provider = "meta-llama", .model = "meta-llama/Llama-2-7b-chat-hf",
	 .row = "0|IN_USE|alice|0h 15m 30s|RUN|meta-llama/Llama-2-7b-chat-hf|"
		"heartbeat 0h 0m 5s ago|8452MB, 1 processes",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'RUN',"
		 "'details':'heartbeat 0h 0m 5s ago','validation':'8452MB, 1 processes',"
		 "'model':{'provider':'meta-llama','model':'meta-llama/Llama-2-7b-chat-hf'},"
		 "'start_time':'2025-07-07T18:11:02Z','last_heartbeat':'2025-07-07T18:26:27Z',"
		 "'reservation_id':'id-0'"},
	{"a model without a provider", RUN, "alice", .busy = 8452,
	 .processes = {{4711, "python3", "alice"}}, .model = "gpt2",
	 .row = "0|IN_USE|alice|0h 15m 30s|RUN|gpt2|heartbeat 0h 0m 5s ago|8452MB, 1 processes",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'RUN',"
		 "'details':'heartbeat 0h 0m 5s ago','validation':'8452MB, 1 processes',"
		 "'model':{'provider':'','model':'gpt2'},'start_time':'2025-07-07T18:11:02Z',"
		 "'last_heartbeat':'2025-07-07T18:26:27Z','reservation_id':'id-0'"},
	{"by hand, with a note", MANUAL, "charlie", "tuning run 7",
	 .row = "0|IN_USE|charlie|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s [tuning run 7]|"
		"no usage detected",
	 .json = "'status':'IN_USE','user':'charlie','account':'charlie','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'no usage detected',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'note':'tuning run 7','reservation_id':'id-0'"},
	{"by hand, without an end and with an empty note", FOR_EVER, "charlie", "",
	 .row = "0|IN_USE|charlie|0h 15m 30s|MANUAL|-|does not expire|no usage detected",
	 .json = "'status':'IN_USE','user':'charlie','account':'charlie','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'does not expire','validation':'no usage detected',"
		 "'start_time':'2025-07-07T18:11:02Z','reservation_id':'id-0'"},
	{"it merely holds memory", MANUAL, "alice", .busy = 8452, .processes = {{1, "a", "alice"}},
	 .seen_ago = 5, .active_ago = 7900, .idle_for = 7859,
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|8452MB, 1 processes, idle 2h 10m",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'8452MB, 1 processes, idle 2h 10m',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0','last_active':'2025-07-07T16:14:52Z','idle_seconds':7859"},
	{"idle, and nothing runs", MANUAL, "alice", .seen_ago = 5, .idle_for = 600,
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|no usage detected, idle 0h 10m",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'no usage detected, idle 0h 10m',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0','idle_seconds':600"},
	{"not for long yet", MANUAL, "alice", .seen_ago = 5, .idle_for = 599,
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|no usage detected",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'no usage detected',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0','idle_seconds':599"},
	{"active, as of now", MANUAL, "alice", .busy = 8452, .processes = {{1, "a", "alice"}},
	 .seen_ago = 5, .active_ago = 6,
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|8452MB, 1 processes",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'8452MB, 1 processes',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0','last_active':'2025-07-07T18:26:32Z'"},
	{"nobody has looked since", MANUAL, "alice", .seen_ago = 151, .active_ago = 7900,
	 .idle_for = 7859,
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|no usage detected",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'no usage detected',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0','last_active':'2025-07-07T16:14:52Z'"},
	{"reserved, and used by others", MANUAL, "alice", .busy = 9000,
	 .processes = {{1, "a", "alice"},
		       {99999991, "miner", NULL, NULL, true},
		       {99999992, "m2", "bob", NULL, true},
		       {99999993, "m3", NULL, NULL, true}},
	 .row = "0|IN_USE|alice|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s|9000MB, 4 processes, "
		"not the holder's: users bob and unknown, PID 99999991 (miner), PID 99999992 (m2) "
		"and 1 more",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'9000MB, 4 processes, "
		 "not the holder\"s: users bob and unknown, PID 99999991 (miner), "
		 "PID 99999992 (m2) and 1 more','unreserved_users':['bob','unknown'],"
		 "'process_info':'PID 99999991 (miner), PID 99999992 (m2) and 1 more',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'reservation_id':'id-0'"},
	{"reserved, and its use is unknown", RUN, "alice", .unknown = "the driver is gone",
	 .row = "0|IN_USE|alice|0h 15m 30s|RUN|-|heartbeat 0h 0m 5s ago|"
		"unknown: the driver is gone",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'RUN',"
		 "'details':'heartbeat 0h 0m 5s ago','validation':'unknown: the driver is gone',"
		 "'start_time':'2025-07-07T18:11:02Z','last_heartbeat':'2025-07-07T18:26:27Z',"
		 "'reservation_id':'id-0'"},
	{"reserved, and then out of service", RUN, "alice", .drained_by = "root", .drained_ago = 61,
	 .row = "0|IN_USE|alice|0h 15m 30s|RUN|-|heartbeat 0h 0m 5s ago, then out of service "
		"(drained by root)|no usage detected",
	 .json = "'status':'IN_USE','user':'alice','account':'alice','duration':'0h 15m 30s','type':'RUN',"
		 "'details':'heartbeat 0h 0m 5s ago, then out of service (drained by root)',"
		 "'validation':'no usage detected','start_time':'2025-07-07T18:11:02Z',"
		 "'last_heartbeat':'2025-07-07T18:26:27Z','reservation_id':'id-0',"
		 "'drained_by':'root','drained_at':'2025-07-07T18:25:31Z'"},
	{"used without a reservation, by one", .busy = 1024,
	 .processes = {{12345, "python3", "bob"}, {67890, "jupyter", "bob"}},
	 .model_provider = "mistralai", .model = "mistralai/Mistral-7B-Instruct-v0.1",
	 .row = "0|UNRESERVED|user bob|-|-|mistralai/Mistral-7B-Instruct-v0.1|"
		"1024MB used by PID 12345 (python3), PID 67890 (jupyter)|WITHOUT RESERVATION",
	 .json = "'status':'UNRESERVED','account':null,'details':'WITHOUT RESERVATION',"
		 "'validation':'1024MB used','unreserved_users':['bob'],"
		 "'process_info':'1024MB used by PID 12345 (python3), PID 67890 (jupyter)',"
		 "'model':{'provider':'mistralai','model':'mistralai/Mistral-7B-Instruct-v0.1'}"},
	{"by one process", .busy = 3000, .processes = {{99999991, "p0", "bob"}},
	 .row = "0|UNRESERVED|user bob|-|-|-|3000MB used by PID 99999991 (p0)|"
		"WITHOUT RESERVATION"},
	{"by two accounts and three processes", .busy = 3000,
	 .processes = {{1, "p0", "mary"}, {2, "p1", "bob"}, {3, "p2", "bob"}},
	 .row = "0|UNRESERVED|users bob and mary|-|-|-|3000MB used by PID 1 (p0), PID 2 (p1) "
		"and 1 more|WITHOUT RESERVATION"},
	{"by three accounts and four processes", .busy = 2048,
	 .processes = {{12345, "python3", "charlie"},
		       {23456, "pytorch", "alice"},
		       {3, "x", "bob"},
		       {4, "y", "bob"}},
	 .row = "0|UNRESERVED|users alice, bob and charlie|-|-|-|2048MB used by "
		"PID 12345 (python3), PID 23456 (pytorch) and 2 more|WITHOUT RESERVATION",
	 .json = "'status':'UNRESERVED','account':null,'details':'WITHOUT RESERVATION',"
		 "'validation':'2048MB used','unreserved_users':['alice','bob','charlie'],"
		 "'process_info':'2048MB used by PID 12345 (python3), PID 23456 (pytorch) "
		 "and 2 more'"},
	{"by twelve processes", .busy = 3000,
	 .processes = {{1, "a"},
		       {2, "b"},
		       {3, "c"},
		       {4, "d"},
		       {5, "e"},
		       {6, "f"},
		       {7, "g"},
		       {8, "h"},
		       {9, "i"},
		       {10, "j"},
		       {11, "k"},
		       {12, "l"}},
	 .row = "0|UNRESERVED|user unknown|-|-|-|3000MB used by PID 1 (a), PID 2 (b) and 10 more|"
		"WITHOUT RESERVATION"},
	{"by nobody to see", .busy = 5000, .released_ago = 10,
	 .row = "0|UNRESERVED|user unknown|-|-|-|5000MB used by unknown processes|"
		"WITHOUT RESERVATION",
	 .json = "'status':'UNRESERVED','account':null,'details':'WITHOUT RESERVATION',"
		 "'validation':'5000MB used','unreserved_users':['unknown'],"
		 "'process_info':'5000MB used by unknown processes',"
		 "'last_released':'2025-07-07T18:26:22Z'"},
	{"a name and a pid that are not known", .busy = 5000, .processes = {{0}, {99999991}},
	 .row = "0|UNRESERVED|user unknown|-|-|-|5000MB used by PID unknown (unknown), "
		"PID 99999991 (unknown)|WITHOUT RESERVATION"},
	{"memory that is not known, with a process on it", .busy = -1,
	 .processes = {{99999991, "x", "bob"}},
	 .row = "0|UNRESERVED|user bob|-|-|-|unknown MB used by PID 99999991 (x)|"
		"WITHOUT RESERVATION"},
	{"in a container", .busy = 9000, .processes = {{4711, "sleep", "bob", "000000000000"}},
	 .row = "0|UNRESERVED|user bob|-|-|-|9000MB used by PID 4711 (sleep in container "
		"000000000000)|WITHOUT RESERVATION"},
	{"drained", .drained_by = "root", .drained_ago = 3661,
	 .row = "0|DRAINED|-|-|-|-|drained by root 1h 1m 1s ago|0MB used",
	 .json = "'status':'DRAINED','account':null,'details':'drained by root 1h 1m 1s ago',"
		 "'validation':'0MB used','drained_by':'root',"
		 "'drained_at':'2025-07-07T17:25:31Z'"},
	{"drained, and nobody can tell when", .drained_by = "unknown",
	 .row = "0|DRAINED|-|-|-|-|drained by unknown|0MB used"},
	{"drained, and somebody works on it", .drained_by = "root", .drained_ago = 61, .busy = 300,
	 .processes = {{4711, "gpu-burn", "root"}},
	 .row = "0|DRAINED|-|-|-|-|drained by root 0h 1m 1s ago|300MB used by "
		"PID 4711 (gpu-burn)"},
	{"drained, and its use is unknown", .drained_by = "root", .drained_ago = 61,
	 .unknown = "it fell off the bus",
	 .row = "0|DRAINED|-|-|-|-|drained by root 0h 1m 1s ago|unknown: it fell off the bus"},
	{"kept out by the configuration", .excluded = true,
	 .row = "0|DRAINED|-|-|-|-|kept out by pool.exclude|0MB used",
	 .json = "'status':'DRAINED','account':null,'details':'kept out by pool.exclude',"
		 "'validation':'0MB used','excluded':true"},
	{"its use is unknown", .unknown = "row cannot be read: [N/A]",
	 .row = "0|ERROR|-|-|-|-|-|unknown: row cannot be read: [N/A]",
	 .json = "'status':'ERROR','account':null,'validation':'unknown: row cannot be read: [N/A]',"
		 "'error':'row cannot be read: [N/A]'"},
	{"its use is unknown, and nobody says why", .unknown = "",
	 .row = "0|ERROR|-|-|-|-|-|unknown: no answer",
	 .json = "'status':'ERROR','account':null,'validation':'unknown: no answer','error':'no answer'"},
	{"the driver does not show it", .unknown = "the driver does not show it", .absent = true,
	 .row = "0|ERROR|-|-|-|-|-|unknown: the driver does not show it",
	 .json = "'status':'ERROR','account':null,'validation':'unknown: the driver does not show it',"
		 "'error':'the driver does not show it'"},
	{"its stored state cannot be read", .unreadable = "not JSON",
	 .row = "0|ERROR|-|-|-|-|-|unknown: not JSON",
	 .json = "'status':'ERROR','account':null,'validation':'unknown: not JSON','error':'not JSON'"},
	{"other scripts stay readable", MANUAL, "J\xc3\xb6rg",
	 "gr\xc3\xb6\xc3\x9f"
	 "e \xe8\xae\xad\xe7\xbb\x83",
	 .row = "0|IN_USE|J\xc3\xb6rg|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s [gr\xc3\xb6\xc3\x9f"
		"e \xe8\xae\xad\xe7\xbb\x83]|no usage detected"},
	{"no UTF-8", MANUAL, "x",
	 "gr\xfc\xdf"
	 "e \xc0\x80",
	 .row = "0|IN_USE|x|0h 15m 30s|MANUAL|-|expires in 3h 15m 45s [gr\\xfc\\xdf"
		"e \\xc0\\x80]|no usage detected",
	 .json = "'status':'IN_USE','user':'x','account':'x','duration':'0h 15m 30s','type':'MANUAL',"
		 "'details':'expires in 3h 15m 45s','validation':'no usage detected',"
		 "'start_time':'2025-07-07T18:11:02Z','expiry_time':'2025-07-07T21:42:17Z',"
		 "'note':'gr\xef\xbf\xbd\xef\xbf\xbd"
		 "e \xef\xbf\xbd\xef\xbf\xbd','reservation_id':'id-0'"},
};

static void set_holder(struct snapshot *s, const struct gpu_case *c)
{
	enum reservation_type type = c->held == RUN ? RESERVATION_RUN : RESERVATION_MANUAL;
	struct reservation *r;

	if (c->held == NOBODY)
		return;
	r = world_reserve(s, type, c->user, 0, 1);
	r->note = mem_strdup(c->note);
	if (c->held == FOR_EVER)
		r->expiry_ns = TIME_NONE;
}

static void set_slot(struct snapshot *s, const struct gpu_case *c)
{
	struct slot *slot = &s->state.slots[0];

	slot->last_released_ns = c->released_ago ? NOW - S(c->released_ago) : TIME_NONE;
	slot->drained_by = mem_strdup(c->drained_by);
	slot->drained_ns = c->drained_ago ? NOW - S(c->drained_ago) : TIME_NONE;
	slot->problem = mem_strdup(c->unreadable);
	slot->activity.seen_ns = c->seen_ago ? NOW - S(c->seen_ago) : TIME_NONE;
	slot->activity.last_active_ns = c->active_ago ? NOW - S(c->active_ago) : TIME_NONE;
	slot->activity.idle_since_ns = c->idle_for ? NOW - S(c->idle_for) : TIME_NONE;
	if (c->excluded) {
		s->policy.excluded = mem_alloc(1, sizeof(int));
		s->policy.excluded_count = 1;
	}
}

static void set_card(struct snapshot *s, const struct gpu_case *c)
{
	if (c->busy)
		world_busy(s, 0, c->busy);
	if (c->busy < 0)
		world_gpu(s, 0)->memory_used_mb.known = false;
	if (c->unknown)
		world_unknown(s, 0, *c->unknown ? c->unknown : NULL);
	if (c->absent)
		s->seen.gpus[0] = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(c->processes); i++) {
		const struct input_process *in = &c->processes[i];
		struct process *p;

		if (!in->pid && !in->name && i + 1 < ARRAY_SIZE(c->processes) &&
		    !c->processes[i + 1].pid)
			break;
		if (!in->pid && !in->name && i)
			break;
		p = world_process(s, 0, in->pid, in->name, in->account);
		p->container = mem_strdup(in->container);
		p->foreign = in->foreign;
	}
}

/* What is expected of the document, with quotes as JSON has them; the caller frees it. */
static char *expected_json(const struct snapshot *s, const char *members)
{
	const struct gpu *gpu = s->seen.gpus[0];
	const char *at = strstr(members, ",'start_time'");
	char *text, memory[64] = "";

	/* The card stands between what is told of the GPU and of its reservation. */
	for (const char *const *next = (const char *const[]){",'last_released'", ",'drained_by'",
							     ",'excluded'", ",'error'", NULL};
	     !at && *next; next++)
		at = strstr(members, *next);
	if (!at)
		at = members + strlen(members);
	if (gpu && gpu->memory_used_mb.known)
		snprintf(memory, sizeof(memory), ",'memory_used_mb':%lld",
			 (long long)gpu->memory_used_mb.value);
	text = mem_printf("{'gpu_id':0,%.*s%s%s}", (int)(at - members), members, memory, at);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p == '"' ? '\'' : *p;
	return text;
}

static void test_gpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct gpu_case *c = &cases[i];
		AUTO(world_close) struct snapshot s;
		AUTO(table_freep) struct table *table = NULL;
		AUTO_FREE char *row = NULL, *json = NULL, *expected = NULL;
		json_t *document;

		world_open(&s, 1);
		set_holder(&s, c);
		set_slot(&s, c);
		set_card(&s, c);
		world_show(&s);
		s.views[0].model.provider = mem_strdup(c->model_provider);
		s.views[0].model.model = mem_strdup(c->model);
		table = view_status_table(&s);
		document = view_status_json(&s);
		json_object_del(json_array_get(document, 0), "processes"); /* test_processes */
		json = world_json(document, 0);
		if (c->json)
			expected = expected_json(&s, c->json);
		/* Nothing of what is shown lies in the snapshot. */
		world_close(&s);
		row = world_row(table, 0);
		if (strcmp(row, c->row) != 0)
			fail_msg("%s:\n%s\nexpected\n%s", c->what, row, c->row);
		if (expected && strcmp(json, expected) != 0)
			fail_msg("%s:\n%s\nexpected\n%s", c->what, json, expected);
	}
}

/* ---- what the table of cases has no columns for ---- */

static void test_card(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *all = NULL, *nothing = NULL, *absent = NULL;
	struct gpu *gpu;

	(void)state;
	world_open(&s, 3);
	gpu = world_gpu(&s, 0);
	gpu->name = mem_strdup("NVIDIA H100");
	gpu->memory_used_mb = quantity_of(1000);
	gpu->memory_total_mb = quantity_of(24000);
	gpu->utilization_percent = quantity_of(97);
	gpu->temperature_c = quantity_of(61);
	gpu->power_mw = quantity_of(312500);
	gpu->power_limit_mw = quantity_of(350000);
	gpu->device_minor = quantity_of(2);
	world_gpu(&s, 1)->memory_used_mb = (struct quantity){0};
	s.seen.gpus[2] = NULL;
	world_show(&s);
	all = world_json(view_status_json(&s), 0);
	assert_string_equal(
		all,
		"{\"gpu_id\":0,\"status\":\"AVAILABLE\",\"account\":null,\"details\":\"never used\","
		"\"validation\":\"1000MB used\",\"gpu_model\":\"NVIDIA H100\","
		"\"device_minor\":2,\"memory_used_mb\":1000,\"memory_total_mb\":24000,"
		"\"utilization_percent\":97,\"temperature_c\":61,"
		"\"power_mw\":312500,\"power_limit_mw\":350000}");
	nothing = world_json(view_status_json(&s), 1);
	assert_string_equal(nothing,
			    "{\"gpu_id\":1,\"status\":\"AVAILABLE\",\"account\":null,\"details\":"
			    "\"never used\",\"validation\":\"unknown MB used\"}");
	absent = world_json(view_status_json(&s), 2);
	assert_string_equal(absent,
			    "{\"gpu_id\":2,\"status\":\"AVAILABLE\",\"account\":null,\"details\":"
			    "\"never used\"}");
}

/* Cards that are in order, all but; and one whose memory is the system's. */
static void test_health(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *faulty = NULL, *held = NULL, *warned = NULL, *shared = NULL, *json = NULL;
	AUTO_FREE char *summary = NULL;

	(void)state;
	world_open(&s, 4);
	world_reserve(&s, RESERVATION_RUN, "alice", 1, 1);
	for (int i = 0; i < 2; i++) {
		world_gpu(&s, i)->health = HEALTH_FAULTY;
		world_gpu(&s, i)->health_reason = mem_strdup("it needs a reset");
		world_unknown(&s, i, "it needs a reset");
		s.seen.use[i] = USE_FAULTY;
	}
	world_gpu(&s, 2)->health = HEALTH_WARNING;
	world_gpu(&s, 2)->health_reason = mem_strdup("its infoROM is corrupted");
	world_gpu(&s, 3)->memory_shared = true;
	world_show(&s);
	table = view_status_table(&s);
	faulty = world_row(table, 0);
	assert_string_equal(faulty, "0|ERROR|-|-|-|-|-|faulty: it needs a reset");
	held = world_row(table, 1);
	assert_string_equal(held, "1|IN_USE|alice|0h 15m 30s|RUN|-|heartbeat 0h 0m 5s ago|"
				  "faulty: it needs a reset");
	warned = world_row(table, 2);
	assert_string_equal(warned, "2|AVAILABLE|-|-|-|-|never used|0MB used");
	shared = world_row(table, 3);
	assert_string_equal(shared, "3|AVAILABLE|-|-|-|-|never used|0MB of shared memory used");
	json = world_json(view_status_json(&s), 0);
	assert_string_equal(
		json,
		"{\"gpu_id\":0,\"status\":\"ERROR\",\"account\":null,\"validation\":\"faulty: it "
		"needs a reset\",\"health\":\"faulty\",\"health_reason\":\"it "
		"needs a reset\",\"error\":\"it needs a reset\"}");
	summary = view_status_summary(&s);
	assert_non_null(strstr(summary, "Faulty: 1 GPU\n"));
	assert_null(strstr(summary, "Unknown usage"));
}

/* Who is in the way, for how long, and what an administrator has said about it. */
static void test_processes(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *stale = NULL, *forgiven = NULL, *json = NULL;
	struct process *p;

	(void)state;
	world_open(&s, 2);
	world_busy(&s, 0, 1612);
	world_gpu(&s, 0)->utilization_percent = quantity_of(0);
	p = world_process(&s, 0, 4242, "python3", "bob");
	p->started_ns = NOW - HMS(51, 20, 0);
	p->memory_mb = quantity_of(1600);
	world_process(&s, 0, 4343, "sh", "bob")->started_ns = NOW - S(3);
	world_busy(&s, 1, 612);
	s.seen.use[1] = USE_IDLE;
	p = world_process(&s, 1, 4242, "python3", "bob");
	p->ignored_by = mem_strdup("root");
	p->forgiven_mb = 600;
	world_show(&s);
	table = view_status_table(&s);
	stale = world_row(table, 0);
	assert_string_equal(stale, "0|UNRESERVED|user bob|-|-|-|1612MB used by PID 4242 (python3), "
				   "PID 4343 (sh), for 51h 20m 0s, GPU 0% busy|"
				   "WITHOUT RESERVATION");
	forgiven = world_row(table, 1);
	assert_string_equal(forgiven, "1|AVAILABLE|-|-|-|-|never used|"
				      "612MB used, 600MB ignored (PID 4242)");
	json = world_json(view_status_json(&s), 0);
	assert_non_null(strstr(json, "\"process_info\":\"1612MB used by PID 4242 (python3), PID "
				     "4343 (sh)\""));
	assert_non_null(strstr(json, "\"processes\":[{\"pid\":4242,\"name\":\"python3\","
				     "\"account\":\"bob\",\"memory_mb\":1600,"
				     "\"started_at\":\"2025-07-05T15:06:32Z\"},"));
}

/* Who is ignored is not named as one that uses a GPU, unless it has taken more since. */
static void test_ignored(void **state)
{
	static const struct {
		int64_t memory_mb;
		const char *info;
	} answers[] = {
		{600, "3600MB used by PID 4343 (train)"},
		{900, "3600MB used by PID 4242 (stale), PID 4343 (train)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO(world_close) struct snapshot s;
		AUTO_FREE char *json = NULL;
		struct process *p;

		world_open(&s, 1);
		world_busy(&s, 0, 3600);
		p = world_process(&s, 0, 4242, "stale", "bob");
		p->ignored_by = mem_strdup("root");
		p->memory_mb = quantity_of(answers[i].memory_mb);
		p->forgiven_mb = 600;
		world_process(&s, 0, 4343, "train", "mary");
		world_show(&s);
		json = world_json(view_status_json(&s), 0);
		if (!strstr(json, answers[i].info))
			fail_msg("case %zu: %s", i, json);
		assert_non_null(strstr(json, i ? "[\"bob\",\"mary\"]" : "[\"mary\"]"));
		assert_non_null(strstr(json, "3600MB used, 600MB ignored (PID 4242)"));
	}
}

/* Everybody's text in every place that it can come from. */
static void test_hostile(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *details = NULL, *used = NULL;
	json_t *document;

	(void)state;
	world_open(&s, 3);
	world_reserve(&s, RESERVATION_MANUAL, hostile, 0, 1)->note = mem_strdup(hostile);
	world_busy(&s, 1, 5000);
	world_process(&s, 1, 99999991, hostile, hostile)->container = mem_strdup(hostile);
	world_unknown(&s, 2, hostile);
	world_show(&s);
	s.views[1].model.model = mem_strdup(hostile);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 0, 2), harmless);
	details = mem_printf("expires in 3h 15m 45s [%s]", harmless);
	assert_string_equal(table_cell(table, 0, 6), details);
	assert_string_equal(table_cell(table, 1, 5), harmless);
	used = mem_printf("5000MB used by PID 99999991 (%s in container %s)", harmless, harmless);
	assert_string_equal(table_cell(table, 1, 6), used);
	assert_string_equal(table_cell(table, 2, 7) + strlen("unknown: "), harmless);
	/* The document has it as it is. */
	document = view_status_json(&s);
	assert_string_equal(json_string_value(json_object_get(json_array_get(document, 0), "note")),
			    hostile);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(document, 2), "error")), hostile);
	json_decref(document);
}

static void test_collected(void **state)
{
	static const char expected[] =
		"3|IN_USE|bob|0h 15m 30s|RUN|-|collected for request 00000001 (2/4) [big one]|";
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *idle = NULL, *busy = NULL, *json = NULL, *orphan = NULL;

	(void)state;
	world_open(&s, 5);
	world_wait(&s, "bob", 4);
	world_collect(&s, 0, 2);
	world_collect(&s, 0, 3);
	s.state.slots[3].reservation->note = mem_strdup("big one");
	/* Its request is gone: nobody has given it back yet. */
	world_reserve(&s, RESERVATION_RUN, "carol", 4, 1)->queue_id =
		mem_strdup("abcdefgh-0000-4000-8000-000000000000");
	world_busy(&s, 2, 3000);
	world_process(&s, 2, 99999991, "stranger", NULL)->foreign = true;
	world_show(&s);
	table = view_status_table(&s);
	idle = world_row(table, 3);
	assert_true(!strncmp(idle, expected, strlen(expected)));
	assert_string_equal(idle + strlen(expected), "-"); /* nobody is expected to use it yet */
	busy = world_row(table, 2);
	assert_string_equal(busy, "2|IN_USE|bob|0h 15m 30s|RUN|-|collected for request 00000001 "
				  "(2/4)|3000MB, 1 processes, not the holder's: user unknown, "
				  "PID 99999991 (stranger)");
	orphan = world_row(table, 4);
	assert_string_equal(orphan, "4|IN_USE|carol|0h 15m 30s|RUN|-|collected for request "
				    "abcdefgh|-");
	json = world_json(view_status_json(&s), 3);
	assert_non_null(strstr(json, "\"queue_id\":\"00000001-0000-4000-8000-000000000000\""));
	assert_null(strstr(json, "validation"));
}

/* ---- the whole table ---- */

/* The example of the specification. */
static void set_example(struct snapshot *s)
{
	world_open(s, 5);
	s->state.slots[0].last_released_ns = NOW - HMS(0, 30, 15);
	world_gpu(s, 0)->memory_used_mb = quantity_of(45);
	world_reserve(s, RESERVATION_RUN, "alice", 1, 1);
	world_busy(s, 1, 8452);
	world_process(s, 1, 4711, "python3", "alice");
	world_busy(s, 2, 1024);
	world_process(s, 2, 12345, "python3", "bob");
	world_process(s, 2, 67890, "jupyter", "bob");
	world_reserve(s, RESERVATION_MANUAL, "charlie", 3, 1)->start_ns = NOW - HMS(1, 2, 15);
	world_busy(s, 4, 2048);
	world_process(s, 4, 12345, "python3", "charlie");
	world_process(s, 4, 23456, "pytorch", "alice");
	world_process(s, 4, 5, "x", "bob");
	world_process(s, 4, 6, "y", "bob");
	world_show(s);
	s->views[1].model.model = mem_strdup("meta-llama/Llama-2-7b-chat-hf");
	s->views[2].model.model = mem_strdup("mistralai/Mistral-7B-Instruct-v0.1");
	s->views[4].model.model = mem_strdup("meta-llama/Meta-Llama-3-8B-Instruct");
}

static void test_example(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;

	(void)state;
	set_example(&s);
	text = world_print(view_status_table(&s), 0);
	assert_string_equal(
		text,
		"GPU  STATUS      USER                          DURATION    TYPE    "
		"MODEL                                DETAILS                                   "
		"                          VALIDATION\n"
		"---  ------      ----                          --------    ----    "
		"-----                                -------                                   "
		"                          ----------\n"
		"0    AVAILABLE   -                             -           -       "
		"-                                    free for 0h 30m 15s                       "
		"                          45MB used\n"
		"1    IN_USE      alice                         0h 15m 30s  RUN     "
		"meta-llama/Llama-2-7b-chat-hf        heartbeat 0h 0m 5s ago                    "
		"                          8452MB, 1 processes\n"
		"2    UNRESERVED  user bob                      -           -       "
		"mistralai/Mistral-7B-Instruct-v0.1   1024MB used by PID 12345 (python3), "
		"PID 67890 (jupyter)             WITHOUT RESERVATION\n"
		"3    IN_USE      charlie                       1h 2m 15s   MANUAL  "
		"-                                    expires in 3h 15m 45s                     "
		"                          no usage detected\n"
		"4    UNRESERVED  users alice, bob and charlie  -           -       "
		"meta-llama/Meta-Llama-3-8B-Instruct  2048MB used by PID 12345 (python3), "
		"PID 23456 (pytorch) and 2 more  WITHOUT RESERVATION\n");
	assert_null(strstr(text, " \n"));
}

/* How often a text is in another. */
static int occurrences(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* What the monitoring scripts of the specification look for. */
static void test_counting(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;

	(void)state;
	set_example(&s);
	text = world_print(view_status_table(&s), 0);
	assert_int_equal(occurrences(text, "AVAILABLE"), 1);
	assert_int_equal(occurrences(text, "WITHOUT RESERVATION"), 2);
}

static void test_nothing(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL, *json = NULL, *summary = NULL;

	(void)state;
	world_open(&s, 0);
	world_show(&s);
	text = world_print(view_status_table(&s), 0);
	assert_string_equal(text,
			    "GPU  STATUS  USER  DURATION  TYPE  MODEL  DETAILS  VALIDATION\n"
			    "---  ------  ----  --------  ----  -----  -------  ----------\n");
	json = world_json(view_status_json(&s), -1);
	assert_string_equal(json, "[]");
	summary = view_status_summary(&s);
	assert_string_equal(summary, "Available GPUs: 0 out of 0\n"
				     "In use with reservations: 0 GPUs\n"
				     "Unreserved usage: 0 GPUs\n");
}

/* ---- when it ends ---- */

/* ' stands for ". The caller frees it. */
static char *in_quotes(const char *text)
{
	char *quoted = mem_strdup(text);

	for (char *c = quoted; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return quoted;
}

/* What the table says of a run, and the document. */
static void test_ends(void **state)
{
	static const struct {
		enum end_basis basis;
		int64_t end_in, heartbeat_ago; /* seconds */
		const char *note, *details, *json;
	} ends[] = {
		{END_BASIS_NONE, 0, 5, NULL, "heartbeat 0h 0m 5s ago", ""},
		{END_BASIS_LIMIT, 6720, 5, NULL, "ends in 1h 52m, heartbeat 0h 0m 5s ago",
		 "'ends_at':'2025-07-07T20:18:32Z','ends_at_estimated':false"},
		{END_BASIS_LIMIT, 59, 5, "a note",
		 "ends in less than a minute, heartbeat 0h 0m 5s ago [a note]",
		 "'ends_at':'2025-07-07T18:27:31Z','ends_at_estimated':false"},
		{END_BASIS_LIMIT, -3, 5, NULL, "its time limit was reached, heartbeat 0h 0m 5s ago",
		 "'ends_at':'2025-07-07T18:26:29Z','ends_at_estimated':false"},
		{END_BASIS_PAST, 10800, 120, NULL, "about 3h left, heartbeat 0h 2m 0s ago",
		 "'ends_at':'2025-07-07T21:27:00Z','ends_at_estimated':true"},
		{END_BASIS_PAST, 100 * 3600, 5, NULL, "about 4d 4h left, heartbeat 0h 0m 5s ago",
		 "'ends_at':'2025-07-11T22:27:00Z','ends_at_estimated':true"},
		{END_BASIS_PAST, 30, 5, NULL, "less than a minute left, heartbeat 0h 0m 5s ago",
		 "'ends_at':'2025-07-07T18:28:00Z','ends_at_estimated':true"},
		/* A late heartbeat is what matters most. */
		{END_BASIS_LIMIT, 6720, 270, NULL, "heartbeat 0h 4m 30s ago, ends in 1h 52m",
		 "'ends_at':'2025-07-07T20:18:32Z','ends_at_estimated':false"},
		{END_BASIS_ENDED, 0, 5, NULL, "its command has ended, heartbeat 0h 0m 5s ago",
		 "'ends_at':'2025-07-07T18:27:00Z','ends_at_estimated':true"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		AUTO(world_close) struct snapshot s;
		AUTO(table_freep) struct table *table = NULL;
		AUTO_FREE char *expected = in_quotes(ends[i].json), *json = NULL;
		struct reservation *r;

		world_open(&s, 1);
		r = world_reserve(&s, RESERVATION_RUN, "alice", 0, 1);
		r->heartbeat_ns = NOW - S(ends[i].heartbeat_ago);
		r->note = mem_strdup(ends[i].note);
		world_show(&s);
		if (ends[i].basis != END_BASIS_NONE)
			world_ends(&s, r, ends[i].basis, NOW + S(ends[i].end_in));
		table = view_status_table(&s);
		assert_string_equal(table_cell(table, 0, 6), ends[i].details);
		json = world_json(view_status_json(&s), 0);
		if (!strstr(json, expected) || (!*expected && strstr(json, "ends_at")))
			fail_msg("%s\nwithout\n%s", json, expected);
		/* As the specification has it, whatever else is known. */
		assert_non_null(strstr(json, "\"details\":\"heartbeat 0h "));
	}
}

/* By hand: it is no estimate, and the text is that of the specification. */
static void test_end_of_manual(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *json = NULL;
	struct reservation *r;

	(void)state;
	world_open(&s, 1);
	r = world_reserve(&s, RESERVATION_MANUAL, "alice", 0, 1);
	world_show(&s);
	world_ends(&s, r, END_BASIS_EXPIRY, r->expiry_ns);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 0, 6), "expires in 3h 15m 45s");
	json = world_json(view_status_json(&s), 0);
	assert_non_null(strstr(json, "\"ends_at\":\"2025-07-07T21:42:17Z\",\"ends_at_estimated\":"
				     "false"));
}

/* Whatever somebody calls himself, the account stands beside it. */
static void test_display_name(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *json = NULL, *line = NULL;
	struct reservation *r;

	(void)state;
	world_open(&s, 2);
	mem_replace(&world_reserve(&s, RESERVATION_MANUAL, "bob", 0, 1)->user, "alice");
	mem_replace(&world_reserve(&s, RESERVATION_MANUAL, "bob", 1, 1)->account, NULL);
	world_show(&s);
	r = s.state.reservations[0];
	world_ends(&s, r, END_BASIS_EXPIRY, r->expiry_ns);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 0, 2), "alice (bob)");
	assert_string_equal(table_cell(table, 1, 2), "bob");
	json = world_json(view_status_json(&s), 0);
	assert_non_null(strstr(json, "\"user\":\"alice\",\"account\":\"bob\""));
	line = view_status_line(&s);
	assert_non_null(strstr(line, "(GPU 0, alice (bob))"));
}

/* ---- the summary ---- */

/* The line at the end: how many, who waits, and when the next one is free. */
static void test_line(void **state)
{
	static const struct {
		int held, waiting; /* of four GPUs */
		int64_t end_in;    /* minutes, of the second holder; 0: unknown */
		const char *expected;
	} lines[] = {
		{0, 0, 0, "4 of 4 available\n"},
		{0, 1, 0, "4 of 4 available; 1 request waits\n"},
		{1, 0, 0, "3 of 4 available; when the next one is free is unknown\n"},
		{2, 2, 44,
		 "2 of 4 available; 2 requests wait; next free about 00:40 (GPU 1, bob)\n"},
		{2, 0, -1440, "2 of 4 available; next free about 2025-07-06 23:56 (GPU 1, bob)\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO(world_close) struct snapshot s;
		AUTO_FREE char *line = NULL;

		world_open(&s, 4);
		for (int gpu = 0; gpu < lines[i].held; gpu++)
			world_reserve(&s, RESERVATION_RUN, gpu ? "bob" : "alice", gpu, 1);
		for (int k = 0; k < lines[i].waiting; k++)
			world_wait(&s, "carol", 4);
		world_show(&s);
		if (lines[i].end_in)
			world_ends(&s, s.state.reservations[1], END_BASIS_LIMIT,
				   NOW + S(60 * lines[i].end_in));
		line = view_status_line(&s);
		assert_string_equal(line, lines[i].expected);
	}
}

static void test_summary(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;

	(void)state;
	world_open(&s, 8);
	world_reserve(&s, RESERVATION_RUN, "alice", 0, 4);
	world_busy(&s, 6, 2000);
	world_busy(&s, 7, 2000);
	world_show(&s);
	text = view_status_summary(&s);
	assert_string_equal(text, "Available GPUs: 2 out of 8\n"
				  "In use with reservations: 4 GPUs\n"
				  "Unreserved usage: 2 GPUs\n"
				  "Unknown model: 2 available out of 8, 4 in use, 2 unreserved\n");
}

static void test_summary_of_everything(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;

	(void)state;
	world_open(&s, 6);
	for (int id = 0; id < 6; id++)
		world_gpu(&s, id)->name = mem_strdup(id % 2 ? "NVIDIA A100" : "NVIDIA H100");
	world_wait(&s, "bob", 4);
	world_collect(&s, 0, 1);
	world_reserve(&s, RESERVATION_MANUAL, "alice", 2, 1);
	s.state.slots[3].drained_by = mem_strdup("root");
	world_unknown(&s, 4, "lost");
	world_busy(&s, 5, 7);
	world_show(&s);
	text = view_status_summary(&s);
	assert_string_equal(text,
			    "Available GPUs: 1 out of 6\n"
			    "In use with reservations: 2 GPUs\n"
			    "Unreserved usage: 1 GPUs\n"
			    "Out of service: 1 GPU\n"
			    "Unknown usage: 1 GPU\n"
			    "Collected for waiting requests: 1 GPU of those in use\n"
			    "NVIDIA H100: 1 available out of 3, 1 in use, 0 unreserved, 1 unknown\n"
			    "NVIDIA A100: 0 available out of 3, 1 in use, 1 unreserved, "
			    "1 out of service\n");
}

static void test_summary_hostile(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;

	(void)state;
	world_open(&s, 1);
	world_gpu(&s, 0)->name = mem_strdup("x\x1b[31m\nAvailable GPUs: 9");
	world_show(&s);
	text = view_status_summary(&s);
	assert_non_null(strstr(text, "\nx\\x1b[31m\\x0aAvailable GPUs: 9: 1 available out of 1, "
				     "0 in use, 0 unreserved\n"));
}

/* A locale that lacks the characters: question marks of their width. The last test: it changes the
   locale. */
static void test_ascii(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;

	(void)state;
	setlocale(LC_CTYPE, "C");
	setenv("LC_ALL", "C", 1);
	world_open(&s, 1);
	world_reserve(&s, RESERVATION_MANUAL, "x", 0, 1)->note =
		mem_strdup("gr\xc3\xb6\xc3\x9f"
			   "e \xe8\xae\xad\xe7\xbb\x83 \xf0\x9f\x98\x80 e\xcc\x81\xff");
	world_show(&s);
	table = view_status_table(&s);
	assert_string_equal(table_cell(table, 0, 6),
			    "expires in 3h 15m 45s [gr??e ???? ?? e\\xff]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gpus),
		cmocka_unit_test(test_card),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_collected),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_end_of_manual),
		cmocka_unit_test(test_display_name),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_summary_of_everything),
		cmocka_unit_test(test_summary_hostile),
		cmocka_unit_test(test_ascii),
	};

	return cmocka_run_group_tests(tests, set_world, NULL);
}
