/* The command lines of container engines: which start a container, and what is put into them. */
#include "test.h"

#include "base/mem.h"
#include "base/str.h"
#include "host/engine.h"

#define WORDS_MAX 32

/* Splits a line at its spaces; the words are in *line. */
static void split(char *line, char *words[WORDS_MAX])
{
	size_t count = 0;

	for (char *word = strtok(line, " "); word && count < WORDS_MAX - 1;
	     word = strtok(NULL, " "))
		words[count++] = word;
	words[count] = NULL;
}

static char *join(char *const *words)
{
	struct str line = {0};

	for (size_t i = 0; words[i]; i++)
		str_addf(&line, "%s%s", i ? " " : "", words[i]);
	return str_steal(&line);
}

static const struct engine_vendor nvidia = {
	.cdi_kind = "nvidia.com/gpu", .apptainer_option = "--nv", .has_gpus_option = true};
static const struct engine_vendor amd = {
	.cdi_kind = "amd.com/gpu", .apptainer_option = "--rocm", .by_number = true};

#define IN "--env R=id --cidfile /run/c/id"
#define DOCKER "--gpus \"device=GPU-a,GPU-b\" " IN
#define CDI "--device nvidia.com/gpu=GPU-a --device nvidia.com/gpu=GPU-b " IN
#define AMD_CDI "--device amd.com/gpu=0 --device amd.com/gpu=3 " IN

