#!/usr/bin/env bats
# Commands that start containers (`run --container`): which GPUs they get, and how long these stay reserved. The
# engines are a stand-in, programs/engine, whose containers are real processes in control groups of their own.
# stores: any
# seconds: 30

load run_helpers

setup() {
	world_open
	for engine in docker podman nerdctl; do
		cp "$BATS_TEST_DIRNAME/programs/engine" "$WORLD/bin/$engine"
	done
	# It only tells what it was given.
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\nenv | grep ENV_\n' >"$WORLD/bin/apptainer"
	chmod +x "$WORLD/bin/apptainer"
	mkdir -m 1777 "$WORLD/engine"
	world_set "ENGINE=$WORLD/engine"
}

teardown() {
	id=${id:-none}
	[ -z "${container:-}" ] || kill -KILL "$container" 2>/dev/null || true
	# It takes the control groups of its containers away when they end.
	wait_until '[ -z "$(compgen -G "/sys/fs/cgroup/*/docker/$id" "/sys/fs/cgroup/docker/$id")" ]' 10 || true
	world_close
}

# The daemon of the engines.
start_engine() {
	start_background engine "$BATS_TEST_DIRNAME/programs/engine" --daemon "$WORLD/engine"
	wait_until '[ -S "$WORLD/engine/socket" ] || is_gone "${background_pids[engine]}"'
	[ -S "$WORLD/engine/socket" ] || skip 'needs the right to make control groups'
}

# The words of the engine's last call but for the folder of the file that gets the id.
words() {
	tail -n 1 "$WORLD/engine/words" | jq -r 'join(" ")' | sed -E 's|--cidfile [^ ]*/canhazgpu-[^ ]{6}/id|--cidfile FILE|'
}

# start_container [RUN OPTIONS] -- WORDS: a container in the background that lives until it is killed; its first
# process is $container, its id $id.
start_container() {
	start_run job --container "$@" sh -c 'echo $$ >"$0"; exec sleep 1000' "$WORLD/tmp/container"
	container=$(wait_for_line "$WORLD/tmp/container")
	wait_until 'is_called "$container" sleep'
	id=$(grep -ohE '[0-9a-f]{64}' "/proc/$container/cgroup" | head -n 1)
}

# The fake GPU 0 is in use by these processes.
gpu_used_by() {
	local list
	list=$(printf '{"pid": %s, "name": "python", "memory_mb": 4000}\n' "$@" | paste -sd ,)
	fake_state "{\"gpus\": [{\"index\": 0, \"memory_used_mb\": 8000, \"processes\": [$list]}]}"
}

# Nothing runs, and no file is left, when the container has ended.
assert_ends_with_container() {
	assert_reserved 0
	kill_now "$container"
	fake_state '{"gpus": []}'
	wait_until '[ -z "$(reserved)" ]'
	wait_until '[ -z "$(supervisors)" ]'
	[ -z "$(compgen -G "$WORLD/runtime/*")" ] || fail_with "left: $(ls "$WORLD/runtime")"
}

# Whether the reservation of GPU 0 lives as long as that process.
holder_is() {
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		database 'SELECT * FROM reservations' | grep -qw "$1"
	else
		redis --raw get canhazgpu:gpu:0 | grep -qw "$1"
	fi
}

# A folder for files of programs that run, which should be empty again.
runtime() {
	mkdir -m 0777 "$WORLD/runtime"
	world_set "XDG_RUNTIME_DIR=$WORLD/runtime"
}

# ---- which GPUs ----

@test "docker, podman and nerdctl get the reserved GPUs by UUID, and what tells whose container it is" {
	pool 4
	start_engine
	local reservation='--env CANHAZGPU_RESERVATION_ID='
	chg_ok run --gpu-ids 1,3 --container -- docker run --rm image true --gpus all
	[[ $(words) == "docker run --gpus \"device=GPU-fake-1,GPU-fake-3\" $reservation"*' --cidfile FILE --rm image true --gpus all' ]] ||
		fail_with "$(words)"
	chg_ok run --gpu-ids 2 --container -- nerdctl run image true
	[[ $(words) == "nerdctl run --gpus \"device=GPU-fake-2\" $reservation"*' --cidfile FILE image true' ]] || fail_with "$(words)"
	chg_ok run --gpu-ids 1,3 --container -- podman run image true
	[[ $(words) == "podman run --device nvidia.com/gpu=GPU-fake-1 --device nvidia.com/gpu=GPU-fake-3 $reservation"*' --cidfile FILE image true' ]] ||
		fail_with "$(words)"
	wait_until '[ -z "$(reserved)" ]'
	wait_until '[ -z "$(compgen -G "$WORLD/tmp/*" "/tmp/canhazgpu-*/id")" ]'
}

