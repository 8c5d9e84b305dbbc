/*
 * NVML's binary interface, as far as it is used. Debian has no free header for it, so the types are
 * declared here from NVIDIA's public documentation, "NVML API Reference Guide"
 * (https://docs.nvidia.com/deploy/nvml-api/), whose structs and return codes are those of nvml.h.
 * For the nvml*.c files only.
 */
#ifndef GPU_NVIDIA_NVML_H
#define GPU_NVIDIA_NVML_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/nouns.h"
#include "base/topology.h"

/* nvmlReturn_t; NVML may return others. */
enum nvml_code {
	NVML_SUCCESS = 0,
	NVML_INVALID_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_NOT_FOUND = 6,
	NVML_INSUFFICIENT_SIZE = 7,
	NVML_INSUFFICIENT_POWER = 8,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_IRQ_ISSUE = 11,
	NVML_FUNCTION_NOT_FOUND = 13,
	NVML_CORRUPTED_INFOROM = 14,
	NVML_GPU_IS_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_LIB_RM_VERSION_MISMATCH = 18,
	NVML_UNKNOWN_ERROR = 999,
};

/* nvmlDevice_t: an opaque pointer, for a GPU or a MIG instance of one. */
typedef struct nvml_device_opaque *nvml_device;

#define NVML_UUID_SIZE 96           /* NVML_DEVICE_UUID_V2_BUFFER_SIZE */
#define NVML_NAME_SIZE 96           /* NVML_DEVICE_NAME_V2_BUFFER_SIZE */
#define NVML_DRIVER_VERSION_SIZE 80 /* NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE */
#define NVML_TEMPERATURE_GPU 0      /* nvmlTemperatureSensors_t */
#define NVML_MIG_ENABLED 1          /* NVML_DEVICE_MIG_ENABLE */

/* NVML_VALUE_NOT_AVAILABLE: a 64-bit value that the driver does not know. */
#define NVML_UNKNOWN UINT64_MAX

/* nvmlMemory_t, bytes. `used` includes what the driver keeps for itself. */
struct nvml_memory {
	uint64_t total, free, used;
};
static_assert(sizeof(struct nvml_memory) == 24, "nvmlMemory_t");

/* nvmlMemory_v2_t, bytes. */
struct nvml_memory_v2 {
	unsigned version; /* NVML_MEMORY_V2 */
	uint64_t total, reserved, free, used;
};
#define NVML_MEMORY_V2 0x02000028u /* sizeof | 2 << 24 */
static_assert(sizeof(struct nvml_memory_v2) == 40, "nvmlMemory_v2_t");
static_assert(offsetof(struct nvml_memory_v2, total) == 8, "nvmlMemory_v2_t.total");
static_assert(offsetof(struct nvml_memory_v2, used) == 32, "nvmlMemory_v2_t.used");

/* nvmlPciInfo_t since nvmlDeviceGetPciInfo_v3. */
struct nvml_pci_info {
	char legacy_bus_id[16];
	unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
	char bus_id[32];
};
static_assert(sizeof(struct nvml_pci_info) == 68, "nvmlPciInfo_t");
static_assert(offsetof(struct nvml_pci_info, bus_id) == 36, "nvmlPciInfo_t.busId");

/* nvmlUtilization_t, percent. */
struct nvml_utilization {
	unsigned gpu, memory;
};
static_assert(sizeof(struct nvml_utilization) == 8, "nvmlUtilization_t");

/* nvmlSample_t. NVML_SAMPLES_UTILIZATION are kept by the driver: percent, as nvml_utilization.gpu.
 */
struct nvml_sample {
	uint64_t time_us; /* by the wall clock */
	union {
		unsigned number; /* NVML_TYPE_UNSIGNED */
		uint64_t bits;
	} value;
};
#define NVML_SAMPLES_UTILIZATION 1 /* NVML_GPU_UTILIZATION_SAMPLES */
static_assert(sizeof(struct nvml_sample) == 16, "nvmlSample_t");
static_assert(offsetof(struct nvml_sample, value) == 8, "nvmlSample_t.sampleValue");

