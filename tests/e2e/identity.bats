#!/usr/bin/env bats
# Which card a number means: pools in which no UUIDs are recorded (of a program that knows none), and processes that
# do not see all cards of the host.
# stores: each
# seconds: 5

load helpers

# cards LETTER...: what the driver shows from now on, in the order of the bus; each has its place there.
cards() {
	local letter list=()
	for letter; do
		list+=("{\"uuid\": \"GPU-$letter\", \"name\": \"NVIDIA H100\", \"bus\": [0, $(printf %d "'$letter"), 0],
			\"memory\": [81559, 500, 4]}")
	done
	nvml_state "{\"driver_version\": \"580.1\", \"gpus\": [$(IFS=, && echo "${list[*]}")]}"
}

# kernel LETTER...: the cards that the kernel has.
kernel() {
	local letter id
	rm -rf "$WORLD/root"
	for letter; do
		id=$(printf '0000:%02x:00.0' "'$letter")
		mkdir -p "$WORLD/root/sys/bus/pci/drivers/nvidia" "$WORLD/root/sys/bus/pci/devices/$id" \
			"$WORLD/root/proc/driver/nvidia/gpus/$id"
		ln -s "../../devices/$id" "$WORLD/root/sys/bus/pci/drivers/nvidia/$id"
		echo 0x030200 >"$WORLD/root/sys/bus/pci/devices/$id/class"
		printf 'Model: \t\t NVIDIA H100\nGPU Excluded:\t No\n' >"$WORLD/root/proc/driver/nvidia/gpus/$id/information"
	done
}

# A pool as another program leaves it.
unrecorded_pool() {
	use_nvml
	cards "$@"
	if [ "$E2E_STORE" = redis ]; then
		redis set canhazgpu:gpu_count $# >/dev/null
		redis set canhazgpu:provider nvidia >/dev/null
	else
		chg_ok admin
		db 'UPDATE gpus SET uuid = NULL'
	fi
}

@test "the first change records which card each number means, and a card that is gone moves none" {
	unrecorded_pool a b c
	chg_ok status
	chg_ok reserve --gpu-ids 2
	cards a c
	chg_ok status --json
	assert_json 'map("\(.status) \(.uuid)") | join("|")' 'AVAILABLE GPU-a|ERROR GPU-b|IN_USE GPU-c'
	[ "$E2E_STORE" != redis ] || assert_equal "$(redis --raw get canhazgpu:gpu_uuids)" '["GPU-a","GPU-b","GPU-c"]'
}

@test "as long as nothing is recorded and a card is gone, numbers mean nothing; --refresh is the way out" {
	unrecorded_pool a b c
	cards a c
	chg_ok status --json
	assert_json 'map(.status) | unique | join("|")' ERROR
	[[ $(jq -r '.[1].error' <<<"$stdout") == *"the driver shows 2 of the pool's 3 ('canhazgpu admin --refresh'"* ]]
	chg reserve --gpu-ids 1 --force
	assert_error 1 'GPU 1'
	chg run --gpus 1 -- true
	assert_status 1
	chg_ok admin --refresh
	assert_stdout_has 'Retired 1 GPU(s): [2]'
	chg_ok run --gpu-ids 1 -- sh -c 'echo "$NVIDIA_VISIBLE_DEVICES"'
	assert_stdout GPU-c
}

@test "a UUID that only the driver could tell is not called unknown where it does not answer" {
	unrecorded_pool a b c
	chg reserve --gpu-ids GPU-x
	assert_error 1 "there is no GPU 'GPU-x' in this pool"
	nvml_state '{"codes": {"nvmlInit": 18}}'
	chg reserve --gpu-ids GPU-b
	assert_error 1 "UUIDs of this pool's GPUs are not all recorded, and the driver does not tell them: the NVIDIA driver was updated"
}

