/* Model detection: real command lines, and what is shown for them. */
#include "test.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/model.h"

/* Arguments are separated by '|', so that they may hold spaces. */
struct line_case {
	const char *arguments;
	const char *provider; /* NULL: none */
	const char *model;    /* NULL: nothing is recognised */
};

static const struct line_case servers[] = {
	/* vLLM */
	{"vllm|serve|meta-llama/Llama-2-7b-chat-hf", "meta-llama", "meta-llama/Llama-2-7b-chat-hf"},
	{"/usr/bin/python3|/usr/local/bin/vllm|serve|Qwen/Qwen2.5-7B-Instruct|--port|8000", "Qwen",
	 "Qwen/Qwen2.5-7B-Instruct"},
	{"vllm|serve|--port|8000|mistralai/Mistral-7B-v0.1", "mistralai",
	 "mistralai/Mistral-7B-v0.1"},
	{"vllm|serve|--enforce-eager|openai/gpt-oss-20b", "openai", "openai/gpt-oss-20b"},
	{"vllm|serve|--enable-prefix-caching|--tokenizer|a/tok|openai/gpt-oss-20b", "openai",
	 "openai/gpt-oss-20b"},
	{"vllm|serve|--dtype=auto|google/gemma-2-9b-it", "google", "google/gemma-2-9b-it"},
	{"vllm|serve|--model|google/gemma-2-9b-it", "google", "google/gemma-2-9b-it"},
	{"vllm|serve|/data/models/Llama-3-8B/|-tp|4", NULL, "Llama-3-8B"},
	{"vllm|serve|./ckpt", NULL, "ckpt"},
	{"vllm|serve|--config|serve.yaml", NULL, NULL},
	{"vllm|bench|throughput|--model|facebook/opt-125m", "facebook", "facebook/opt-125m"},
	{"python|-m|vllm.entrypoints.openai.api_server|--model|meta-llama/Meta-Llama-3-8B-Instruct",
	 "meta-llama", "meta-llama/Meta-Llama-3-8B-Instruct"},
	{"python3.11|-u|-m|vllm.entrypoints.openai.api_server|--port|8000|--model=teknium/OpenHermes-2."
	 "5-Mistral-7B",
	 "teknium", "teknium/OpenHermes-2.5-Mistral-7B"},
	{"python3|-m|vllm.entrypoints.api_server|--served-model-name|x|--model|a/b", "a", "a/b"},
	{"python3|-m|vllm.entrypoints.openai.api_server|--served-model-name|only-a-label", NULL,
	 NULL},
	{"uv|run|--with|vllm|vllm|serve|a/b", "a", "a/b"},
	{"sudo|-E|env|HF_HOME=/hf|vllm|serve|a/b|--model-loader|x", "a", "a/b"},
	{"VLLM::EngineCore", NULL, NULL},
	/* lm_eval: --model is the kind of model */
	{"lm_eval|--model|hf|--model_args|pretrained=EleutherAI/gpt-j-6B,dtype=float|--tasks|hellaswag",
	 "EleutherAI", "EleutherAI/gpt-j-6B"},
	{"/usr/bin/python3|/usr/bin/lm_eval|--model|vllm|--model_args|dtype=auto,pretrained=a/b",
	 "a", "a/b"},
	{"lm-eval|--model|hf|--model_args|{\"pretrained\": \"google/gemma-2b\", \"dtype\": \"auto\"}",
	 "google", "google/gemma-2b"},
	{"lm_eval|run|--model|hf|--model_args|dtype=auto|pretrained=a/b|--tasks|x", "a", "a/b"},
	{"python|-m|lm_eval|--model_args=pretrained=a/b,peft=c/d", "a", "a/b"},
	{"lm_eval|-m|hf|-a|pretrained=/data/my-model,dtype=float16", NULL, "my-model"},
	{"lm_eval|--model|local-completions|--model_args|model=gpt2,base_url=http://h/v1", NULL,
	 "gpt2"},
	{"lm_eval|--model|hf|--tasks|hellaswag", NULL, NULL},
	{"lm_eval|--model_args|{\"pretrained\": 7}", NULL, NULL},
	{"lm_eval|--model_args|{\"pretrained\": \"a\\/b\"}", "a", "a/b"},
	{"accelerate|launch|-m|lm_eval|--model|hf|--model_args|pretrained=a/b", "a", "a/b"},
	/* SGLang */
	{"python3|-m|sglang.launch_server|--model-path|deepseek-ai/DeepSeek-V3|--tp|8",
	 "deepseek-ai", "deepseek-ai/DeepSeek-V3"},
	{"sglang|serve|--model-path=Qwen/Qwen3-8B", "Qwen", "Qwen/Qwen3-8B"},
	{"python|-m|sglang.bench_one_batch|--model|Qwen/Qwen3-8B", "Qwen", "Qwen/Qwen3-8B"},
	/* Text Generation Inference, embeddings */
	{"text-generation-launcher|--model-id|bigscience/bloom-560m|--num-shard|2", "bigscience",
	 "bigscience/bloom-560m"},
	{"/opt/conda/bin/python3.10|/opt/conda/bin/text-generation-server|serve|tiiuae/falcon-7b|--json-"
	 "output",
	 "tiiuae", "tiiuae/falcon-7b"},
	{"text-embeddings-router|--model-id|BAAI/bge-m3|--port|80", "BAAI", "BAAI/bge-m3"},
	{"infinity_emb|v2|--model-id|BAAI/bge-small-en-v1.5", "BAAI", "BAAI/bge-small-en-v1.5"},
	/* TensorRT-LLM */
	{"trtllm-serve|TinyLlama/TinyLlama-1.1B-Chat-v1.0|--tp_size|2", "TinyLlama",
	 "TinyLlama/TinyLlama-1.1B-Chat-v1.0"},
	{"python3|/usr/local/bin/trtllm-serve|serve|nvidia/Llama-3.1-8B-Instruct-FP8", "nvidia",
	 "nvidia/Llama-3.1-8B-Instruct-FP8"},
	{"mpirun|-n|2|trtllm-serve|--host|0.0.0.0|a/b", "a", "a/b"},
	{"trtllm-serve|/engines/llama.engine", NULL, "llama.engine"},
	{"tritonserver|--model-repository=/models", NULL, NULL},
	/* Ollama, llama.cpp */
	{"/usr/local/bin/ollama|runner|--model|/usr/share/ollama/.ollama/models/blobs/"
	 "sha256-6a0746a1ec1aef3e7ec53868f220ff6e389f6f8ef87a01d77c96807de94ca2aa|--port|40001",
	 NULL, "sha256-6a0746a1ec1aef3e7ec53868f220ff6e389f6f8ef87a01d77c96807de94ca2aa"},
	{"/tmp/ollama1/runners/cuda_v12/ollama_llama_server|--model|/blobs/sha256-ab", NULL,
	 "sha256-ab"},
	{"ollama|serve", NULL, NULL},
	{"llama-server|-m|/models/llama-2-7b.Q4_K_M.gguf|-ngl|99", NULL, "llama-2-7b.Q4_K_M.gguf"},
	{"./build/bin/llama-cli|-m|models/7B/ggml-model-q4_0.gguf|-p|say --model", NULL,
	 "ggml-model-q4_0.gguf"},
	{"llama-server|-hf|ggml-org/gemma-3-1b-it-GGUF", "ggml-org", "ggml-org/gemma-3-1b-it-GGUF"},
	{"llama-server|-hf|bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0", "bartowski",
	 "bartowski/Llama-3.2-3B-Instruct-GGUF"},
	{"llama-server|--hf-repo|a/b|--hf-file|x.gguf|-m|/cache/x.gguf", "a", "a/b"},
	{"llama-server|--model-url|https://huggingface.co/a/b/resolve/main/x.gguf", "a", "a/b"},
	{"./main|-m|models/x.gguf", NULL, "x.gguf"},
	{"python3|-m|llama_cpp.server|--model|/m/phi-2.gguf", NULL, "phi-2.gguf"},
	{"llama-server|--port|1", NULL, NULL},
	/* others */
	{"lmdeploy|serve|api_server|internlm/internlm2_5-7b-chat|--tp|2", "internlm",
	 "internlm/internlm2_5-7b-chat"},
	{"mlc_llm|serve|HF://mlc-ai/Llama-3-8B-Instruct-q4f16_1-MLC", "mlc-ai",
	 "mlc-ai/Llama-3-8B-Instruct-q4f16_1-MLC"},
	{"python3|-m|fastchat.serve.model_worker|--model-path|lmsys/vicuna-7b-v1.5", "lmsys",
	 "lmsys/vicuna-7b-v1.5"},
};

