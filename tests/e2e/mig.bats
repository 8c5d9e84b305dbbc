#!/usr/bin/env bats
# MIG instances end to end: each is a number of the pool. The real provider code over a stub of the
# driver's library, and over one of nvidia-smi (tests/stubs).
# stores: each
# seconds: 15

load helpers

GPU='"name": "NVIDIA A100-SXM4-40GB"'

# whole LETTER BUS; divided LETTER BUS [INSTANCE]...: one GPU for nvml_state. The driver shows memory and
# processes of one in MIG mode to root alone.
whole() {
	echo "{\"uuid\": \"GPU-$1\", $GPU, \"bus\": [0, $2, 0], \"memory\": [40960, 500, 4], \"compute\": []}"
}

divided() {
	local letter=$1 bus=$2
	shift 2
	echo "{\"uuid\": \"GPU-$letter\", $GPU, \"bus\": [0, $bus, 0], \"codes\": {\"nvmlDeviceGetMemoryInfo\": 4,
		\"nvmlDeviceGetComputeRunningProcesses\": 4}, \"mig\": [$(IFS=, && echo "$*")]}"
}

# slice NAME PROFILE USED_MB: an instance, whose processes are not for everyone.
slice() {
	echo "{\"uuid\": \"MIG-$1\", \"name\": \"NVIDIA A100-SXM4-40GB MIG $2\", \"memory\": [4864, 0, $3],
		\"codes\": {\"nvmlDeviceGetComputeRunningProcesses\": 4}}"
}

cards() {
	nvml_state "{\"driver_version\": \"550.54.14\", \"gpus\": [$(IFS=, && echo "$*")]}"
}

@test "instances have numbers, names and uses of their own" {
	use_nvml
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)" null "$(slice 2 2g.10gb 9000)")" "$(whole b 2)" "$(divided c 3)"
	chg_ok admin
	assert_stdout 'Initialized 3 GPUs (IDs 0 to 2)'
	chg_ok status
	assert_stdout_has '1g.5gb of GPU 0: never used'
	assert_stderr ''
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE UNRESERVED AVAILABLE'
	assert_json 'map(.visible) | join(" ")' 'MIG-1 MIG-2 GPU-b'
	assert_json '.[1] | "\(.profile) \(.parent.uuid) \(.parent.index) \(.memory_used_mb)"' '2g.10gb GPU-a 0 9000'
	assert_json '.[2] | has("profile") or has("parent")' false
	# Whole GPUs first; an instance for who asks for one, or gets nothing else.
	chg_ok run --gpus 1 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout GPU-b
	chg_ok run --gpus 1 --type 1g.5gb -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout MIG-1
	chg_ok reserve --gpu-ids 2 --short
	chg_ok reserve --gpus 1 --short
	assert_stdout MIG-1
}

@test "several GPUs are whole ones, unless instances are asked for" {
	use_nvml
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)" "$(slice 2 1g.5gb 3)")" "$(whole b 2)"
	chg_ok admin
	chg run --gpus 2 -- true
	assert_status 1
	assert_stderr_has 'only 1 whole GPU in service'
	chg run --gpus 2 --wait -- true
	assert_status 1
	chg_ok reserve --gpus 2 --type mig --short
	assert_stdout MIG-1,MIG-2
	assert_stderr_has 'a program uses only one MIG instance'
}

@test "admin --refresh takes on what is new, and retires what is gone, beside reservations" {
	use_nvml
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)" "$(slice 2 1g.5gb 3)")" "$(whole b 2)"
	chg_ok admin
	chg_ok reserve --gpu-ids 0,2 --note kept
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)" "$(slice 3 2g.10gb 3)")" "$(whole b 2)"
	chg_ok status
	assert_stderr_has "Note: GPU 1 is gone, 1 new GPU or MIG instance has no number: 'canhazgpu admin --refresh'"
	chg reserve --gpu-ids 1
	assert_status 1
	chg_ok admin --refresh
	assert_stdout_has 'Added 1 GPU(s): [3]'
	assert_stdout_has 'Retired 1 GPU(s): [1]'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE DRAINED IN_USE AVAILABLE'
	assert_json '.[1] | has("retired_at") and (has("excluded") | not)' true
	assert_json 'map(.note // "-") | join(" ")' 'kept - kept -'
	chg reserve --gpu-ids 1 --force
	assert_status 1
	assert_stderr_has 'retired'
	chg_ok admin --refresh
	assert_stdout 'Nothing to change: the pool has the GPUs that the driver shows'
	# What cannot be listed is not gone; what comes back is the same number.
	cards "$(divided a 1 "$(slice 2 1g.5gb 3)" "$(slice 3 2g.10gb 3)")" "$(whole b 2)"
	chg_ok admin --refresh
	assert_stdout_has 'Brought back 1 GPU(s): [1]'
	assert_stdout_has 'Retired 1 GPU(s): [0]'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE IN_USE AVAILABLE'
	chg_ok release --all
	chg_ok reserve --gpu-ids 1 --short
	assert_stdout MIG-2
}

