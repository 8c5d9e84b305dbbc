#!/usr/bin/env bats
# GPUs that are linked: what admin records, what status shows, and what requests get.
# stores: any
# seconds: 3

load helpers

# So many GPUs in bridged pairs: 0-1, 2-3.
bridges_of() {
	nvml_state "$(jq -nc --argjson count "$1" '{driver_version: "580.1", gpus: [range($count) as $i | {
		uuid: "GPU-\($i)", name: "NVIDIA A100", bus: [4660, $i, 0], memory: [81559, 500, 4],
		nvlinks: [[4660, ($i | if . % 2 == 0 then . + 1 else . - 1 end), 0]],
		ancestor: [range($i) | 50]}]}')"
}

# A pool of four of them.
bridges() {
	use_nvml
	bridges_of 4
	chg_ok admin
}

@test "status --topology shows what admin has recorded" {
	bridges
	chg_ok status --topology
	assert_stdout_has 'GPU1     NV1    X      SYS    SYS'
	assert_stdout_has 'NV#   connected by # NVLinks'
	assert_stderr ''
	chg_ok status --topology --json
	assert_json '.[2] | "\(.gpu_id) \(.uuid) \(.links | join(","))"' '2 GPU-2 SYS,SYS,X,NV1'
	chg_ok status --json
	assert_json 'map("\(.gpu_id) \(.island)") | join("|")' '0 0|1 0|2 1|3 1'
	chg doctor
	assert_stdout_has 'how the GPUs are linked is recorded: 2 groups have links of their own'
	chg status --topology --summary
	assert_error 2 '--topology can be used with --json alone'
}

@test "admin --refresh records how they are linked now, and ends nothing" {
	use_nvml
	nvml_state "$(jq -nc '{driver_version: "580.1", gpus: [range(2) as $i | {
		uuid: "GPU-\($i)", name: "NVIDIA A100", bus: [4660, $i, 0], memory: [81559, 500, 4]}]}')"
	chg_ok admin
	chg_ok reserve --gpu-ids 0
	bridges_of 4
	chg_ok admin --refresh
	chg_ok status --topology
	assert_stdout_has 'GPU3     SYS    SYS    NV1    X'
	assert_equal "$(held)" 0
}

@test "a request for two gets a pair, one for one the half of a broken one" {
	bridges
	chg_ok reserve --gpu-ids 1
	chg_ok reserve --gpus 2 --short
	assert_stdout '2,3'
	chg_ok release --gpu-ids 2,3
	chg_ok reserve --gpu-ids 3 --note 'breaks the other pair'
	chg reserve --gpus 2 --linked
	assert_error 1 'Not enough linked GPUs available. Requested: 2, Available together: 1'
	chg_ok reserve --gpus 2 --linked=prefer --short
	assert_stdout '0,2'
	chg reserve --gpus 3 --linked
	assert_error 1 'Requested 3 linked GPUs, but at most 2 in service are so'
}

@test "a demand that waits takes the pair that is complete first, and keeps nobody from the other" {
	bridges
	chg_ok reserve --gpu-ids 0,1,2
	start_background demand canhazgpu reserve --gpus 2 --linked --wait --short
	# It collects 3, and leaves the others to whoever comes.
	wait_until '[ "$(held)" = "0 1 2 3" ]'
	read_file "$WORLD/demand.err"
	[[ $file_text =~ 'as request '([0-9a-f]{8}) ]]
	chg_ok queue --explain "${BASH_REMATCH[1]}"
	assert_stdout_has 'is waiting for 2 GPUs, one of [2, 3], since'
	chg_ok release --gpu-ids 0
	chg_ok reserve --short
	assert_stdout '0'
	chg_ok release --gpu-ids 0,1
	wait_background demand
	assert_equal "$status" 0
	read_file "$WORLD/demand.out"
	assert_equal "$file_text" '0,1'
	assert_equal "$(held)" '0 1 2'
}

@test "nothing is recorded of fake GPUs: a demand says so, a wish takes any" {
	chg_ok admin --provider fake --gpus 2
	chg reserve --gpus 2 --same-numa
	assert_error 1 'how the GPUs of this pool are linked is not recorded'
	chg_ok reserve --gpus 2 --same-numa=prefer
	chg_ok status --topology
	assert_stderr_has 'not recorded'
}