static const struct line_case training[] = {
	{"python|run_clm.py|--model_name_or_path|gpt2|--do_train", NULL, "gpt2"},
	{"python|run_clm.py|--model-name-or-path=openai-community/gpt2-xl", "openai-community",
	 "openai-community/gpt2-xl"},
	{"accelerate|launch|--num_processes|4|train.py|--model_name_or_path|bigcode/starcoder2-3b",
	 "bigcode", "bigcode/starcoder2-3b"},
	{"torchrun|--nproc_per_node=8|finetune.py|--model_name_or_path|meta-llama/Llama-3.1-8B",
	 "meta-llama", "meta-llama/Llama-3.1-8B"},
	{"/opt/venv/bin/python|-u|finetune.py|--local_rank=0|--model_name_or_path|/data/Llama 3/base 8B",
	 NULL, "base 8B"},
	{"deepspeed|train.py|--model_name_or_path|a/b|--deepspeed|ds.json", "a", "a/b"},
	{"llamafactory-cli|train|--model_name_or_path|Qwen/Qwen2-7B", "Qwen", "Qwen/Qwen2-7B"},
	{"python|train_dreambooth.py|--pretrained_model_name_or_path=runwayml/stable-diffusion-v1-5",
	 "runwayml", "runwayml/stable-diffusion-v1-5"},
	{"python|train.py|--model|resnet50", NULL, "resnet50"},
	{"python|train.py|--model=vit_base_patch16_224|--epochs|3", NULL, "vit_base_patch16_224"},
	{"python|eval.py|--model|first/one|--model|second/one", "second", "second/one"},
	{"python|eval.py|--model|checkpoints/step-500", NULL, "step-500"},
	{"python|eval.py|--model|outputs/run1/checkpoint-500/", NULL, "checkpoint-500"},
	{"python|eval.py|--model|../weights/net.pt", NULL, "net.pt"},
	{"python|eval.py|--model|team/net.safetensors", NULL, "net.safetensors"},
	{"python|eval.py|--model|~/llama", NULL, "llama"},
	{"python|eval.py|--model|s3://bucket/models/bert", NULL, "bert"},
	{"python|eval.py|--model|a/b@v1.0", "a", "a/b"},
	{"python|eval.py|--model|https://huggingface.co/a/b", "a", "a/b"},
	{"python|eval.py|--model|/hub/models--meta-llama--Llama-2-7b-hf/snapshots/8a0442e8",
	 "meta-llama", "meta-llama/Llama-2-7b-hf"},
	{"python|eval.py|--model|/hub/models--gpt2/snapshots/607a30d7", NULL, "gpt2"},
	{"bash|train.sh|--model|a/b", "a", "a/b"},
	{"canhazgpu|run|--gpus|1|--|python|train.py|--model|a/b", "a", "a/b"},
	{"python|x.py|--model|caf\xc3\xa9/mod\x1b[31mel", NULL, "mod\x1b[31mel"},
};

