#!/usr/bin/env bats
# Cards that are not like the others, end to end: unified memory, sick and lost ones, what nvidia-smi says
# beside its table, and processes that are in the way.
# stores: any
# seconds: 15

load helpers

ME=$(id -un)

# card LETTER BUS [MEMBERS]: one GPU for cards.
card() {
	jq -nc --arg letter "$1" --argjson bus "$2" --argjson more "${3:-{\}}" \
		'{uuid: "GPU-\($letter)", name: "NVIDIA H100", bus: [0, $bus, 0], memory: [81559, 500, 4]} + $more'
}

# What the driver's library tells from now on.
cards() {
	nvml_state "$(printf '%s\n' "$@" | jq -sc '{driver_version: "580.1", gpus: .}')"
}

smi_apps() {
	printf '%s\n' "$@" >"$WORLD/smi/apps.csv"
}

A='0, GPU-a, Tesla V100, 00000000:1A:00.0, 32510, 0, 0, 33, 42.10, [N/A], 450.80.02'
B='1, GPU-b, Tesla V100, 00000000:B3:00.0, 32510, 0, 0, 33, 42.10, [N/A], 450.80.02'

@test "unified memory: idle without processes, and until they use more than the threshold" {
	use_smi
	smi_gpus '0, GPU-i, NVIDIA GB10, 0000000F:01:00.0, [N/A], [N/A], 0, 35, 11.17, [N/A], 580.142'
	smi_apps ''
	chg_ok admin
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.memory_shared)|\(.memory_used_mb)|\(.memory_total_mb > 0)"' \
		'AVAILABLE|true|0|true'
	smi_apps 'GPU-i, 99999991, Xorg, 300' 'GPU-i, 99999992, gnome-shell, 400'
	chg_ok run -- true
	assert_no_processes
	smi_apps 'GPU-i, 99999991, Xorg, 300' 'GPU-i, 99999992, python3, 900'
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.validation)"' 'UNRESERVED|1200MB of shared memory used'
	smi_apps 'GPU-i, 99999991, Xorg, [N/A]'
	chg reserve
	assert_error 1 'in use without reservation'
	# The library tells the same.
	use_nvml
	cards '{"uuid": "GPU-i", "name": "NVIDIA GB10", "bus": [15, 1, 0], "compute": []}'
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.memory_shared)"' 'AVAILABLE|true'
}

@test "lines of nvidia-smi that are no rows are no GPUs, and move no number" {
	use_smi
	smi_gpus "$A" "$B" 'WARNING: infoROM is corrupted at gpu 0000:1A:00.0'
	smi_apps 'WARNING: infoROM is corrupted at gpu 0000:1A:00.0'
	chg_ok admin
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
	chg_ok status --json
	assert_json 'map("\(.status) \(.health)") | join("|")' 'AVAILABLE warning|AVAILABLE null'
	smi_gpus $'\x1b[33mMaintenance on Friday\x1b[0m' "$A" \
		'Unable to determine the device handle for GPU 0000:B3:00.0: Unknown Error'
	chg_ok status --json
	assert_json 'map(.status) | join("|")' 'AVAILABLE|ERROR'
	[[ $(jq -r '.[1].error' <<<"$stdout") == 'GPU-b is gone; '*'GPU 0000:B3:00.0: Unknown Error' ]]
	chg_ok admin --force
	assert_stdout 'Initialized 1 GPUs (IDs 0 to 0)'
}

@test "an old nvidia-smi is asked without the fields that it does not know" {
	use_smi
	echo mig.mode.current >"$WORLD/smi/gpus.unknown"
	smi_gpus '0, GPU-a, Tesla V100, 00000000:1A:00.0, 32510, 0, 0, 33, 42.10, 450.80.02'
	smi_apps ''
	chg_ok admin
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.gpu_model)"' 'AVAILABLE|Tesla V100'
}

@test "a GPU that needs a reset is nobody's, not even by force, until it is well again" {
	use_nvml
	cards "$(card a 1)" "$(card b 2)" "$(card c 3)"
	chg_ok admin
	cards "$(card a 1)" "$(card b 2 '{"recovery_action": 1}')" "$(card c 3 '{"remapped": [0, 1, 1, 0]}')"
	chg_ok status --json
	assert_json 'map("\(.status) \(.health)") | join("|")' 'AVAILABLE null|ERROR faulty|AVAILABLE warning'
	assert_json '.[1].error' \
		"the driver asks for a reset of it: 'nvidia-smi --gpu-reset -i 00000000:02:00.0' as root, or reboot this host"
	chg reserve --gpu-ids 1 --force
	assert_error 1 'GPU 1 is not available: its driver says that it cannot be used'
	chg reserve --gpus 3 --force
	assert_error 1 'Requested: 3, Available: 2'
	chg doctor
	assert_status 1
	assert_stdout_has 'GPU 1 is faulty: the driver asks for a reset'
	assert_stdout_has 'GPU 2 needs attention: a row of its memory is about to be remapped'
	cards "$(card a 1)" "$(card b 2)" "$(card c 3)"
	chg_ok reserve --gpu-ids 1
}

