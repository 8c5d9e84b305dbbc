/* For the tests of src/gpu: files in a folder of their own, and the stub of NVIDIA's library. */
#ifndef TESTS_UNIT_GPU_TEST_H
#define TESTS_UNIT_GPU_TEST_H

#include "test.h"

#include <dlfcn.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "gpu/gpu.h"

/* A time limit that a test never reaches unless something hangs, and one for what does hang. */
#define LONG_MS 30000
#define SHORT_MS 200

static char folder[64];

/* cmocka setup and teardown: a new folder for each test. */
static inline int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/canhazgpu-test-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes folder/<name>, with the folders on the way to it. Returns the path, valid until the next
 * call. */
static inline const char *write_file(const char *name, const char *text)
{
	static char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

/* The text of a file of the source tree, below tests/. The caller frees it. */
static inline char *read_source(const char *name, size_t *ret_length)
{
	AUTO_FREE char *path = mem_printf("%s/%s", getenv("CANHAZGPU_TEST_SOURCE"), name);
	AUTO_FCLOSE FILE *file = fopen(path, "r");
	struct str text = {0};
	int c;

	if (!file)
		fail_msg("cannot read %s", path);
	while ((c = getc(file)) != EOF)
		str_add_bytes(&text, &(char){(char)c}, 1);
	*ret_length = text.length;
	return str_steal(&text);
}

/*
 * Makes dlopen("libnvidia-ml.so.1") find a variant of tests/stubs (NULL: none of them): a library
 * that is already loaded is found by its name, wherever it came from.
 */
static inline void use_nvml(const char *variant, const char *config)
{
	static void *library;

	if (library)
		dlclose(library);
	library = NULL;
	if (variant) {
		AUTO_FREE char *path = mem_printf("%s/%s/libnvidia-ml.so.1",
						  getenv("CANHAZGPU_TEST_STUBS"), variant);

		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			fail_msg("%s", dlerror());
		setenv("CANHAZGPU_STUB_NVML", write_file("nvml.json", config), 1);
	}
}

/* Puts the stub of nvidia-smi into PATH (or, without it, an empty folder first), and names its
 * answers. */
static inline void use_smi(bool present)
{
	AUTO_FREE char *path =
		mem_printf("%s/stubs:/usr/bin:/bin", getenv("CANHAZGPU_TEST_SOURCE"));

	setenv("PATH", present ? path : "/nonexistent", 1);
	setenv("CANHAZGPU_STUB_SMI", folder, 1);
}

/* A scan that must work. The caller clears it. */
static inline struct scan scan_with(const char *provider, int timeout_ms)
{
	struct gpu_options options = {.provider = provider, .timeout_ms = timeout_ms};
	struct scan s = {0};
	struct err e = {0};

	if (gpu_scan(&options, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

/* A scan that must fail with that code; the error's text must hold `text`. */
static inline void scan_fails(const struct gpu_options *options, int code, const char *text)
{
	struct scan s = {0};
	struct err e = {0};
	int r = gpu_scan(options, &s, &e);

	if (r == 0)
		fail_msg("a scan that should say '%s' worked", text);
	if (r != -code || e.code != code || !strstr(e.text, text))
		fail_msg("code %d, text '%s' instead of %d, '%s'", -r, e.text, code, text);
	assert_null(s.gpus);
}

static inline void assert_known(struct quantity q, int64_t value)
{
	if (!q.known || q.value != value)
		fail_msg("%s %lld instead of %lld", q.known ? "known" : "unknown",
			 (long long)q.value, (long long)value);
}

static inline void assert_unknown(struct quantity q)
{
	if (q.known)
		fail_msg("%lld instead of unknown", (long long)q.value);
}

static inline void assert_problem(const struct gpu *g, const char *text)
{
	if (!g->problem || !strstr(g->problem, text))
		fail_msg("problem '%s' instead of '%s'", g->problem ? g->problem : "(none)", text);
}

#endif
