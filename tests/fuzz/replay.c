/*
 * Replays the corpora of all fuzz targets, and a fixed number of changes of each file that are the
 * same every time: what `make check` runs of fuzzing, with sanitizers. Searching for new inputs is
 * for tests/run deep.
 *
 * Usage: replay_corpora CORPUS. Prints TAP. Each target runs in a process of its own, so that a
 * failure names its input.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define INPUT_MAX 65536
#define CHANGES 1500
#define SHOWN_BYTES 300

/* FUZZ_TARGETS comes from meson.build: TARGET(cgroup) TARGET(duration) ... Each file's function is
   called fuzz_<name> here. */
#define TARGET(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS
#undef TARGET

static const struct target {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define TARGET(name) {#name, fuzz_##name},
	FUZZ_TARGETS
#undef TARGET
};

/* What a target is given at this moment; shared with the process that tells of its failure. */
struct input {
	char file[256];
	int change; /* 0: the file as it is */
	size_t inputs;
	size_t size;
	uint8_t data[INPUT_MAX];
};

/* Words that mean something to one parser or the other. */
static const char *const words[] = {
	"\"",
	"{",
	"}",
	"[",
	"]",
	":",
	",",
	"\n",
	"\r\n",
	"\t",
	"=",
	"#",
	"%",
	"\\u0000",
	"\xff\xfe",
	"\xc3",
	"-",
	"0",
	"99999999999999999999",
	"1e999",
	"null",
	"&a",
	"*a",
	"'''",
};

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t random_below(uint64_t *state, size_t bound)
{
	return bound > 0 ? random_next(state) % bound : 0;
}

/* Puts `length` bytes in at a place; what does not fit is dropped. */
static void insert(struct input *in, size_t at, const uint8_t *bytes, size_t length)
{
	if (length > INPUT_MAX - in->size)
		return;
	memmove(in->data + at + length, in->data + at, in->size - at);
	memcpy(in->data + at, bytes, length);
	in->size += length;
}

static void change_once(struct input *in, uint64_t *state)
{
	size_t at = random_below(state, in->size), length;
	uint8_t copy[64];
	const char *word;

	switch (random_below(state, 5)) {
	case 0:
		if (in->size > 0)
			in->data[at] ^= (uint8_t)(1U << random_below(state, 8));
		break;
	case 1:
		if (in->size > 0)
			in->data[at] = (uint8_t)random_next(state);
		break;
	case 2:
		length = random_below(state, in->size - at + 1);
		memmove(in->data + at, in->data + at + length, in->size - at - length);
		in->size -= length;
		break;
	case 3:
		length = random_below(state, in->size - at + 1);
		if (length > sizeof(copy))
			length = sizeof(copy);
		memcpy(copy, in->data + at, length);
		insert(in, random_below(state, in->size + 1), copy, length);
		break;
	default:
		word = words[random_below(state, sizeof(words) / sizeof(*words))];
		insert(in, at, (const uint8_t *)word, strlen(word));
	}
}

/* In a buffer that ends where the input does: reading behind it shows. */
static void run_input(const struct target *target, struct input *in)
{
	uint8_t *exact = mem_alloc(in->size > 0 ? in->size : 1, 1);

	memcpy(exact, in->data, in->size);
	in->inputs++;
	target->run(exact, in->size);
	free(exact);
}

/* A file as it is, and changed; a NULL path: the same from nothing. */
static void replay_file(const struct target *target, const char *path, struct input *in)
{
	static uint8_t original[INPUT_MAX];
	uint64_t state = 88172645463325252U;
	FILE *file = path ? fopen(path, "re") : NULL;
	size_t size = 0;

	snprintf(in->file, sizeof(in->file), "%s", path ? path : "(nothing)");
	if (file) {
		size = fread(original, 1, sizeof(original), file);
		fclose(file);
	} else if (path) {
		perror(path);
		exit(1);
	}
	for (in->change = 0; in->change <= CHANGES; in->change++) {
		memcpy(in->data, original, size);
		in->size = size;
		for (size_t n = in->change == 0 ? 0 : 1 + random_below(&state, 8); n > 0; n--)
			change_once(in, &state);
		run_input(target, in);
	}
}

static void replay_target(const struct target *target, const char *corpus, struct input *in)
{
	AUTO_FREE char *folder = mem_printf("%s/%s", corpus, target->name);
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, alphasort);

	replay_file(target, NULL, in);
	for (int i = 0; i < count; i++) {
		AUTO_FREE char *path = mem_printf("%s/%s", folder, entries[i]->d_name);

		if (entries[i]->d_name[0] != '.')
			replay_file(target, path, in);
		free(entries[i]);
	}
	free(entries);
}

static void show_failure(const struct input *in)
{
	printf("# %s, change %d, %zu bytes:", in->file, in->change, in->size);
	for (size_t i = 0; i < in->size && i < SHOWN_BYTES; i++)
		printf(" %02x", in->data[i]);
	printf("%s\n", in->size > SHOWN_BYTES ? " ..." : "");
}

int main(int argc, char **argv)
{
	size_t count = sizeof(targets) / sizeof(*targets);
	struct input *in =
		mmap(NULL, sizeof(*in), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool failed = false;

	if (argc != 2 || in == MAP_FAILED)
		return 2;
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		int status = -1;
		pid_t child;

		in->inputs = 0;
		fflush(stdout);
		child = fork();
		if (child == 0) {
			replay_target(&targets[i], argv[1], in);
			exit(0); /* and tell of leaks */
		}
		if (child > 0)
			waitpid(child, &status, 0);
		printf("%s %zu - fuzz_%s: %zu inputs\n", status == 0 ? "ok" : "not ok", i + 1,
		       targets[i].name, in->inputs);
		if (status != 0)
			show_failure(in);
		failed = failed || status != 0;
	}
	return failed;
}
