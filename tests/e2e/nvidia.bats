#!/usr/bin/env bats
# NVIDIA GPUs end to end: the real provider code over a stub of the driver's library, and over a stub
# of nvidia-smi where that library is of no use (tests/stubs).
# stores: any
# seconds: 20

load helpers

ME=$(id -un)

# card LETTER BUS USED_MB [MEMBERS]: one GPU for nvml_state. USED_MB may be null.
card() {
	jq -nc --arg letter "$1" --argjson bus "$2" --argjson used "$3" --argjson more "${4:-{\}}" \
		'{uuid: "GPU-\($letter)", name: "NVIDIA H100 80GB HBM3", bus: [0, $bus, 0],
		memory: [81559, 500, $used], compute: [], graphics: []} + $more'
}

cards() {
	nvml_state "$(printf '%s\n' "$@" | jq -sc '{driver_version: "550.54.14", gpus: .}')"
}

# visible ARGUMENTS: CUDA_VISIBLE_DEVICES as `run` sets it, with CUDA_DEVICE_ORDER. The GPUs are free
# again afterwards.
visible() {
	chg_ok run "$@" -- sh -c 'echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER"'
	assert_no_processes
	echo "$stdout"
}

@test "status: names, memory and processes as the driver tells them" {
	use_nvml
	start_background job sleep 1000
	wait_until '[ "$(cat "/proc/$background_pid/comm")" = sleep ]'
	cards "$(card a 1 4)" "$(card b 2 8452 '{"compute": [['"$background_pid"', 8400]]}')" \
		"$(card c 3 2000 '{"graphics": [[99999991, null]]}')"
	chg_ok admin
	assert_stdout 'Initialized 3 GPUs (IDs 0 to 2)'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE UNRESERVED UNRESERVED'
	assert_json 'map(.gpu_model) | unique | join("|")' 'NVIDIA H100 80GB HBM3'
	assert_json '.[0].validation' '4MB used'
	assert_json '.[1] | "\(.process_info)|\(.unreserved_users[0])"' \
		"8452MB used by PID $background_pid (sleep)|$ME"
	assert_json '.[2] | "\(.process_info)|\(.unreserved_users[0])"' \
		'2000MB used by PID 99999991 (unknown)|unknown'
	chg_ok reserve --short
	assert_stdout 0
	chg reserve
	assert_error 1 'Available: 0 (2 GPUs in use without reservation'
}

@test "status in a container: the driver's pids name nobody there, neither an owner nor a model" {
	need_root
	unshare --mount --pid --fork --mount-proc true 2>/dev/null || skip 'no pid namespaces here'
	use_nvml
	# Process 2 is the one of the container; the driver means the host's.
	cards "$(card a 1 8000 '{"compute": [[2, 7900]]}')" "$(card b 2 8000 '{"compute": [[2, 7900]]}')"
	chg_ok admin
	chg_ok reserve --gpu-ids 0 --force
	status=0
	mkfifo "$WORLD/gate"
	# shellcheck disable=SC2016
	in_world unshare --mount --pid --fork --mount-proc sh -euc '
		sh -c "read x <\"\$1\"" sh "$0" --model org/theirs &
		[ $! = 2 ]
		until grep -q theirs /proc/2/cmdline; do :; done
		canhazgpu status --json
		echo >"$0"' "$WORLD/gate" >"$WORLD/stdout" || status=$?
	assert_status 0
	assert_json 'map(.model) | unique | tojson' '[null]'
	assert_json '.[0] | "\(.validation)|\(has("unreserved_users"))"' '8000MB, 1 processes|false'
	assert_json '.[1].process_info' '8000MB used by PID 2 (unknown)'
}

@test "what the driver does not tell is unknown, and never handed out" {
	use_nvml
	cards "$(card a 1 null)" "$(card b 2 4 '{"codes": {"nvmlDeviceGetHandleByIndex": 4}}')" \
		"$(card c 3 4 '{"codes": {"nvmlDeviceGetMemoryInfo": 15}}')" "$(card d 4 4)"
	chg_ok admin --gpus 4
	chg_ok status --json
	assert_json 'map(.status) | sort | join(" ")' 'AVAILABLE ERROR ERROR ERROR'
	chg reserve --gpus 2
	assert_error 1 "Requested: 2, Available: 1 (3 GPUs whose use is unknown - run 'canhazgpu status' for details)"
	chg_ok reserve
	chg reserve
	assert_error 1 'Requested: 1, Available: 0 (3 GPUs whose use is unknown'
}