static void test_insert(void **state)
{
	static const struct {
		const struct engine_vendor *vendor;
		const char *line, *expected; /* NULL: starts no container */
	} cases[] = {
		{&nvidia, "docker run image", "docker run " DOCKER " image"},
		{&nvidia, "docker run -it --rm image sh",
		 "docker run " DOCKER " -it --rm image sh"},
		{&nvidia, "/usr/bin/docker -H tcp://h --debug container run image",
		 "/usr/bin/docker -H tcp://h --debug container run " DOCKER " image"},
		{&nvidia, "docker --context=far run image",
		 "docker --context=far run " DOCKER " image"},
		{&nvidia, "sudo -n docker run image", "sudo -n docker run " DOCKER " image"},
		{&nvidia, "timeout 1h podman run image", "timeout 1h podman run " CDI " image"},
		{&nvidia, "podman --root /a run image", "podman --root /a run " CDI " image"},
		{&nvidia, "podman --remote run image", "podman --remote run " CDI " image"},
		{&nvidia, "nerdctl -n k8s.io run image", "nerdctl -n k8s.io run " DOCKER " image"},
		{&nvidia, "apptainer exec i.sif python", "apptainer exec --nv i.sif python"},
		{&nvidia, "apptainer -q run -C i.sif", "apptainer -q run --nv -C i.sif"},
		{&nvidia, "singularity shell i.sif", "singularity shell --nv i.sif"},
		{&nvidia, "apptainer instance start i.sif x",
		 "apptainer instance start --nv i.sif x"},
		{&amd, "docker run image", "docker run " AMD_CDI " image"},
		{&amd, "podman run image", "podman run " AMD_CDI " image"},
		{&amd, "apptainer exec i.sif python", "apptainer exec --rocm i.sif python"},
		{&nvidia, "docker", NULL},
		{&nvidia, "docker ps", NULL},
		{&nvidia, "docker exec c sh", NULL},
		{&nvidia, "docker compose run service", NULL},
		{&nvidia, "docker -H run", NULL},
		{&nvidia, "docker image run", NULL},
		{&nvidia, "python docker run image", NULL},
		{&nvidia, "sudo -u docker python run", NULL},
		{&nvidia, "sudo", NULL},
		{&nvidia, "docker-run image", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *line = mem_strdup(cases[i].line), *got = NULL;
		const struct engine_gpus gpus = {.vendor = cases[i].vendor,
						 .ids = "0,3",
						 .uuids = "GPU-a,GPU-b",
						 .variable = "R=id",
						 .cid_file = "/run/c/id"};
		char *words[WORDS_MAX], **inserted;
		struct engine_call call;

		split(line, words);
		if (!engine_find(words, &call)) {
			if (cases[i].expected)
				fail_msg("not seen: %s", cases[i].line);
			continue;
		}
		if (!cases[i].expected)
			fail_msg("taken for a container: %s", cases[i].line);
		inserted = engine_insert(words, &call, &gpus);
		got = join(inserted);
		assert_string_equal(got, cases[i].expected);
		engine_words_free(inserted);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		bool inserting;
		const char *option, *without; /* NULL: not refused */
	} cases[] = {
		{"docker run --gpus all image", false, "--gpus all", "docker run image"},
		{"docker run --gpus=all image", false, "--gpus=all", "docker run image"},
		{"docker run --rm --gpus 2 -e A=1 image --gpus 2", false, "--gpus 2",
		 "docker run --rm -e A=1 image --gpus 2"},
		{"docker run --gpus count=2 image", false, "--gpus count=2", "docker run image"},
		{"docker run --gpus device=0 image", false, NULL, NULL},
		{"docker run --gpus device=0 image", true, "--gpus device=0", "docker run image"},
		{"docker run -e NVIDIA_VISIBLE_DEVICES=all image", false,
		 "-e NVIDIA_VISIBLE_DEVICES=all", "docker run image"},
		{"docker run -itdeNVIDIA_VISIBLE_DEVICES=all image", true,
		 "-itdeNVIDIA_VISIBLE_DEVICES=all", "docker run image"},
		{"docker run -e NVIDIA_VISIBLE_DEVICES image", false, NULL, NULL},
		{"docker run -e CUDA_VISIBLE_DEVICES image", true, "-e CUDA_VISIBLE_DEVICES",
		 "docker run image"},
		{"docker run -e CUDA_VISIBLE_DEVICES=0 image", true, NULL, NULL},
		{"podman run --device nvidia.com/gpu=all image", false,
		 "--device nvidia.com/gpu=all", "podman run image"},
		{"podman run --device=nvidia.com/gpu=1 image", false, NULL, NULL},
		{"podman run --device=nvidia.com/gpu=1 --gpus all image", true,
		 "--device=nvidia.com/gpu=1", "podman run image"},
		{"podman run --device /dev/gpu=all image", false, NULL, NULL},
		{"sudo docker run -v /a:/b --gpus all image", false, "--gpus all",
		 "sudo docker run -v /a:/b image"},
		/* Not the engine's: values of other options, and the container's own command. */
		{"docker run image train --gpus all", false, NULL, NULL},
		{"docker run -it image --gpus all", false, NULL, NULL},
		{"docker run --name --gpus all", false, NULL, NULL},
		{"docker run --init image --gpus all", true, NULL, NULL},
		{"docker run -- image --gpus all", true, NULL, NULL},
		{"apptainer exec i.sif train --gpus all", true, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *line = mem_strdup(cases[i].line), *option = NULL, *got = NULL;
		AUTO_FREE char **without = NULL;
		char *words[WORDS_MAX];
		struct engine_call call;

		split(line, words);
		assert_true(engine_find(words, &call));
		if (!engine_gives_gpus(words, &call, cases[i].inserting, &option, &without)) {
			if (cases[i].option)
				fail_msg("not refused: %s", cases[i].line);
			continue;
		}
		if (!cases[i].option)
			fail_msg("refused for %s: %s", option, cases[i].line);
		assert_string_equal(option, cases[i].option);
		got = join(without);
		assert_string_equal(got, cases[i].without);
	}
}

static void test_lines(void **state)
{
	static const struct {
		const char *line, *cid_file, *kill;
	} cases[] = {
		{"docker run image", NULL, "docker kill"},
		{"docker run --cidfile=a/b image", "a/b", "docker kill"},
		{"docker run --rm --cidfile /c image --cidfile /d", "/c", "docker kill"},
		{"sudo docker -H tcp://a;b run image", NULL, "sudo docker -H tcp://a;b kill"},
		{"/opt/docker container run image", NULL, "/opt/docker container kill"},
		{"apptainer exec --cidfile i.sif", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *line = mem_strdup(cases[i].line), *kill_line = NULL;
		char *words[WORDS_MAX];
		const char *cid_file;
		struct engine_call call;

		split(line, words);
		assert_true(engine_find(words, &call));
		cid_file = engine_cid_file(words, &call);
		kill_line = engine_kill_words(words, &call);
		assert_string_equal(cid_file ? cid_file : "",
				    cases[i].cid_file ? cases[i].cid_file : "");
		for (char *p = kill_line; p && (p = strchr(p, '\n'));)
			*p = ' ';
		assert_string_equal(kill_line ? kill_line : "", cases[i].kill ? cases[i].kill : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
