/* The schedule of the simulation, and its history; see demo.h. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "web/demo.h"

const struct demo_lane demo_lanes[] = {
	{{0, 1}, 2, RESERVATION_RUN, 5400, 100, 0},
	{{2}, 1, RESERVATION_MANUAL, 14400, 100, 0},
	{{3}, 1, RESERVATION_RUN, 300, 75, 0},
	{{4}, 1, RESERVATION_RUN, 420, 80, 0},
	{{5}, 1, RESERVATION_RUN, 7200, 100, 3 * 3600},
	{{6}, 1, RESERVATION_MANUAL, 10800, 100, 3600},
	{{7}, 1, RESERVATION_RUN, 3600, 100, 5400},
};
const size_t demo_lanes_count = ARRAY_SIZE(demo_lanes);

static const char *const users[] = {"alice", "bob", "carol", "dana", "erik", "mei"};

static const struct work {
	const char *provider, *model, *note;
} works[] = {
	{"meta-llama", "meta-llama/Llama-3.1-8B-Instruct", "fine-tuning"},
	{"mistralai", "mistralai/Mistral-7B-Instruct-v0.3", NULL},
	{"Qwen", "Qwen/Qwen2.5-14B-Instruct", "evaluation, run 3"},
	{"google", "google/gemma-2-9b-it", NULL},
	{"openai", "openai/whisper-large-v3", "transcripts of the spring meeting"},
	{NULL, NULL, "ablation study, please ask before you stop it"},
};

uint64_t demo_random(uint64_t a, uint64_t b)
{
	uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xd1b54a32d192ed03) + 1;

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

const char *demo_user(uint64_t number)
{
	return users[number % ARRAY_SIZE(users)];
}

bool demo_gpu_is_wanted(int gpu)
{
	int place = gpu % DEMO_GPUS;

	/* Those with short jobs would be free soon. */
	return gpu / DEMO_GPUS % 2 == 0 && place != 3 && place != 4;
}

int demo_lane_gpus(const struct demo_lane *lane, int set, int gpus)
{
	int count = 0;

	while (count < lane->gpus_count && set * DEMO_GPUS + lane->gpus[count] < gpus)
		count++;
	return count;
}

/* How long no job has been on a lane. */
static int64_t quiet_ns(const struct demo_lane *lane, int set)
{
	return set ? 0 : lane->quiet_s * NS_PER_SECOND;
}

void demo_job(const struct demo_lane *lane, int set, int64_t number, struct demo_job *ret_job)
{
	uint64_t lane_number = (uint64_t)(lane - demo_lanes) + (uint64_t)set * demo_lanes_count;
	uint64_t random = demo_random(lane_number, (uint64_t)number);
	const struct work *work = &works[random / 7 % ARRAY_SIZE(works)];
	int64_t cycle_ns = lane->cycle_s * NS_PER_SECOND;
	/* From 60 to 100 percent of what it may last; longer where many have to share, and all the
	   time where more wait than have. */
	bool wanted = demo_gpu_is_wanted(set * DEMO_GPUS + lane->gpus[0]);
	int busy = wanted ? 100 : set ? 99 : lane->busy;
	int least = wanted ? 100 : set ? 82 : 60;
	struct demo_job job = {
		.user = demo_user(random),
		.note = work->note,
		.model_provider = work->provider,
		.model = work->model,
		/* Not all sets begin together. */
		.start_ns = number * cycle_ns + set * (cycle_ns / 11) % cycle_ns,
	};

	job.end_ns = job.start_ns + cycle_ns / 100 * busy / 100 *
					    (least + (int)(random / 97 % (uint64_t)(101 - least)));
	snprintf(job.id, sizeof(job.id), "%08x-0000-4000-8000-%012" PRIx64, (unsigned)random,
		 (lane_number << 24 | ((uint64_t)number & 0xffffff)) & 0xffffffffffff);
	*ret_job = job;
}

