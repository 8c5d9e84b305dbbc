/* The table of providers: their names, and what each says of itself. A new provider has its name
   and its variables here. */
#include "gpu_test.h"

#include <errno.h>

static void test_names(void **state)
{
	struct gpu_options options = {.provider = "cuda"};

	(void)state;
	scan_fails(&options, EINVAL, "no GPU provider 'cuda' (there are: nvidia, amd, fake)");
	options.provider = "nvidi";
	scan_fails(&options, EINVAL, "no GPU provider 'nvidi'");
	options.provider = NULL;
	scan_fails(&options, EINVAL, "no GPU provider ''");
	assert_string_equal(gpu_providers(), "nvidia|amd|fake");
	assert_string_equal(gpu_providers(), "nvidia|amd|fake");
}

/* The variables of a provider on one line: NAME=VALUE, NAME for the names of the GPUs, NAME+ for
   their UUIDs, NAME# for their places, "-" for what is removed. */
static char *describe_variables(const char *provider)
{
	struct str text = {0};

	for (const struct gpu_variable *v = gpu_variables(provider); v->name; v++)
		str_addf(&text, " %s%s%s%s%s%s", v->kind == GPU_VARIABLE_REMOVED ? "-" : "",
			 v->name, v->kind == GPU_VARIABLE_UUIDS ? "+" : "",
			 v->kind == GPU_VARIABLE_PLACES ? "#" : "", v->value ? "=" : "",
			 v->value ? v->value : "");
	return str_steal(&text);
}

#define CUDA " CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES+"

static void test_variables(void **state)
{
	static const struct {
		const char *provider, *variables;
	} cases[] = {
		{"nvidia", CUDA},
		{"amd", " ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES# CUDA_VISIBLE_DEVICES#"
			" -GPU_DEVICE_ORDINAL"},
		{"fake", CUDA},
		{"other", CUDA},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = describe_variables(cases[i].provider);

		assert_string_equal(text, cases[i].variables);
		assert_int_equal(gpu_is_simulated(cases[i].provider),
				 !strcmp(cases[i].provider, "fake"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_variables),
	};

	return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