@test "a lost GPU keeps its id, and says why; the others stay what they are" {
	use_nvml
	cards "$(card a 1)" "$(card b 2)" "$(card c 3)"
	chg_ok admin
	chg_ok reserve --gpu-ids 1 --user alice
	cards "$(card a 1)" "$(card b 2 '{"codes": {"nvmlDeviceGetHandleByIndex": 15}}')" "$(card c 3)"
	chg_ok status --json
	assert_json 'map(.status) | join("|")' 'AVAILABLE|IN_USE|AVAILABLE'
	[[ $(jq -r '.[1].validation' <<<"$stdout") == 'unknown: GPU-b is gone; '*'GPU is lost: reboot this host'* ]]
	chg_ok release
	chg_ok reserve --gpus 2
	assert_stdout_has 'Reserved 2 GPU(s): [0, 2]'
}

# in_the_way PID MB TOTAL: a process has MB of the TOTAL that are in use on GPU 0.
in_the_way() {
	fake_state '{"gpus": [{"memory_used_mb": '"$3"', "utilization_percent": 0,
		"processes": [{"pid": '"$1"', "memory_mb": '"$2"'}]}]}'
}

@test "a process in the way is shown with its age and memory, and can be ignored until it ends" {
	start_background stale sleep 1000
	in_the_way "$background_pid" 1600 1612
	chg_ok admin --provider fake --gpus 1
	chg_ok status --json
	assert_json '.[0].status' UNRESERVED
	assert_json '.[0].processes[0] | "\(.pid) \(.account) \(.memory_mb) \(has("started_at"))"' \
		"$background_pid $ME 1600 true"
	chg reserve
	assert_error 1 'in use without reservation'
	chg_ok admin --ignore-process "$background_pid"
	assert_stdout_has "Ignoring process $background_pid ("
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.processes[0].ignored.by)|\(.processes[0].ignored.memory_mb)"' \
		"AVAILABLE|$ME|1600"
	assert_json '.[0].validation' "1612MB used, 1600MB ignored (PID $background_pid)"
	chg doctor
	assert_stdout_has "1600 MB of process $background_pid ("
	chg_ok run -- true
	# What it takes beyond that counts, and so does what others take.
	in_the_way "$background_pid" 2900 2912
	chg reserve
	assert_error 1 'in use without reservation'
	in_the_way "$background_pid" 1600 1612
	chg_ok admin --no-ignore-process "$background_pid"
	chg reserve
	assert_error 1 'in use without reservation'
	chg admin --no-ignore-process "$background_pid"
	assert_error 1 "process $background_pid is not ignored"
	chg_ok admin --ignore-process "$background_pid"
	kill "$background_pid"
	wait "$background_pid" || true
	# Whatever has that pid now, it is another process.
	chg reserve
	assert_error 1 'in use without reservation'
	chg admin --ignore-process "$background_pid"
	assert_status 1
}

@test "a waiting request gets the GPU as soon as the process in its way is ignored" {
	start_background stale sleep 1000
	stale=$background_pid
	in_the_way "$stale" 1600 1612
	chg_ok admin --provider fake --gpus 1
	start_background waiter canhazgpu reserve --wait
	wait_until '[ "$(chg_ok queue --json && jq ".entries | length" <<<"$stdout")" = 1 ]'
	chg_ok admin --ignore-process "$stale"
	wait_until 'chg_ok status --json && [ "$(jq -r ".[0].status" <<<"$stdout")" = IN_USE ]'
}

@test "processes are ignored by administrators alone, and only those that are there" {
	chg_ok admin --provider fake --gpus 1
	chg admin --ignore-process 1
	assert_error 1 'no GPU of the pool is used by process 1'
	chg admin --ignore-process 0
	assert_status 2
	chg admin --ignore-process 7 --force
	assert_error 2 '--ignore-process and --no-ignore-process cannot be used with other options'
	fake_state '{"gpus": [{"processes": [{"pid": '$$', "memory_mb": null}]}]}'
	chg admin --ignore-process $$
	assert_error 1 'the driver does not report how much memory'
}