static int64_t job_number(const struct demo_lane *lane, int set, int64_t time_ns)
{
	int64_t cycle_ns = lane->cycle_s * NS_PER_SECOND;

	return (time_ns - set * (cycle_ns / 11) % cycle_ns) / cycle_ns;
}

bool demo_job_at(const struct demo_lane *lane, int set, int64_t now_ns, struct demo_job *ret_job)
{
	if (quiet_ns(lane, set))
		return false;
	demo_job(lane, set, job_number(lane, set, now_ns), ret_job);
	return now_ns < ret_job->end_ns;
}

/* What is called for every GPU of every job. */
struct taker {
	int gpus;     /* how many there are */
	bool running; /* also of what runs: it ends now */
	void (*take)(void *argument, const struct usage_record *record);
	void *argument;
};

/* Those of a lane that have begun by now_ns. */
static void take_lane(const struct taker *t, const struct demo_lane *lane, int set, int64_t from_ns,
		      int64_t now_ns)
{
	int64_t last = job_number(lane, set, now_ns);

	for (int64_t n = job_number(lane, set, from_ns); n <= last; n++) {
		struct usage_record record = {.type = lane->type};
		struct demo_job job;

		demo_job(lane, set, n, &job);
		if (job.end_ns > now_ns - quiet_ns(lane, set) &&
		    (quiet_ns(lane, set) || !t->running))
			continue;
		memcpy(record.reservation_id, job.id, ID_SIZE);
		record.user = record.account = (char *)(uintptr_t)job.user;
		record.start_ns = job.start_ns;
		record.end_ns = job.end_ns < now_ns ? job.end_ns : now_ns;
		for (int k = 0; k < demo_lane_gpus(lane, set, t->gpus); k++) {
			record.gpu = set * DEMO_GPUS + lane->gpus[k];
			t->take(t->argument, &record);
		}
	}
}

static void each_record(const struct taker *t, int64_t from_ns, int64_t now_ns)
{
	for (int set = 0; set * DEMO_GPUS < t->gpus; set++) {
		for (size_t i = 0; i < demo_lanes_count; i++)
			take_lane(t, &demo_lanes[i], set, from_ns, now_ns);
	}
}

static void take_usage(void *argument, const struct usage_record *record)
{
	usage_add(argument, record);
}

void demo_report(const struct period *period, enum usage_by by, int gpus, struct report *ret_report)
{
	struct report report = {.period = *period};
	const struct taker taker = {gpus, true, take_usage, &report.usage};

	usage_init(&report.usage, by, period->from_ns, period->to_ns);
	each_record(&taker, report.usage.from_ns, report.usage.to_ns);
	usage_finish(&report.usage);
	*ret_report = report;
}

static void take_interval(void *argument, const struct usage_record *record)
{
	timeline_add(argument, record);
}

/* The job that runs on a lane. */
static void add_running(struct timeline *t, const struct demo_lane *lane, int set, int count,
			int64_t now_ns)
{
	int gpus[ARRAY_SIZE(lane->gpus)];
	struct reservation r = {.type = lane->type, .gpus = gpus};
	struct demo_job job;

	if (!count || !demo_job_at(lane, set, now_ns, &job))
		return;
	for (int k = 0; k < count; k++)
		gpus[k] = set * DEMO_GPUS + lane->gpus[k];
	r.user = r.account = (char *)(uintptr_t)job.user;
	r.start_ns = job.start_ns;
	r.gpus_count = (size_t)count;
	timeline_add_running(t, &r, now_ns);
}

void demo_timeline(int64_t from_ns, int64_t to_ns, int gpus, struct timeline *ret_timeline)
{
	struct timeline t;
	const struct taker taker = {gpus, false, take_interval, &t};

	timeline_init(&t, from_ns, to_ns, gpus);
	each_record(&taker, from_ns, to_ns);
	for (int set = 0; set * DEMO_GPUS < gpus; set++) {
		for (size_t i = 0; i < demo_lanes_count; i++)
			add_running(&t, &demo_lanes[i], set,
				    demo_lane_gpus(&demo_lanes[i], set, gpus), to_ns);
	}
	*ret_timeline = t;
}