@test "apptainer gets --nv, and every variable of a GPU with its prefix" {
	pool 4
	chg_ok run --gpu-ids 1,3 --container -- apptainer exec --containall image.sif python
	assert_equal "$(head -n 5 <<<"$stdout" | paste -sd ' ')" 'exec --nv --containall image.sif python'
	assert_stdout_has $'\nAPPTAINERENV_CUDA_VISIBLE_DEVICES=1,3'
	assert_stdout_has $'\nAPPTAINERENV_CUDA_DEVICE_ORDER=PCI_BUS_ID'
	assert_stdout_has $'\nSINGULARITYENV_CUDA_VISIBLE_DEVICES=1,3'
	assert_stdout_has $'\nAPPTAINERENV_CANHAZGPU_RESERVATION_ID='
}

@test "without --container the words stay as they are" {
	pool 1
	start_engine
	chg_ok run -- docker run --gpus device=0 image true
	assert_equal "$(words)" 'docker run --gpus device=0 image true'
	world_set CANHAZGPU_RUN_CONTAINER=true
	chg_ok run -- echo docker run image
	assert_stdout 'docker run image'
	chg_ok run -- docker run image true
	[[ $(words) == 'docker run --gpus "device=GPU-fake-0" '* ]] || fail_with "$(words)"
}

@test "GPUs that are not the reserved ones are refused at once, with the line to type" {
	pool 2
	chg run --gpus 2 --note 'my job' docker run --gpus all image sh -c 'echo hi'
	assert_error 2 "'--gpus all' gives the container other GPUs than the reserved ones; type: canhazgpu run --gpus 2 --note 'my job' --container -- docker run image sh -c 'echo hi'"
	chg run --container -- docker run --rm --gpus=device=1 image
	assert_error 2 "type: canhazgpu run --container -- docker run --rm image"
	chg run -- podman run --device nvidia.com/gpu=all image
	assert_error 2 'type: canhazgpu run --container -- podman run image'
	chg run --container -- docker ps
	assert_error 2 "--container: 'docker' does not start a container"
	[ ! -e "$WORLD/engine/words" ]
	[ -z "$(usage_history)" ]
}

# ---- whose processes, and how long ----

@test "a container that runs in the background keeps its GPUs to the end of its first process" {
	pool 1
	start_engine
	runtime
	world_set CANHAZGPU_RUN_LINGER=1ms
	start_container -- docker run -d image
	wait_background job
	assert_equal "$status" 0
	wait_for_text "$WORLD/job.err" "canhazgpu: 1 process is still running (PID $container "
	wait_for_text "$WORLD/job.err" "): GPU 0 stays reserved until it ends; "
	assert_ends_with_container
	[ -z "$(usage_history | grep -v released)" ]
}

@test "a client that is killed leaves the GPUs to the container" {
	pool 1
	start_engine
	runtime
	world_set CANHAZGPU_RUN_LINGER=1ms
	start_container -- docker run image
	kill_now "${background_pids[job]}"
	assert_ends_with_container
}

@test "client and supervisor that are killed leave the GPUs to the container" {
	pool 1
	start_engine
	start_container -- docker run image
	wait_until 'holder_is "$container"'
	kill_now "$(supervisors)" "${background_pids[job]}"
	assert_reserved 0
	kill_now "$container"
	wait_until '[ -z "$(reserved)" ]'
}

@test "its processes are the holder's, also those of another account, and those that exec brings in" {
	start_engine
	shared_pool 1
	runtime
	start_as_user 4301 job canhazgpu run --container -- docker run image sh -c \
		'echo $$ >"$0"; sleep 1000; true' "$WORLD/engine/container"
	container=$(wait_for_line "$WORLD/engine/container")
	id=$(grep -ohE '[0-9a-f]{64}' "/proc/$container/cgroup" | head -n 1)
	wait_until 'pgrep -P "$container" -x sleep'
	inside=$(pgrep -P "$container" -x sleep)
	executed=$(in_world docker exec "$id" sleep 1000)
	gpu_used_by "$container" "$inside" "$executed"
	start_background stranger sleep 1000
	# A user looks who can read nothing of root's processes but that they are there.
	wait_until '! as_user 4302 canhazgpu status | grep -qF "not the holder"'
	chg_ok status --json
	assert_json '.[0].status' IN_USE
	gpu_used_by "$container" "${background_pids[stranger]}"
	wait_until 'as_user 4302 canhazgpu status | grep -qw "${background_pids[stranger]}"'
	kill_now "$executed" "$container"
}