/* nvmlFieldValue_t: what was asked for, and the answer. */
struct nvml_field {
	unsigned id, scope;
	int64_t time_us, latency_us;
	int type; /* nvmlValueType_t */
	int code; /* of this field */
	union {
		unsigned number; /* NVML_TYPE_UNSIGNED */
		uint64_t bits;
	} value;
};
#define NVML_TYPE_UNSIGNED 1           /* NVML_VALUE_TYPE_UNSIGNED_INT */
#define NVML_FIELD_RECOVERY_ACTION 230 /* NVML_FI_DEV_GET_GPU_RECOVERY_ACTION */
static_assert(sizeof(struct nvml_field) == 40, "nvmlFieldValue_t");
static_assert(offsetof(struct nvml_field, type) == 24, "nvmlFieldValue_t.valueType");
static_assert(offsetof(struct nvml_field, value) == 32, "nvmlFieldValue_t.value");

/* nvmlDeviceGpuRecoveryAction_t; newer drivers may have others. */
enum nvml_recovery {
	NVML_RECOVERY_NONE = 0,
	NVML_RECOVERY_RESET = 1,
	NVML_RECOVERY_REBOOT = 2,
	NVML_RECOVERY_DRAIN_P2P = 3,
	NVML_RECOVERY_DRAIN_AND_RESET = 4,
	NVML_RECOVERY_RESET_BUS = 5,
};

/* nvmlGpuTopologyLevel_t. */
enum nvml_topology {
	NVML_TOPOLOGY_INTERNAL = 0,
	NVML_TOPOLOGY_SINGLE = 10,
	NVML_TOPOLOGY_MULTIPLE = 20,
	NVML_TOPOLOGY_HOSTBRIDGE = 30,
	NVML_TOPOLOGY_NODE = 40,
	NVML_TOPOLOGY_SYSTEM = 50,
};

#define NVML_P2P_NVLINK 2       /* NVML_P2P_CAPS_INDEX_NVLINK */
#define NVML_P2P_OK 0           /* NVML_P2P_STATUS_OK */
#define NVML_NVLINK_TO_SWITCH 2 /* NVML_NVLINK_DEVICE_TYPE_SWITCH */

/* nvmlDeviceAttributes_t: what a MIG instance has. */
struct nvml_attributes {
	unsigned multiprocessors, copy_engines, decoders, encoders, jpeg_engines, ofa_engines;
	unsigned gpu_slices, compute_slices;
	uint64_t memory_mb;
};
static_assert(sizeof(struct nvml_attributes) == 40, "nvmlDeviceAttributes_t");
static_assert(offsetof(struct nvml_attributes, gpu_slices) == 24,
	      "nvmlDeviceAttributes_t.gpuInstanceSliceCount");

/*
 * The start of nvmlProcessInfo_v1_t (16 bytes) and nvmlProcessInfo_v2_t (24 bytes). The struct of
 * the _v3 functions changed its size between drivers, so these are never called.
 */
struct nvml_process {
	unsigned pid;
	uint64_t memory; /* bytes, or NVML_UNKNOWN */
};
#define NVML_PROCESS_V1_SIZE 16
#define NVML_PROCESS_V2_SIZE 24
static_assert(sizeof(struct nvml_process) == NVML_PROCESS_V1_SIZE, "nvmlProcessInfo_v1_t");
static_assert(offsetof(struct nvml_process, memory) == 8, "nvmlProcessInfo_v1_t.usedGpuMemory");

/* One of the functions that list processes, and the size of what it lists. */
struct nvml_process_call {
	int (*list)(nvml_device, unsigned *count, void *processes);
	size_t size; /* of one process, bytes */
};