static const struct line_case negatives[] = {
	{"grep|--model|file", NULL, NULL},
	{"grep|-r|--model", NULL, NULL},
	{"rg|--model=x|src", NULL, NULL},
	{"python|train.py|--modelling|x", NULL, NULL},
	{"python|train.py|--model-parallel-size|8", NULL, NULL},
	{"python|train.py|--model", NULL, NULL},
	{"python|train.py|--model|--epochs|3", NULL, NULL},
	{"python|train.py|--model=", NULL, NULL},
	{"python|train.py|--model|", NULL, NULL},
	{"python|train.py|--model|7", NULL, NULL},
	{"python|train.py|--model|..", NULL, NULL},
	{"python|train.py|--model|/", NULL, NULL},
	{"python|train.py|model|a/b", NULL, NULL},
	{"python|-m|a.module", NULL, NULL},
	{"tmux|new|-s|x|vllm serve a/b|--model|a/b", NULL, NULL},
	{"vim|vllm|serve|a/b", NULL, NULL},
	{"ssh|gpu1|vllm|serve|a/b", NULL, NULL},
	{"claude|--model|opus", NULL, NULL},
	{"bash|-c|vllm serve a/b", NULL, NULL},
	{"nvidia-smi", NULL, NULL},
	{"/usr/lib/xorg/Xorg|:0|-nolisten|tcp", NULL, NULL},
	{"", NULL, NULL},
};