@test "--timeout stops the container, too, by its engine, where nobody else may" {
	start_engine
	shared_pool 1
	world_set CANHAZGPU_RUN_GRACE=200ms
	start_as_user 4301 job canhazgpu run --timeout 2s --container -- docker run -d image sh -c \
		'trap "" TERM INT; echo $$ >"$0"; while :; do sleep 0.05; done' "$WORLD/engine/container"
	container=$(wait_for_line "$WORLD/engine/container")
	id=$(grep -ohE '[0-9a-f]{64}' "/proc/$container/cgroup" | head -n 1)
	wait_until 'is_gone "$container"'
	wait_until '[ -z "$(as_user 4302 canhazgpu status --json | jq -r ".[] | select(.status == \"IN_USE\")")" ]'
	assert_equal "$(grep -c '"kill"' "$WORLD/engine/words")" 2
}

@test "--until command gives the GPUs back when the client has ended" {
	pool 1
	start_engine
	start_container --until command -- docker run -d image
	wait_background job
	wait_until '[ -z "$(reserved)" ]'
	assert_alive "$container"
}

@test "a file for the id that the user names is used, and stays" {
	pool 1
	start_engine
	start_container -- docker run -d --cidfile "$WORLD/tmp/mine" image
	assert_equal "$(cat "$WORLD/tmp/mine")" "$id"
	assert_equal "$(grep -c cidfile "$WORLD/engine/words")" 1
	assert_ends_with_container
	[ -s "$WORLD/tmp/mine" ]
}

# ---- podman itself ----

# as_podman NAME [OPTIONS] -- COMMAND...: starts `canhazgpu run` on podman in the background, where it can work: a
# mount namespace with a description of the fake GPU, and without the version 2 half of a mixed cgroup hierarchy.
# The container's programs are those of this host.
as_podman() {
	mkdir -p "$WORLD"/rootfs/{bin,etc,dev,lib,lib64,proc,run,sys,tmp,usr}
	cat >"$WORLD/bin/podman-place" <<-'END'
		#!/bin/sh
		mount -t tmpfs none /run && mkdir /run/cdi || exit 77
		echo '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [
			{"name": "GPU-fake-0", "containerEdits": {"env": ["GIVEN=GPU-fake-0"]}}]}' >/run/cdi/gpu.json
		! mountpoint -q /sys/fs/cgroup/unified || umount -l /sys/fs/cgroup/unified
		exec "$@"
	END
	chmod +x "$WORLD/bin/podman-place"
	start_background "$1" unshare -m --propagation private podman-place canhazgpu run --container -- \
		podman --root "$WORLD/podman" --runroot "$WORLD/podman-run" --cgroup-manager cgroupfs run \
		--network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --env "CANHAZGPU_TEST_WORLD=$WORLD" \
		-v /bin:/bin:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v /usr:/usr:ro "${@:2}"
}

need_podman() {
	need_root
	rm "$WORLD/bin/podman"
	command -v podman >/dev/null || skip 'no podman'
	pool 1
	as_podman try --rootfs "$WORLD/rootfs" /bin/sh -c 'echo "$GIVEN"'
	wait_background try
	[ "$status" -eq 0 ] || skip "podman runs no container here: $(tail -n 1 "$WORLD/try.err")"
	assert_equal "$(cat "$WORLD/try.out")" GPU-fake-0
	wait_until '[ -z "$(reserved)" ]'
}

@test "podman: a container that runs in the background keeps the GPU to its end" {
	need_podman
	world_set CANHAZGPU_RUN_LINGER=1ms
	# Without a control group of its own, the variable that is handed in tells whose it is.
	for cgroups in enabled disabled; do
		as_podman job -d --cgroups "$cgroups" --rootfs "$WORLD/rootfs" /bin/sleep "1000.$$"
		wait_background job
		assert_equal "$status" 0
		container=$(pgrep -xf "/bin/sleep 1000.$$")
		gpu_used_by "$container"
		wait_until '! in_world canhazgpu status | grep -qF "not the holder"'
		assert_reserved 0
		fake_state '{}'
		assert_reserved 0
		kill_now "$container"
		wait_until '[ -z "$(reserved)" ]'
	done
	container=
	# It cleans up behind a container.
	wait_until '! pgrep -f "$WORLD/podman"'
}