@test "run sets ascending ids in the order of the bus, and says so to CUDA" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)" "$(card c 3 4)"
	chg_ok admin
	assert_equal "$(visible --gpus 2)" '0,1 PCI_BUS_ID'
	world_set CUDA_VISIBLE_DEVICES=7
	world_set CUDA_DEVICE_ORDER=FASTEST_FIRST
	assert_equal "$(visible --gpu-ids 2,0)" '0,2 PCI_BUS_ID'
	# The driver's own order is of no importance.
	cards "$(card c 3 4)" "$(card a 1 4)" "$(card b 2 9000)"
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE UNRESERVED AVAILABLE'
	assert_equal "$(visible --gpu-ids 2,0)" '0,2 PCI_BUS_ID'
}

@test "when the numbers have moved since admin, a GPU keeps its id, and CUDA gets the present ones" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)"
	chg_ok admin
	# A card was put in front of them: what was number 0 is number 1 now.
	cards "$(card new 0 4)" "$(card a 1 4)" "$(card b 2 9000)"
	chg_ok status --json
	assert_json 'map("\(.status) \(.visible) \(.uuid)") | join(", ")' 'AVAILABLE 1 GPU-a, UNRESERVED 2 GPU-b'
	assert_equal "$(visible --gpu-ids 0)" '1 PCI_BUS_ID'
	cards "$(card new 0 9000)" "$(card a 1 4)" "$(card b 2 4)"
	assert_equal "$(visible --gpus 2)" '1,2 PCI_BUS_ID'
	chg_ok reserve --gpu-ids 1
	assert_stdout_has 'Reserved 1 GPU(s): [1] for 8h 0m 0s'
	assert_stdout_has 'CUDA_VISIBLE_DEVICES=2'
	# Made anew, the pool has the driver's numbers again.
	chg_ok admin --force
	assert_equal "$(visible --gpu-ids 1,2)" '1,2 PCI_BUS_ID'
}

@test "a GPU that is gone since admin is an error, the others keep their ids" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)" "$(card c 3 4)"
	chg_ok admin
	chg_ok reserve --gpu-ids 0 --user alice
	cards "$(card b 2 4)" "$(card c 3 9000)"
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE UNRESERVED'
	assert_json '.[0] | "\(.user)|\(.validation)"' 'alice|unknown: GPU-a is gone'
	chg_ok release
	chg_ok status --json
	assert_json '.[0] | "\(.status)|\(.error)|\(has("visible"))"' 'ERROR|GPU-a is gone|false'
	chg reserve --gpu-ids 0
	assert_error 1 'GPU 0 is not available: its use is unknown'
	# Not even by force: nothing says which card that would be.
	chg reserve --gpu-ids 0 --force
	assert_error 1 'GPU 0 is not available: its use is unknown'
	assert_equal "$(visible)" '0 PCI_BUS_ID'
	chg_ok reserve --short
	assert_stdout 0
	assert_stderr ''
	chg_ok release --gpu-ids gpu-B
	assert_stdout 'Released 1 GPU(s): [1]'
}

@test "where a number may mean another card to CUDA, a job gets UUIDs" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)" "$(card c 3 4)"
	chg_ok admin
	# CUDA leaves out a card that it cannot reach, and counts MIG instances behind the others.
	for members in '{"codes": {"nvmlDeviceGetHandleByIndex": 4}}' '{"codes": {"nvmlDeviceGetHandleByIndex": 15}}' \
		'{"codes": {"nvmlDeviceGetMemoryInfo": 15}}' '{"mig": []}'; do
		cards "$(card a 1 4 "$members")" "$(card b 2 4)" "$(card c 3 4)"
		assert_equal "$(visible --gpu-ids 1)" 'GPU-b PCI_BUS_ID'
	done
	assert_equal "$(visible --gpu-ids 1,2)" 'GPU-b,GPU-c PCI_BUS_ID'
	chg_ok reserve --gpu-ids 2 --short
	assert_stdout GPU-c
	chg_ok status --json
	assert_json '.[2].visible' GPU-c
	world_set CANHAZGPU_RUN_VISIBLE=index
	chg run --gpu-ids 1 -- true
	assert_error 1 "run.visible is 'index', but numbers may mean other GPUs here: GPU 0 of the driver is cut into MIG instances - set it to 'auto' or 'uuid'"
	chg reserve --wait --gpu-ids 1
	assert_error 1 "run.visible is 'index'"
	chg_ok release
	# All is well again.
	cards "$(card a 1 4)" "$(card b 2 4)" "$(card c 3 4)"
	assert_equal "$(visible --gpu-ids 1,2)" '1,2 PCI_BUS_ID'
	world_set CANHAZGPU_RUN_VISIBLE=uuid
	assert_equal "$(visible --gpu-ids 1,2)" 'GPU-b,GPU-c PCI_BUS_ID'
}