@test "whoever asks for a card that is divided is told its instances" {
	use_nvml
	cards "$(whole a 1)" "$(divided b 2 "$(slice 1 1g.5gb 3)")"
	chg_ok admin
	chg reserve --gpu-ids GPU-b
	assert_error 1 'GPU-b is in MIG mode: ask for its instances, GPU 1'
	chg_ok reserve --gpu-ids 0
	cards "$(divided a 1 "$(slice 2 1g.5gb 3)" "$(slice 3 1g.5gb 3)")" "$(divided b 2 "$(slice 1 1g.5gb 3)")"
	chg_ok status
	assert_stdout_has "GPU-a is in MIG mode: 'canhazgpu admin --refresh' gives its instances numbers"
	chg_ok admin --refresh
	assert_stdout_has 'Retired 1 GPU(s): [0] (gone, or divided; existing reservations continue to their end)'
	chg_ok status
	assert_stdout_has 'GPU-a is in MIG mode: its instances are GPUs 2, 3'
	chg reserve --gpu-ids 0
	assert_error 1 'GPU 0 is out of service (retired): ask for its MIG instances, GPUs 2, 3'
	chg reserve --gpu-ids GPU-a
	assert_error 1 'GPU 0 is out of service (retired): ask for its MIG instances, GPUs 2, 3'
}

@test "a request that waits gets an instance that is made meanwhile" {
	use_nvml
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)")"
	chg_ok admin
	chg_ok reserve --short
	start_background waiting canhazgpu reserve --wait --type 1g.5gb --short
	wait_until '[ "$(in_world canhazgpu queue --json | jq .total_waiting)" = 1 ]'
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)" "$(slice 2 1g.5gb 3)")"
	chg_ok admin --refresh
	wait_background waiting
	assert_equal "$status $(cat "$WORLD/waiting.out")" '0 MIG-2'
}

@test "nvidia-smi lists instances; how much memory they use is unknown" {
	use_smi
	printf '%s\n' '0, GPU-a, A100, 00000000:31:00.0, 40960, [N/A], [N/A], 33, 62.10, Enabled, 535.1' \
		'1, GPU-b, A100, 00000000:B1:00.0, 40960, 4, 0, 33, 62.10, Disabled, 535.1' >"$WORLD/smi/gpus.csv"
	printf '%s\n' 'GPU 0: A100 (UUID: GPU-a)' '  MIG 1g.5gb      Device  0: (UUID: MIG-1)' \
		'GPU 1: A100 (UUID: GPU-b)' >"$WORLD/smi/list.txt"
	chg_ok admin
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'ERROR AVAILABLE'
	assert_json '.[0] | "\(.visible) \(.profile)"' 'MIG-1 1g.5gb'
	chg_ok reserve --gpu-ids MIG-1 --force --short
	assert_stdout MIG-1
}

@test "a driver that does not say whether a GPU is in MIG mode costs no instance its number" {
	use_nvml
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)")" "$(whole b 2)"
	chg_ok admin
	cards "$(whole a 1 | sed 's/"bus"/"codes": {"nvmlDeviceGetMigMode": 999}, "bus"/')" "$(whole b 2)"
	chg_ok admin --refresh
	assert_stdout_has 'Left out 1 GPU(s)'
	chg_ok run --gpus 1 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout GPU-b
	cards "$(divided a 1 "$(slice 1 1g.5gb 3)")" "$(whole b 2)"
	chg_ok run --gpu-ids 0 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_stdout MIG-1
}
