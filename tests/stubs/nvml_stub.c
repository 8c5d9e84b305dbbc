/*
 * A libnvidia-ml.so.1 for machines without one: it answers from the JSON file named in
 * CANHAZGPU_STUB_NVML, so that tests run the real provider code. Built in several variants, one per
 * folder beside this file:
 *   nvml         as drivers of today
 *   nvml-old     -DSTUB_OLD: no _v2 memory, no MIG, only the first names of init, count and handle
 *   nvml-new     -DSTUB_NEW: processes only in the _v2 form (24 bytes)
 *   nvml-broken  -DSTUB_BROKEN: lacks a function that nothing works without
 *
 * {"driver_version": "550.54.14", "print": "text for stdout",
 *  "codes": {"nvmlInit": 9}, "hang": "nvmlDeviceGetName", "crash": "nvmlInit",
 *  "gpus": [{"uuid": "GPU-...", "name": "...", "bus": [0, 59, 0], "codes": {"nvmlDeviceGetName":
 * 4}, "memory": [total, reserved, used],   MiB, null: ~0 "compute": [[pid, MiB]], "graphics": [],
 * "mps": [],   MiB null: ~0 "utilization": 5, "temperature": 40, "power": 70000, "power_limit":
 * 700000, "minor": 0, "energy": 5000,   mJ "samples": [[0, 0], [2500, 70]],   ms ago, percent
 * "recovery_action": 1, "remapped": [correctable, uncorrectable, pending, failed],
 * "retired_pending": 1, "ancestor": [50, 10],   to the GPUs before it "nvlinks": [[0, 59, 0],
 * "switch", null],   null: inactive "p2p": [1, 0],   NVLink, to all GPUs
 * "mig": [null, {"uuid": "MIG-...", "memory": ..., "compute": ...,
 * "gpu_instance": 7, "compute_instance": 0, "slices": [of the GPU, of the instance, MiB]}]}]}
 * present: MIG is on
 *
 * "delays" are times in ms that functions take: {"nvmlInit": 1000} is a driver without persistence
 * mode. A file named in "log" gets a line for each nvmlInit, which then waits until there is a file
 * named in "gate".
 *
 * A driver version of "group" gives the effective group id. Function names in "codes", "hang" and
 * "crash" have no version suffix. Answers are written byte by byte at the offsets of NVIDIA's
 * documentation, not through the structs of src/gpu, which are under test.
 */
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SUCCESS = 0,
	UNINITIALIZED = 1,
	INVALID_ARGUMENT = 2,
	NOT_SUPPORTED = 3,
	NOT_FOUND = 6,
	INSUFFICIENT_SIZE = 7,
	ARGUMENT_VERSION_MISMATCH = 25,
};

#define API __attribute__((visibility("default")))

typedef json_t *device;

static json_t *config;

static void put(void *to, size_t offset, const void *value, size_t size)
{
	memcpy((char *)to + offset, value, size);
}

static void put32(void *to, size_t offset, uint32_t value)
{
	put(to, offset, &value, sizeof(value));
}

static void put64(void *to, size_t offset, uint64_t value)
{
	put(to, offset, &value, sizeof(value));
}

/* MiB as bytes; null as NVML_VALUE_NOT_AVAILABLE. */
static uint64_t bytes(const json_t *mb)
{
	return json_is_integer(mb) ? (uint64_t)json_integer_value(mb) << 20 : UINT64_MAX;
}

static int is_named(const char *what, const char *function)
{
	const char *name = json_string_value(json_object_get(config, what));

	return name && !strcmp(name, function);
}

/* At the start of every function: hangs, crashes, or gives the code that the file asks for. */
static int enter(const char *function, json_t *of)
{
	json_t *code = json_object_get(json_object_get(of ? of : config, "codes"), function);

	if (!config)
		return UNINITIALIZED;
	while (is_named("hang", function))
		pause();
	usleep(1000 * (unsigned)json_integer_value(
			      json_object_get(json_object_get(config, "delays"), function)));
	if (is_named("crash", function))
		abort();
	return (int)json_integer_value(code);
}