/* The loaded library. Functions behind `required` may be NULL: use NVML_CALL. */
struct nvml {
	void *library;
	int (*init)(void);
	int (*shutdown)(void);
	int (*device_count)(unsigned *);
	int (*device_by_index)(unsigned, nvml_device *);
	/* optional from here on */
	const char *(*error_string)(int);
	int (*driver_version)(char *, unsigned size);
	int (*uuid)(nvml_device, char *, unsigned size);
	int (*name)(nvml_device, char *, unsigned size);
	int (*pci_info)(nvml_device, struct nvml_pci_info *);
	int (*minor_number)(nvml_device, unsigned *);
	int (*memory_v2)(nvml_device, struct nvml_memory_v2 *);
	int (*memory)(nvml_device, struct nvml_memory *);
	int (*utilization)(nvml_device, struct nvml_utilization *);
	int (*temperature)(nvml_device, int sensor, unsigned *celsius);
	int (*power)(nvml_device, unsigned *mw);
	int (*power_limit)(nvml_device, unsigned *mw);
	int (*energy)(nvml_device, uint64_t *mj);
	int (*samples)(nvml_device, int what, uint64_t after_us, int *type, unsigned *count,
		       struct nvml_sample *);
	int (*fields)(nvml_device, int count, struct nvml_field *);
	int (*remapped_rows)(nvml_device, unsigned *correctable, unsigned *uncorrectable,
			     unsigned *pending, unsigned *failed);
	int (*retired_pending)(nvml_device, int *pending);
	int (*mig_mode)(nvml_device, unsigned *current, unsigned *pending);
	int (*mig_max_count)(nvml_device, unsigned *);
	int (*mig_by_index)(nvml_device, unsigned, nvml_device *);
	int (*common_ancestor)(nvml_device, nvml_device, int *level);
	int (*p2p_status)(nvml_device, nvml_device, int what, int *status);
	int (*nvlink_state)(nvml_device, unsigned link, unsigned *active);
	int (*nvlink_remote_pci)(nvml_device, unsigned link, struct nvml_pci_info *);
	int (*nvlink_remote_type)(nvml_device, unsigned link, int *type);
	int (*gpu_instance_id)(nvml_device, unsigned *);
	int (*compute_instance_id)(nvml_device, unsigned *);
	int (*attributes)(nvml_device, struct nvml_attributes *);
	struct nvml_process_call compute, graphics, mps;
};

#define NVML_CALL(function, ...) ((function) ? (function)(__VA_ARGS__) : NVML_FUNCTION_NOT_FOUND)

/* Loads the library. -ENOENT where there is none, -ENOSYS where it lacks what is needed. */
int nvidia_nvml_load(struct nvml *ret_nvml, struct err *e);
void nvidia_nvml_unload(struct nvml *n);

/* What a return code means, in NVML's own text where it has one. */
const char *nvidia_nvml_error(const struct nvml *n, int code);

/* Reads all there is to know about one GPU; what cannot be read stays unknown, g->problem says why.
 */
void nvidia_nvml_read_device(const struct nvml *n, nvml_device device, struct gpu *g);

/* Memory and processes of one device: a GPU or a MIG instance. */
void nvidia_nvml_read_use(const struct nvml *n, nvml_device device, struct gpu *g);

/* Adds the MIG instances of the GPU that was added last, which is in MIG mode. */
void nvidia_nvml_read_instances(const struct nvml *n, nvml_device device, struct scan *s);

/* The driver's verdicts on one GPU, from the questions that are only about that. */
void nvidia_nvml_read_health(const struct nvml *n, nvml_device device, struct gpu *g);

/* What a return code says about the GPU itself, whatever was asked: that it is lost, for example.
   True: it is a verdict. */
bool nvidia_nvml_judge(const struct nvml *n, int code, struct gpu *g);

/*
 * Adds the processes of one device (a GPU or a MIG instance) to g, each pid once. Returns the code
 * of the first question that should have been answered and was not, or NVML_SUCCESS.
 */
int nvidia_nvml_read_processes(const struct nvml *n, nvml_device device, struct gpu *g);

/* Improves what is known of the links of the GPUs in t, of all `count` devices by NVML's index. */
void nvidia_nvml_read_topology(const struct nvml *n, unsigned count, struct topology *t);

#endif
