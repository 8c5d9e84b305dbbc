#!/usr/bin/env bats
# A cluster with GPUs of several types: n1 has two without a type, n2 two of a100 and two of h100.

load helpers

setup_file() {
	NODES=1 GPUS=2 TYPES=a100:2,h100:2 cluster_open
}

teardown_file() {
	cluster_close
}

setup() {
	[ -e "$cluster/c/slurm.conf" ] || skip 'there is no cluster'
}

teardown() {
	end_test
}

# Where the GPUs of jobs are, as status has it: "n2:0 n2:1".
held() {
	chg status --json | jq -r '[.[] | select(.status == "IN_USE") | "\(.node):\(.node_gpu)"] | join(" ")'
}

@test "status knows the type of each GPU, and how many of each are free" {
	chg reserve --type h100 --slurm --mem=50 >/dev/null
	run -0 chg status --json
	[ "$(jq -r '[.[] | "\(.node):\(.node_gpu) \(.gpu_model)"] | join(", ")' <<<"$output")" = \
		'n1:0 GPU, n1:1 GPU, n2:0 a100, n2:1 a100, n2:2 h100, n2:3 h100' ]
	[ "$(jq -r '[.[] | select(.gpu_model == "h100") | .status] | sort | join(" ")' <<<"$output")" = 'AVAILABLE IN_USE' ]
	run -0 chg status --summary
	[[ $output == *$'\nGPU: 2 available out of 2, 0 in use, 0 unreserved\na100: 2 available out of 2, 0 in use, 0 unreserved\nh100: 1 available out of 2, 1 in use, 0 unreserved\n'* ]]
}

@test "run --type: GPUs of that type, as many as one node has of them" {
	run -0 --separate-stderr chg run --type h100 --gpus 2 -- sh -c 'echo "$SLURMD_NODENAME"; exec "$0" status --json' "$CANHAZGPU_BIN"
	[ "${lines[0]}" = n2 ]
	[ "$(tail -n +2 <<<"$output" | jq -r '[.[] | select(.status == "IN_USE") | .gpu_id] | join(" ")')" = '4 5' ]
	[[ $stderr == 'Reserved 2 GPU(s) on n2: [2,3] for command execution (job '* ]]
	run -1 chg run --type a100 --gpus 3 -- true
	[ "$output" = 'Error: Slurm: Requested node configuration is not available' ]
	run -1 chg run --type v100 -- true
	[ "$output" = 'Error: Slurm: Requested node configuration is not available' ]
	run -2 chg run --type 'a100,gpu:h100' -- true
	[[ $output == *"with Slurm it is the type of the GPUs in gres.conf"* ]]
}

@test "without a type, GPUs of any will do, of two as well" {
	chg reserve --gpus 2 --slurm --mem=50 --nodelist=n2 >/dev/null
	[ "$(held)" = 'n2:0 n2:1' ]
	chg release
	wait_until is_quiet
	# More than there are of any type.
	chg reserve --gpus 3 --slurm --mem=50 >/dev/null
	[ "$(held | wc -w)" = 3 ]
	[[ $(held) == *n2:[01]*n2:[23] ]]
}

@test "reserve --type: run uses it for that type, and for none, and not for another" {
	local job
	job=$(chg reserve --type a100 --gpus 2 --short --slurm --mem=50)
	[ "$(held)" = 'n2:0 n2:1' ]
	for type in '--type a100' ''; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr chg run $type -- sh -c 'echo "$SLURM_JOB_ID"'
		[ "$output" = "$job" ]
	done
	run -0 --separate-stderr chg run --type h100 -- sh -c 'echo "$SLURM_JOB_ID"'
	[ "$output" != "$job" ]
	[[ $stderr == 'Reserved 1 GPU(s) on n2: ['[23]'] '* ]]
}

@test "queue tells the type that a job waits for" {
	local filler
	slurm salloc --no-shell --nodes=1 --gres=gpu:h100:2 --time=60 --mem=50 2>/dev/null
	filler=$(slurm squeue -h -o %A)
	chg_begin typed run --wait --type h100 -- true
	wait_until 'grep -q "Waiting for 1 GPU: job" "$cluster/typed.err"'
	run -0 --separate-stderr chg queue --json
	[ "$(jq -r '.entries[] | "\(.requested) \(.gpu_type)"' <<<"$output")" = '1 h100' ]
	run -0 chg queue --explain "$(jq -r '.entries[0].id' <<<"$output")"
	[[ $output == 'Job '*' is waiting for 1 GPU of type h100 in the partition main'* ]]
	# All that it does not want is free.
	[ "$(chg status --json | jq -r '[.[] | select(.status == "AVAILABLE") | .gpu_model] | unique | join(" ")')" = 'GPU a100' ]
	chg cancel "$filler"
	wait $pid
}