@test "what another program has written stays as it is" {
	[ "$E2E_STORE" = redis ] || skip 'of Redis'
	unrecorded_pool a b c
	now=$(date +%s)
	redis set canhazgpu:gpu:0 "{\"expiry_time\":$((now + 600)),\"type\":\"manual\",\"user\":\"alice\",\"start_time\":$now,\"note\":\"theirs\",\"actual_user\":\"alice\"}" >/dev/null
	theirs=$(redis --raw get canhazgpu:gpu:0)
	chg_ok reserve --gpu-ids 1
	assert_equal "$(redis --raw get canhazgpu:gpu:0)" "$theirs"
	assert_equal "$(redis exists canhazgpu:gpu:2)" 0
	assert_equal "$(redis --raw get canhazgpu:gpu_uuids)" '["GPU-a","GPU-b","GPU-c"]'
}

@test "who does not see all cards retires none, and records none" {
	use_nvml
	kernel a b c d
	cards a b c d
	chg_ok admin
	cards b d
	chg admin --refresh
	assert_error 1 'the kernel has 4 NVIDIA GPUs, of which the driver does not show 2 here (0000:61:00.0, 0000:63:00.0): refresh where all can be seen'
	chg_ok status --json
	assert_json 'map(.status) | join("|")' 'ERROR|AVAILABLE|ERROR|AVAILABLE'
	assert_json '.[0].error' 'GPU-a is not shown: the kernel has 4 NVIDIA GPUs, of which the driver does not show 2 here (0000:61:00.0, 0000:63:00.0)'
	chg_ok status
	[[ $stdout$stderr != *--refresh* ]]
	chg doctor
	assert_stdout_has 'of which the driver does not show 2 here'
	# The same host, seen as a whole: b really is gone.
	kernel a c d
	cards a c d
	chg_ok admin --refresh
	assert_stdout_has 'Retired 1 GPU(s): [1]'
	# A card of a virtual machine, an excluded one, and another driver's are none of the pool's.
	kernel a c d e f
	touch "$WORLD/root/sys/bus/pci/devices/0000:65:00.0/physfn"
	rm -r "$WORLD/root/proc/driver/nvidia/gpus/0000:65:00.0"
	echo 'GPU Excluded:	 Yes' >"$WORLD/root/proc/driver/nvidia/gpus/0000:66:00.0/information"
	cards a c
	kernel_without_d=$WORLD/root/proc/driver/nvidia/gpus/0000:64:00.0
	rm -r "$kernel_without_d" "$WORLD/root/sys/bus/pci/drivers/nvidia/0000:64:00.0"
	chg_ok admin --refresh
	assert_stdout_has 'Retired 1 GPU(s): [3]'
}

@test "a narrowed view of a pool without UUIDs records nothing" {
	unrecorded_pool a b
	kernel a b c
	cards a b
	chg_ok reserve --gpu-ids 0
	chg_ok status --json
	if [ "$E2E_STORE" = redis ]; then
		assert_equal "$(redis exists canhazgpu:gpu_uuids)" 0
	else
		assert_equal "$(db 'SELECT count(uuid) FROM gpus')" 0
	fi
	kernel a b
	chg_ok reserve --gpu-ids 1
	chg_ok status --json
	assert_json 'map(.uuid) | join("|")' 'GPU-a|GPU-b'
}

@test "MIG instances that this process may not use are not gone" {
	use_nvml
	local card='"name": "NVIDIA A100", "bus": [0, 1, 0], "memory": [81559, 500, 4]'
	local one='{"uuid": "MIG-1", "memory": [9728, 0, 12], "slices": [1, 1, 9728]}'
	nvml_state "{\"gpus\": [{\"uuid\": \"GPU-a\", $card, \"mig\": [$one, ${one/MIG-1/MIG-2}]}]}"
	chg_ok admin
	mkdir -p "$WORLD/root/proc/driver/nvidia/capabilities/gpu0/mig"/gi{7,8}/ci0
	nvml_state "{\"gpus\": [{\"uuid\": \"GPU-a\", $card, \"mig\": [$one, null]}]}"
	# The driver shows one of two.
	chg admin --refresh
	assert_error 1 'the kernel has 2 MIG instances, of which the driver shows 1 here: refresh where all can be seen'
	rm -r "$WORLD/root/proc/driver/nvidia/capabilities/gpu0/mig/gi8"
	chg_ok admin --refresh
	assert_stdout_has 'Retired 1 GPU(s): [1]'
}