@test "a driver that hangs: status answers within the limit, reservations stay, nothing is left behind" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)"
	chg_ok admin
	chg_ok reserve --gpu-ids 0 --user alice
	nvml_state '{"hang": "nvmlInit"}'
	world_set CANHAZGPU_GPU_TIMEOUT=2s
	begin=$SECONDS
	chg_ok status --json
	[ $((SECONDS - begin)) -le 30 ]
	assert_json 'map(.status) | join(" ")' 'IN_USE ERROR'
	assert_json 'map(.validation) | unique | join("|")' \
		'unknown: the nvidia driver did not answer within 2000 ms'
	assert_json '.[0].user' alice
	assert_no_processes
	chg_ok release # does not ask
	assert_stdout 'Released 1 GPU(s): [0]'
}

@test "a driver that fails, crashes or prints: unknown, and standard output stays clean" {
	use_nvml
	cards "$(card a 1 4)"
	chg_ok admin
	nvml_state '{"codes": {"nvmlInit": 18}}'
	chg_ok status --json
	assert_json '.[0] | "\(.status) \(.error)"' \
		'ERROR the NVIDIA driver was updated while the old one is still loaded (library and kernel module differ): reboot this host'
	nvml_state '{"crash": "nvmlInit"}'
	chg_ok status --json
	assert_json '.[0].error' 'the nvidia driver crashed during a query (SIGABRT)'
	nvml_state "$(cards "$(card a 1 4)"; jq -c '.print = "NVML says hello"' "$WORLD/nvml.json")"
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
	assert_stderr ''
}

@test "nvidia-smi where the library is of no use: the same answers" {
	use_smi
	smi_gpus '0, GPU-a, NVIDIA A100-SXM4-40GB, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' \
		'1, GPU-b, NVIDIA A100-SXM4-40GB, 00000000:02:00.0, 40960,   9000 , 90, 60, 300.00, Disabled, 550.54.14'
	printf 'GPU-b, %s, %s, 4000\n' "$$" /usr/bin/python3 99999991 '/usr/bin/python 3' >"$WORLD/smi/apps.csv"
	chg_ok admin
	assert_stdout 'Initialized 2 GPUs (IDs 0 to 1)'
	chg_ok status --json
	assert_json 'map("\(.status) \(.gpu_model)") | join("|")' \
		'AVAILABLE NVIDIA A100-SXM4-40GB|UNRESERVED NVIDIA A100-SXM4-40GB'
	assert_json '.[1].process_info | sub("PID [0-9]+ .*, "; "")' \
		'9000MB used by PID 99999991 (/usr/bin/python 3)'
	assert_json '.[1].unreserved_users | join(" ")' "$ME unknown"
	assert_equal "$(visible)" '0 PCI_BUS_ID'
}

@test "--short: CUDA numbers cards that differ by their speed, unless it is told the order" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4 '{"name": "NVIDIA L40S"}')"
	chg_ok admin
	chg_ok reserve --type l40s --short
	assert_stdout GPU-b
	chg_ok release
	world_set CUDA_DEVICE_ORDER=PCI_BUS_ID
	chg_ok reserve --type l40s --short
	assert_stdout 1
}