static int copy_text(const json_t *text, char *to, unsigned size)
{
	if (!json_is_string(text))
		return NOT_SUPPORTED;
	if (json_string_length(text) >= size)
		return INSUFFICIENT_SIZE;
	strcpy(to, json_string_value(text));
	return SUCCESS;
}

static int copy_number(const json_t *number, unsigned *to)
{
	if (!json_is_integer(number))
		return NOT_SUPPORTED;
	*to = (unsigned)json_integer_value(number);
	return SUCCESS;
}

/*
 * Adds what cuda_stub.c wrote into CANHAZGPU_STUB_LIVE: a file "<uuid>.<pid>" that holds a number
 * of MiB is a process on that GPU, as long as it lives.
 */
static void add_live(device d)
{
	const char *live = getenv("CANHAZGPU_STUB_LIVE");
	const char *uuid = json_string_value(json_object_get(d, "uuid"));
	json_t *used = json_array_get(json_object_get(d, "memory"), 2);
	DIR *folder = live && uuid ? opendir(live) : NULL;

	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		const char *dot = strchr(entry->d_name, '.');
		int pid = dot ? atoi(dot + 1) : 0, mb = 0;
		char path[512];
		FILE *file;

		if (pid <= 0 || strncmp(entry->d_name, uuid, strlen(uuid)) != 0 || kill(pid, 0))
			continue;
		snprintf(path, sizeof(path), "%s/%s", live, entry->d_name);
		file = fopen(path, "r");
		if (file && fscanf(file, "%d", &mb) == 1) {
			if (!json_object_get(d, "compute"))
				json_object_set_new(d, "compute", json_array());
			json_array_append_new(json_object_get(d, "compute"),
					      json_pack("[i, i]", pid, mb));
			json_integer_set(used, json_integer_value(used) + mb);
		}
		if (file)
			fclose(file);
	}
	if (folder)
		closedir(folder);
}

static void add_to_log(void)
{
	const char *gate = json_string_value(json_object_get(config, "gate"));
	const char *path = json_string_value(json_object_get(config, "log"));
	FILE *log = path ? fopen(path, "a") : NULL;

	if (log) {
		fprintf(log, "%d\n", (int)getpid());
		fclose(log);
	}
	while (gate && access(gate, F_OK) != 0)
		usleep(2000);
}

static int init(void)
{
	const char *path = getenv("CANHAZGPU_STUB_NVML");
	json_error_t problem;
	const char *noise;
	json_t *gpu;
	size_t i;

	config = path ? json_load_file(path, 0, &problem) : NULL;
	if (!config)
		return 999;
	json_array_foreach(json_object_get(config, "gpus"), i, gpu)
	{
		add_live(gpu);
	}
	add_to_log();
	noise = json_string_value(json_object_get(config, "print"));
	if (noise) {
		printf("%s\n", noise);
		fflush(stdout);
	}
	return enter("nvmlInit", NULL);
}

static int count(unsigned *to)
{
	*to = (unsigned)json_array_size(json_object_get(config, "gpus"));
	return enter("nvmlDeviceGetCount", NULL);
}

#ifndef STUB_BROKEN
static int by_index(unsigned index, device *to)
{
	device d = json_array_get(json_object_get(config, "gpus"), index);

	*to = d;
	return d ? enter("nvmlDeviceGetHandleByIndex", d) : INVALID_ARGUMENT;
}
#endif

/* The process lists: count in, count out, as NVML does it. */
static int list(const char *function, const char *kind, device d, unsigned *n, void *to,
		size_t size)
{
	json_t *processes = json_object_get(d, kind), *p;
	unsigned room = *n;
	size_t i;
	int code = enter(function, d);

	if (code)
		return code;
	*n = (unsigned)json_array_size(processes);
	if (*n > room)
		return INSUFFICIENT_SIZE;
	json_array_foreach(processes, i, p)
	{
		memset((char *)to + i * size, 0xff, size);
		put32(to, i * size, (uint32_t)json_integer_value(json_array_get(p, 0)));
		put64(to, i * size + 8, bytes(json_array_get(p, 1)));
	}
	return SUCCESS;
}

