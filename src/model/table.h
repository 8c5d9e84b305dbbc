/*
 * The programs that model detection knows: one row per way to name a model. Only model.c includes
 * this file; a new server or training program is one more row here, and a line or two in
 * tests/unit/test_model.c.
 */
#ifndef MODEL_TABLE_H
#define MODEL_TABLE_H

#include <stdbool.h>

/* Lists are separated by spaces; a name that ends in '*' stands for all that begin like it. */
struct recogniser {
	const char *programs; /* commands or Python modules; NULL: any */
	const char
		*word; /* the model is the first argument behind this one; "": the first of all */
	const char *pairs;   /* options with key=value,... or a JSON object */
	const char *options; /* options with the model, the better ones first */
	const char *ending;  /* their value must end like this */
	bool final;          /* a program known so well that no later row is tried */
};

/* The first row that finds a model wins. */
static const struct recogniser recognisers[] = {
	/* Here --model is the kind of model ("hf", "vllm"). */
	{.programs = "lm_eval lm-eval", .pairs = "--model_args -a", .final = true},
	{.programs = "vllm", .word = "serve"},
	{.programs = "vllm vllm.*", .options = "--model --model-tag"},
	{.programs = "sglang sglang.*", .options = "--model-path --model"},
	{.programs = "text-generation-server", .word = "serve"},
	{.programs = "text-generation-launcher text-embeddings-router", .options = "--model-id"},
	{.programs = "trtllm-serve", .word = "serve"},
	{.programs = "trtllm-serve", .word = "", .final = true},
	{.programs = "lmdeploy", .word = "api_server"},
	{.programs = "mlc_llm", .word = "serve"},
	{.programs = "aphrodite", .word = "run"},
	{.programs = "ollama ollama_llama_server", .options = "--model", .final = true},
	{.programs = "llama-* llamafile",
	 .options = "-hf -hfr --hf-repo -m --model -mu --model-url"},
	{.options = "-m", .ending = ".gguf"},
	{.options = "--model_name_or_path --pretrained_model_name_or_path"},
	{.options = "--model --model-path --model-id --model-name"},
};

/* Programs that only start others: the one that matters stands among their arguments. */
static const char launchers[] =
	"python* pypy* sh bash dash zsh fish ksh env sudo doas nohup nice ionice chrt taskset numactl "
	"time timeout stdbuf setsid unbuffer strace ltrace gdb cuda-gdb valgrind nsys ncu "
	"compute-sanitizer py-spy memray coverage uv uvx poetry pipenv pdm pixi hatch rye conda mamba "
	"micromamba srun mpirun mpiexec orterun prterun torchrun accelerate deepspeed ray singularity "
	"apptainer tini dumb-init docker-init catatonit xvfb-run canhazgpu chg ld-linux*";

/*
 * Programs whose --model is not what runs on a GPU here, or whose arguments are somebody else's
 * command line: a terminal multiplexer is an ancestor of all that runs in it.
 */
static const char bystanders[] =
	"grep egrep fgrep zgrep rg ag ack less more man vi vim nvim nano emacs cat tail head sed awk "
	"find xargs echo printf ps pgrep pkill watch tee diff git make ssh sshd scp rsync curl wget "
	"tmux tmux:* screen SCREEN dtach zellij byobu mosh-server systemd docker podman kubectl "
	"claude codex gemini aider llm code cursor*";

#endif