/* Cuts a line of a table into arguments. */
static size_t cut(char *text, const char *argv[64])
{
	size_t argc = 0;
	char *next = text;

	while (next)
		argv[argc++] = strsep(&next, "|");
	return argc;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_table(const struct line_case *cases, size_t count, const char *comm)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *text = mem_strdup(cases[i].arguments);
		AUTO(model_clear) struct model m = {0};
		const char *argv[64];
		bool found = model_recognise(comm, argv, cut(text, argv), &m);

		if (found != (cases[i].model != NULL) || !same(m.model, cases[i].model) ||
		    !same(m.provider, cases[i].provider))
			fail_msg("%s: provider '%s', model '%s'", cases[i].arguments,
				 m.provider ? m.provider : "-", m.model ? m.model : "-");
	}
}

static void test_servers(void **state)
{
	(void)state;
	check_table(servers, ARRAY_SIZE(servers), "python3");
	check_table(servers, ARRAY_SIZE(servers), NULL);
}

static void test_training(void **state)
{
	(void)state;
	check_table(training, ARRAY_SIZE(training), "python3");
}

static void test_negatives(void **state)
{
	(void)state;
	check_table(negatives, ARRAY_SIZE(negatives), "python3");
}

/* The process name tells where the arguments do not: a loader, or a name that was rewritten. */
static void test_process_name(void **state)
{
	static const char *const by_loader[] = {"/lib/loader",  "/usr/bin/lm_eval", "--model", "hf",
						"--model_args", "pretrained=a/b"};
	static const char *const cut_name[] = {"x", "--model-id", "c/d", "--model", "e/f"};
	static const char *const any[] = {"x", "--model", "e/f"};
	AUTO(model_clear) struct model a = {0}, b = {0}, c = {0};

	(void)state;
	assert_true(model_recognise("lm_eval", by_loader, ARRAY_SIZE(by_loader), &a));
	assert_string_equal(a.model, "a/b");
	/* The kernel cuts "text-generation-launcher" after 15 bytes. */
	assert_true(model_recognise("text-generation", cut_name, ARRAY_SIZE(cut_name), &b));
	assert_string_equal(b.model, "c/d");
	assert_false(model_recognise("tmux: server", any, ARRAY_SIZE(any), &c));
	assert_false(model_recognise("vllm", NULL, 0, &c));
}

static void test_length_is_bounded(void **state)
{
	char name[MODEL_NAME_MAX + 2];
	const char *argv[] = {"python", "train.py", "--model", name};
	AUTO(model_clear) struct model m = {0};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(model_recognise("python", argv, ARRAY_SIZE(argv), &m));
	name[sizeof(name) - 2] = '\0';
	assert_true(model_recognise("python", argv, ARRAY_SIZE(argv), &m));
	assert_int_equal(strlen(m.model), MODEL_NAME_MAX);
}

/*
 * A chain of `depth` processes below a shell whose command line names the model; tells whether the
 * last of them is recognised. The shells hold each other by a pipe that only the test closes.
 */
static bool chain_is_recognised(int depth)
{
	AUTO_FREE char *script = NULL;
	AUTO(model_search_clear) struct model_search search = {0};
	AUTO(model_clear) struct model m = {0}, again = {0}, third = {0};
	int to[2], from[2], status;
	char line[32] = "";
	bool found;
	pid_t child;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	script = mem_strdup("echo $$; read x");
	for (int i = 0; i < depth; i++) {
		/* One quoted level more, through the environment; ':' keeps the shell from exec. */
		AUTO_FREE char *name = mem_printf("LEVEL%d", i);

		setenv(name, script, 1);
		free(script);
		script = mem_printf("sh -c \"$LEVEL%d\"; :", i);
	}
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script, "sh", "--model", "org/name", NULL);
		_exit(127);
	}
	close(from[1]);
	close(to[0]);
	assert_true(read(from[0], line, sizeof(line) - 1) > 1);
	found = model_search(&search, atoi(line), &m);
	/* A search that has seen it all before finds the same. */
	assert_int_equal(model_search(&search, atoi(line), &again), found);
	assert_int_equal(model_search(&search, atoi(line), &third), found);
	if (found)
		assert_string_equal(m.model, "org/name");
	close(to[1]);
	close(from[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return found;
}

static void test_ancestors(void **state)
{
	AUTO(model_search_clear) struct model_search search = {0};
	AUTO(model_clear) struct model m = {0};

	(void)state;
	assert_true(chain_is_recognised(0));
	assert_true(chain_is_recognised(3));
	assert_false(chain_is_recognised(4));
	assert_false(model_search(&search, 0, &m));
	assert_false(model_search(&search, -1, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),           cmocka_unit_test(test_training),
		cmocka_unit_test(test_negatives),         cmocka_unit_test(test_process_name),
		cmocka_unit_test(test_length_is_bounded), cmocka_unit_test(test_ancestors),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