static int pci(device d, void *to, size_t size, size_t text_offset)
{
	json_t *bus = json_object_get(d, "bus");
	unsigned part[3];
	char text[32];
	int code = enter("nvmlDeviceGetPciInfo", d);

	if (code)
		return code;
	for (size_t i = 0; i < 3; i++)
		part[i] = (unsigned)json_integer_value(json_array_get(bus, i));
	if (!bus)
		return NOT_SUPPORTED;
	memset(to, 0, size);
	for (size_t i = 0; i < 3; i++)
		put32(to, 16 + 4 * i, part[i]);
	snprintf(text, sizeof(text), "%08X:%02X:%02X.0", part[0], part[1], part[2]);
	put(to, text_offset, text, text_offset ? sizeof(text) : 16);
	return SUCCESS;
}

#define INIT_AS(name)          \
	API int name(void);    \
	int name(void)         \
	{                      \
		return init(); \
	}
#define COUNT_AS(name)              \
	API int name(unsigned *to); \
	int name(unsigned *to)      \
	{                           \
		return count(to);   \
	}
#define HANDLE_AS(name)                           \
	API int name(unsigned index, device *to); \
	int name(unsigned index, device *to)      \
	{                                         \
		return by_index(index, to);       \
	}
#define LIST_AS(name, suffix, kind, size)                      \
	API int name##suffix(device d, unsigned *n, void *to); \
	int name##suffix(device d, unsigned *n, void *to)      \
	{                                                      \
		return list(#name, kind, d, n, to, size);      \
	}
#define TEXT_AS(name, member)                                                         \
	API int name(device d, char *to, unsigned size);                              \
	int name(device d, char *to, unsigned size)                                   \
	{                                                                             \
		int code = enter(#name, d);                                           \
                                                                                      \
		return code ? code : copy_text(json_object_get(d, member), to, size); \
	}
#define NUMBER_AS(name, member)                                                   \
	API int name(device d, unsigned *to);                                     \
	int name(device d, unsigned *to)                                          \
	{                                                                         \
		int code = enter(#name, d);                                       \
                                                                                  \
		return code ? code : copy_number(json_object_get(d, member), to); \
	}

#ifdef STUB_OLD
INIT_AS(nvmlInit)
COUNT_AS(nvmlDeviceGetCount)
HANDLE_AS(nvmlDeviceGetHandleByIndex)
#else
INIT_AS(nvmlInit_v2)
COUNT_AS(nvmlDeviceGetCount_v2)
#ifndef STUB_BROKEN
HANDLE_AS(nvmlDeviceGetHandleByIndex_v2)
#endif
#endif

#ifdef STUB_NEW
#define PROCESSES_AS(name, kind) LIST_AS(name, _v2, kind, 24)
#else
#define PROCESSES_AS(name, kind) LIST_AS(name, , kind, 16)
#endif
PROCESSES_AS(nvmlDeviceGetComputeRunningProcesses, "compute")
PROCESSES_AS(nvmlDeviceGetGraphicsRunningProcesses, "graphics")
#ifndef STUB_OLD
PROCESSES_AS(nvmlDeviceGetMPSComputeRunningProcesses, "mps")
#endif

TEXT_AS(nvmlDeviceGetUUID, "uuid")
TEXT_AS(nvmlDeviceGetName, "name")
NUMBER_AS(nvmlDeviceGetPowerUsage, "power")
NUMBER_AS(nvmlDeviceGetEnforcedPowerLimit, "power_limit")
NUMBER_AS(nvmlDeviceGetMinorNumber, "minor")

API int nvmlShutdown(void);
int nvmlShutdown(void)
{
	int code = enter("nvmlShutdown", NULL);

	json_decref(config);
	config = NULL;
	return code;
}

API const char *nvmlErrorString(int code);
const char *nvmlErrorString(int code)
{
	return code == 4 ? "Insufficient Permissions" : code == 15 ? "GPU is lost" : "Stub Error";
}

API int nvmlSystemGetDriverVersion(char *to, unsigned size);
int nvmlSystemGetDriverVersion(char *to, unsigned size)
{
	json_t *version = json_object_get(config, "driver_version");
	int code = enter("nvmlSystemGetDriverVersion", NULL);

	if (!code && version && !strcmp(json_string_value(version), "group")) {
		snprintf(to, size, "%d", (int)getegid());
		return SUCCESS;
	}
	return code ? code : copy_text(version, to, size);
}

#ifndef STUB_OLD
/* One field of nvmlFieldValue_t, 40 bytes: its id, ..., its type at 24, its code at 28, its value
 * at 32. */
API int nvmlDeviceGetFieldValues(device d, int n, void *to);
int nvmlDeviceGetFieldValues(device d, int n, void *to)
{
	json_t *action = json_object_get(d, "recovery_action");
	int code = enter("nvmlDeviceGetFieldValues", d);
	uint32_t id;

	if (code || n != 1)
		return code ? code : INVALID_ARGUMENT;
	memcpy(&id, to, sizeof(id));
	put32(to, 24, 1); /* NVML_VALUE_TYPE_UNSIGNED_INT */
	put32(to, 28, id == 230 && action ? SUCCESS : NOT_SUPPORTED);
	put64(to, 32, UINT64_MAX);
	put32(to, 32, (uint32_t)json_integer_value(action));
	return SUCCESS;
}

API int nvmlDeviceGetRemappedRows(device d, unsigned *correctable, unsigned *uncorrectable,
				  unsigned *pending, unsigned *failed);
int nvmlDeviceGetRemappedRows(device d, unsigned *correctable, unsigned *uncorrectable,
			      unsigned *pending, unsigned *failed)
{
	unsigned *to[] = {correctable, uncorrectable, pending, failed};
	json_t *rows = json_object_get(d, "remapped");
	int code = enter("nvmlDeviceGetRemappedRows", d);

	for (size_t i = 0; !code && i < 4; i++)
		code = copy_number(json_array_get(rows, i), to[i]);
	return code;
}
#endif

API int nvmlDeviceGetRetiredPagesPendingStatus(device d, unsigned *pending);
int nvmlDeviceGetRetiredPagesPendingStatus(device d, unsigned *pending)
{
	int code = enter("nvmlDeviceGetRetiredPagesPendingStatus", d);

	return code ? code : copy_number(json_object_get(d, "retired_pending"), pending);
}

#ifndef STUB_OLD
API int nvmlDeviceGetTotalEnergyConsumption(device d, void *to);
int nvmlDeviceGetTotalEnergyConsumption(device d, void *to)
{
	json_t *energy = json_object_get(d, "energy");
	int code = enter("nvmlDeviceGetTotalEnergyConsumption", d);

	if (code || !energy)
		return code ? code : NOT_SUPPORTED;
	put64(to, 0, (uint64_t)json_integer_value(energy));
	return SUCCESS;
}

/* Without room for them: how many there may be, which is more than there are. */
API int nvmlDeviceGetSamples(device d, int what, uint64_t after, int *type, unsigned *count,
			     void *to);
int nvmlDeviceGetSamples(device d, int what, uint64_t after, int *type, unsigned *count, void *to)
{
	json_t *samples = json_object_get(d, "samples"), *sample;
	int code = enter("nvmlDeviceGetSamples", d);
	struct timespec now;
	uint64_t now_us;
	size_t i;

	if (code || !samples)
		return code ? code : NOT_SUPPORTED;
	if (what != 1 || after)
		return INVALID_ARGUMENT;
	*type = 1;
	if (!to) {
		*count = (unsigned)json_array_size(samples) + 2;
		return SUCCESS;
	}
	if (*count < json_array_size(samples))
		return INSUFFICIENT_SIZE;
	*count = (unsigned)json_array_size(samples);
	clock_gettime(CLOCK_REALTIME, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	json_array_foreach(samples, i, sample)
	{
		int64_t ago_ms = json_integer_value(json_array_get(sample, 0));

		memset((char *)to + 16 * i, 0xff, 16);
		put64(to, 16 * i, now_us - (uint64_t)(ago_ms * 1000));
		put32(to, 16 * i + 8, (uint32_t)json_integer_value(json_array_get(sample, 1)));
	}
	return SUCCESS;
}
#endif

API int nvmlDeviceGetTemperature(device d, int sensor, unsigned *to);
int nvmlDeviceGetTemperature(device d, int sensor, unsigned *to)
{
	int code = enter("nvmlDeviceGetTemperature", d);

	if (!code && sensor != 0)
		code = INVALID_ARGUMENT;
	return code ? code : copy_number(json_object_get(d, "temperature"), to);
}

API int nvmlDeviceGetUtilizationRates(device d, void *to);
int nvmlDeviceGetUtilizationRates(device d, void *to)
{
	unsigned percent = 0;
	int code = enter("nvmlDeviceGetUtilizationRates", d);

	if (!code)
		code = copy_number(json_object_get(d, "utilization"), &percent);
	if (!code) {
		put32(to, 0, percent);
		put32(to, 4, 0);
	}
	return code;
}

/* The first form counts what the driver keeps for itself as used. */
API int nvmlDeviceGetMemoryInfo(device d, void *to);
int nvmlDeviceGetMemoryInfo(device d, void *to)
{
	json_t *memory = json_object_get(d, "memory"), *used = json_array_get(memory, 2);
	int code = enter("nvmlDeviceGetMemoryInfo", d);

	if (code || !memory)
		return code ? code : NOT_SUPPORTED;
	put64(to, 0, bytes(json_array_get(memory, 0)));
	put64(to, 8, 0);
	put64(to, 16,
	      json_is_integer(used) ? bytes(used) + bytes(json_array_get(memory, 1)) : UINT64_MAX);
	return SUCCESS;
}

#ifdef STUB_OLD
API int nvmlDeviceGetPciInfo_v2(device d, void *to);
int nvmlDeviceGetPciInfo_v2(device d, void *to)
{
	return pci(d, to, 52, 0);
}
#else
API int nvmlDeviceGetPciInfo_v3(device d, void *to);
int nvmlDeviceGetPciInfo_v3(device d, void *to)
{
	return pci(d, to, 68, 36);
}

API int nvmlDeviceGetMemoryInfo_v2(device d, void *to);
int nvmlDeviceGetMemoryInfo_v2(device d, void *to)
{
	json_t *memory = json_object_get(d, "memory");
	uint32_t version;
	int code = enter("nvmlDeviceGetMemoryInfo", d);

	if (!code)
		code = enter("nvmlDeviceGetMemoryInfo_v2", d);
	if (code || !memory)
		return code ? code : NOT_SUPPORTED;
	memcpy(&version, to, sizeof(version));
	if (version != 0x02000028)
		return ARGUMENT_VERSION_MISMATCH;
	for (size_t i = 0; i < 2; i++)
		put64(to, 8 + 8 * i, bytes(json_array_get(memory, i)));
	put64(to, 24, 0);
	put64(to, 32, bytes(json_array_get(memory, 2)));
	return SUCCESS;
}

API int nvmlDeviceGetMigMode(device d, unsigned *now, unsigned *later);
int nvmlDeviceGetMigMode(device d, unsigned *now, unsigned *later)
{
	int code = enter("nvmlDeviceGetMigMode", d);

	*now = *later = json_is_array(json_object_get(d, "mig"));
	return code;
}

API int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned *to);
int nvmlDeviceGetMaxMigDeviceCount(device d, unsigned *to)
{
	*to = (unsigned)json_array_size(json_object_get(d, "mig"));
	return enter("nvmlDeviceGetMaxMigDeviceCount", d);
}

NUMBER_AS(nvmlDeviceGetGpuInstanceId, "gpu_instance")
NUMBER_AS(nvmlDeviceGetComputeInstanceId, "compute_instance")

/* nvmlDeviceAttributes_t, 40 bytes: the slices of the GPU at 24, of the instance at 28, MiB at 32.
 */
API int nvmlDeviceGetAttributes_v2(device d, void *to);
int nvmlDeviceGetAttributes_v2(device d, void *to)
{
	json_t *slices = json_object_get(d, "slices");
	int code = enter("nvmlDeviceGetAttributes", d);

	if (code || !slices)
		return code ? code : NOT_SUPPORTED;
	memset(to, 0xee, 24);
	put32(to, 24, (uint32_t)json_integer_value(json_array_get(slices, 0)));
	put32(to, 28, (uint32_t)json_integer_value(json_array_get(slices, 1)));
	put64(to, 32, (uint64_t)json_integer_value(json_array_get(slices, 2)));
	return SUCCESS;
}

API int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned index, device *to);
int nvmlDeviceGetMigDeviceHandleByIndex(device d, unsigned index, device *to)
{
	device instance = json_array_get(json_object_get(d, "mig"), index);

	if (!json_is_object(instance))
		return NOT_FOUND;
	*to = instance;
	return enter("nvmlDeviceGetMigDeviceHandleByIndex", d);
}
#endif

#ifndef STUB_OLD
static size_t index_of(device d)
{
	json_t *gpu;
	size_t i;

	json_array_foreach(json_object_get(config, "gpus"), i, gpu)
	{
		if (gpu == d)
			break;
	}
	return i;
}

API int nvmlDeviceGetTopologyCommonAncestor(device a, device b, int *to);
int nvmlDeviceGetTopologyCommonAncestor(device a, device b, int *to)
{
	device later = index_of(a) > index_of(b) ? a : b, earlier = later == a ? b : a;
	json_t *levels = json_object_get(later, "ancestor");
	int code = enter("nvmlDeviceGetTopologyCommonAncestor", later);

	return code ? code : copy_number(json_array_get(levels, index_of(earlier)), (unsigned *)to);
}

API int nvmlDeviceGetP2PStatus(device a, device b, int what, int *to);
int nvmlDeviceGetP2PStatus(device a, device b, int what, int *to)
{
	json_t *status = json_array_get(json_object_get(a, "p2p"), index_of(b));
	int code = enter("nvmlDeviceGetP2PStatus", a);

	if (!code && what != 2)
		code = INVALID_ARGUMENT;
	return code ? code : copy_number(status, (unsigned *)to);
}

API int nvmlDeviceGetNvLinkState(device d, unsigned link, unsigned *active);
int nvmlDeviceGetNvLinkState(device d, unsigned link, unsigned *active)
{
	json_t *links = json_object_get(d, "nvlinks");
	int code = enter("nvmlDeviceGetNvLinkState", d);

	if (code || link >= json_array_size(links))
		return code ? code : INVALID_ARGUMENT;
	*active = !json_is_null(json_array_get(links, link));
	return SUCCESS;
}

API int nvmlDeviceGetNvLinkRemotePciInfo_v2(device d, unsigned link, void *to);
int nvmlDeviceGetNvLinkRemotePciInfo_v2(device d, unsigned link, void *to)
{
	json_t *end = json_array_get(json_object_get(d, "nvlinks"), link);
	json_t *at = json_is_array(end) ? json_pack("{s: O}", "bus", end)
					: json_pack("{s: [i, i, i]}", "bus", 0, 255, (int)link);
	int code = enter("nvmlDeviceGetNvLinkRemotePciInfo", d);

	if (!code)
		code = pci(at, to, 68, 36);
	json_decref(at);
	return code;
}

API int nvmlDeviceGetNvLinkRemoteDeviceType(device d, unsigned link, int *type);
int nvmlDeviceGetNvLinkRemoteDeviceType(device d, unsigned link, int *type)
{
	json_t *end = json_array_get(json_object_get(d, "nvlinks"), link);
	int code = enter("nvmlDeviceGetNvLinkRemoteDeviceType", d);

	*type = json_is_string(end) ? 2 : 0;
	return code;
}
#endif
