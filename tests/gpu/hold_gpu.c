/*
 * hold_gpu [MiB]: holds memory of the first CUDA GPU that it sees, as a user's program would.
 * Prints the GPU's UUID, then "holding", and goes on until its standard input ends or a signal
 * comes. scripts/gpu-check starts it. Only the CUDA driver is needed, and no header of it.
 */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From NVIDIA's "CUDA Driver API" documentation; a CUresult of 0 is success. */
struct cuda {
	int (*init)(unsigned flags);
	int (*device)(int *, int ordinal);
	int (*uuid)(unsigned char[16], int device);
	int (*context)(void **, unsigned flags, int device);
	int (*allocate)(unsigned long long *, size_t bytes);
};

static void give_up(const char *what, int code)
{
	fprintf(stderr, "hold_gpu: %s (%d)\n", what, code);
	exit(EXIT_FAILURE);
}

/* Puts the address of a function into a function pointer. */
static void load(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	if (!found)
		give_up(name, 0);
	memcpy(function, &found, sizeof(found));
}

static void print_uuid(const unsigned char uuid[16])
{
	printf("GPU-");
	for (int i = 0; i < 16; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	printf("\n");
}

static void load_cuda(struct cuda *c)
{
	void *library = dlopen("libcuda.so.1", RTLD_NOW);

	if (!library)
		give_up(dlerror(), 0);
	load(library, "cuInit", &c->init);
	load(library, "cuDeviceGet", &c->device);
	load(library, "cuDeviceGetUuid", &c->uuid);
	load(library, "cuCtxCreate_v2", &c->context);
	load(library, "cuMemAlloc_v2", &c->allocate);
}

static void stop(int signal)
{
	(void)signal; /* poll ends; that is enough */
}

int main(int argc, char **argv)
{
	size_t mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 512;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned long long memory;
	unsigned char uuid[16];
	struct cuda cuda;
	void *context;
	int device = 0, code;

	load_cuda(&cuda);
	if ((code = cuda.init(0)))
		give_up("cuInit", code);
	if ((code = cuda.device(&device, 0)))
		give_up("cuDeviceGet", code);
	if ((code = cuda.uuid(uuid, device)))
		give_up("cuDeviceGetUuid", code);
	if ((code = cuda.context(&context, 0, device)))
		give_up("cuCtxCreate", code);
	if ((code = cuda.allocate(&memory, mb << 20)))
		give_up("cuMemAlloc", code);
	print_uuid(uuid);
	printf("holding\n");
	fflush(stdout);
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	poll(&input, 1, -1);
	return EXIT_SUCCESS;
}