@test "nvidia-smi: with a GPU in MIG mode or in trouble, a job gets UUIDs" {
	use_smi
	local a='0, GPU-a, NVIDIA A100-SXM4-80GB, 00000000:31:00.0, 81920, 39, [N/A], 33, 62.10' \
		b='1, GPU-b, NVIDIA A100-SXM4-80GB, 00000000:B1:00.0, 81920, 4, 0, 33, 62.10, Disabled, 535.216.01'
	smi_gpus "$a, Disabled, 535.216.01" "$b"
	chg_ok admin
	assert_equal "$(visible --gpu-ids 1)" '1 PCI_BUS_ID'
	smi_gpus "$a, Enabled, 535.216.01" "$b"
	assert_equal "$(visible --gpu-ids 1)" 'GPU-b PCI_BUS_ID'
	smi_gpus "${a/39/ERR!}, Disabled, 535.216.01" "$b"
	assert_equal "$(visible --gpu-ids 1)" 'GPU-b PCI_BUS_ID'
	smi_gpus "Unable to determine the device handle for GPU 0000:31:00.0: Unknown Error" "$b"
	assert_equal "$(visible --gpu-ids 1)" 'GPU-b PCI_BUS_ID'
	# Passed over without a word: nobody knows what CUDA counts.
	smi_gpus "$b"
	assert_equal "$(visible --gpu-ids 1)" 'GPU-b PCI_BUS_ID'
	# It is gone: the other one is the driver's first now, and CUDA's.
	smi_gpus "${b/1/0}"
	assert_equal "$(visible --gpu-ids 1)" '0 PCI_BUS_ID'
	assert_equal "$(in_world canhazgpu __complete gpu-ids | paste -sd ' ')" '0 1 GPU-a GPU-b'
}

@test "nvidia-smi is asked once for GPUs and once for processes per invocation" {
	use_smi
	smi_gpus '0, GPU-a, A, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' \
		'1, GPU-b, A, 00000000:02:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14'
	chg_ok admin
	for command in status 'status --json' 'reserve --gpus 2'; do
		rm "$WORLD/smi/asked"
		# shellcheck disable=SC2086
		chg_ok $command
		assert_equal "$(sed 's/=.*//' "$WORLD/smi/asked")" $'--query-gpu\n--query-compute-apps'
	done
	rm "$WORLD/smi/asked"
	chg_ok release
	[ ! -e "$WORLD/smi/asked" ]
}

@test "nvidia-smi: values that are none, and no devices, are unknown and not free" {
	use_smi
	smi_gpus '0, GPU-a, A, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' \
		'1, GPU-b, A, 00000000:02:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14'
	chg_ok admin
	for value in '[N/A]' '[Not Supported]' '[Insufficient Permissions]' '[Unknown Error]' '' -5 12x; do
		smi_gpus '0, GPU-a, A, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' \
			"1, GPU-b, A, 00000000:02:00.0, 40960, $value, 0, 30, 50.00, Disabled, 550.54.14"
		chg_ok status --json
		assert_json 'map(.status) | join(" ")' 'AVAILABLE ERROR'
	done
	smi_gpus '0, GPU-a, A, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' '1, GPU-b, A'
	chg_ok status --json
	assert_json 'map(.status) | join(" ")' 'AVAILABLE ERROR'
	for text in 'No devices were found' 'NVIDIA-SMI has failed because it could not communicate' ''; do
		smi_gpus "$text"
		echo 9 >"$WORLD/smi/gpus.status"
		chg_ok status --json
		assert_json 'map(.status) | join(" ")' 'ERROR ERROR'
		chg reserve
		assert_error 1 '2 GPUs whose use is unknown'
	done
}

@test "nvidia-smi that hangs: status answers within the limit, and nvidia-smi is ended" {
	use_smi
	smi_gpus '0, GPU-a, A, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14'
	chg_ok admin
	chg_ok reserve
	touch "$WORLD/smi/gpus.hang"
	world_set CANHAZGPU_GPU_TIMEOUT=2s
	begin=$SECONDS
	chg_ok status --json
	[ $((SECONDS - begin)) -le 30 ]
	assert_json '.[0] | "\(.status)|\(.validation)"' \
		'IN_USE|unknown: the nvidia driver did not answer within 2000 ms'
	# One that was slow was ended before it came so far.
	wait_until '[ -s "$WORLD/smi/gpus.hang" ] || { chg_ok status --json && false; }'
	assert_no_processes
}

@test "no driver any more: reservations are shown and released, nothing is handed out" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)"
	chg_ok admin
	chg_ok reserve --gpu-ids 1 --user alice
	nvml_state '{"codes": {"nvmlInit": 9}}'
	chg_ok status
	[[ $stdout =~ $'\n'1\ +IN_USE\ +alice\ .*\ unknown:\ the\ NVIDIA\ driver\ is\ not\ loaded ]]
	chg reserve
	assert_error 1 'Available: 0 (1 GPU whose use is unknown'
	chg run -- true
	assert_error 1 'Available: 0'
	chg_ok release
	assert_stdout 'Released 1 GPU(s): [1]'
}
