/*
 * A libcuda.so.1 for machines without one, with as much as tests/gpu/hold_gpu.c uses. Its GPUs are
 * those of the JSON file of nvml_stub.c, numbered by bus. Memory that is allocated is a file
 * "<uuid>.<pid>" with a number of MiB in the folder CANHAZGPU_STUB_LIVE, where nvml_stub.c sees it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID_DEVICE = 101, NO_DEVICE = 100, OUT_OF_MEMORY = 2 };

static char uuid[64];
static char held[512];

static long bus_of(json_t *gpu)
{
	json_t *bus = json_object_get(gpu, "bus");

	return (long)(json_integer_value(json_array_get(bus, 0)) << 16 |
		      json_integer_value(json_array_get(bus, 1)) << 8 |
		      json_integer_value(json_array_get(bus, 2)));
}

/* The GPU with so many others before it on the bus. */
static json_t *gpu_of_rank(json_t *gpus, size_t rank)
{
	json_t *gpu, *other;
	size_t i, j;

	json_array_foreach(gpus, i, gpu)
	{
		size_t before = 0;

		json_array_foreach(gpus, j, other) before += bus_of(other) < bus_of(gpu);
		if (before == rank)
			return gpu;
	}
	return NULL;
}

API int cuInit(unsigned flags);
int cuInit(unsigned flags)
{
	const char *path = getenv("CANHAZGPU_STUB_NVML");
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	const char *order = getenv("CUDA_DEVICE_ORDER");
	json_t *root = path ? json_load_file(path, 0, NULL) : NULL;
	json_t *gpu = gpu_of_rank(json_object_get(root, "gpus"),
				  visible ? strtoul(visible, NULL, 10) : 0);
	const char *name = json_string_value(json_object_get(gpu, "uuid"));

	(void)flags;
	/* Without that order, CUDA's numbers are not those of the bus: tests shall see the
	 * difference. */
	if (name && order && !strcmp(order, "PCI_BUS_ID"))
		snprintf(uuid, sizeof(uuid), "%s", name);
	json_decref(root);
	return uuid[0] ? SUCCESS : NO_DEVICE;
}

API int cuDeviceGet(int *device, int ordinal);
int cuDeviceGet(int *device, int ordinal)
{
	*device = ordinal;
	return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

API int cuDeviceGetUuid(unsigned char *to, int device);
int cuDeviceGetUuid(unsigned char *to, int device)
{
	const char *p = uuid + strlen("GPU-");

	(void)device;
	for (int i = 0; i < 16; i++) {
		unsigned byte = 0;

		if (*p == '-')
			p++;
		if (sscanf(p, "%2x", &byte) != 1)
			return INVALID_DEVICE;
		to[i] = (unsigned char)byte;
		p += 2;
	}
	return SUCCESS;
}

API int cuCtxCreate_v2(void **context, unsigned flags, int device);
int cuCtxCreate_v2(void **context, unsigned flags, int device)
{
	(void)flags;
	(void)device;
	*context = uuid;
	return SUCCESS;
}

API int cuMemAlloc_v2(unsigned long long *memory, size_t size);
int cuMemAlloc_v2(unsigned long long *memory, size_t size)
{
	const char *folder = getenv("CANHAZGPU_STUB_LIVE");
	FILE *file;

	snprintf(held, sizeof(held), "%s/%s.%d", folder ? folder : ".", uuid, (int)getpid());
	file = fopen(held, "w");
	if (!file)
		return OUT_OF_MEMORY;
	fprintf(file, "%zu\n", size >> 20);
	fclose(file);
	*memory = 1;
	return SUCCESS;
}

/* The driver takes back what a process had. */
static void __attribute__((destructor)) free_memory(void)
{
	if (held[0])
		unlink(held);
}
