#!/usr/bin/env bats
# What a command leaves behind: the GPUs stay reserved while a process of its tree uses them, and not
# a moment longer.
# stores: any
# seconds: 12

load run_helpers

# The fake GPU 0 is in use by these processes.
gpu_used_by() {
	local list
	list=$(printf '{"pid": %s, "name": "worker", "memory_mb": 4000}\n' "$@" | paste -sd ,)
	fake_state "{\"gpus\": [{\"index\": 0, \"memory_used_mb\": 8000, \"processes\": [$list]}]}"
}

# start_family [RUN OPTIONS] -- SCRIPT: a run of a shell script that starts the grandchild, writes its
# pid to $WORLD/pid, and reads $WORLD/gate before it ends. Sets $command, $supervisor and $grandchild.
start_family() {
	mkfifo "$WORLD/gate"
	start_background job "${as[@]}" canhazgpu run -- sh -c "$1" sh "$WORLD/pid" "$WORLD/gate"
	command=$background_pid
	grandchild=$(wait_for_line "$WORLD/pid")
	wait_until 'is_called "$grandchild" sleep'
	supervisor=$(supervisor_of "$command")
}

# Lets the command end, and waits until the supervisor waits for the grandchild instead.
end_command_but_not_tree() {
	echo >"$WORLD/gate"
	wait_until 'is_gone "$command"'
	wait_until '[ "$(supervisor_of "$grandchild")" = "$supervisor" ]'
}

# The reservation lasts as long as the grandchild does.
assert_lasts_with_grandchild() {
	is_gone "$command" || end_command_but_not_tree
	assert_reserved 0
	kill -KILL "$grandchild"
	wait_until 'is_gone "$supervisor"'
	fake_state '{"gpus": []}'
	assert_reserved ''
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" released
}

setup() {
	world_open
	as=()
	# run_outlive.bats is about processes that live on without using the GPUs.
	world_set CANHAZGPU_RUN_LINGER=1ms
}

@test "a grandchild that outlives its parent and uses the GPU keeps it reserved" {
	pool 1
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	gpu_used_by "$grandchild"
	end_command_but_not_tree
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	assert_lasts_with_grandchild
}

@test "a grandchild that outlives its parent without using the GPU keeps nothing" {
	pool 1
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	echo >"$WORLD/gate"
	wait_until '[ -z "$(reserved)" ]'
	assert_alive "$grandchild"
}

@test "one that uses another GPU keeps nothing" {
	pool 2
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	fake_state "{\"gpus\": [{\"index\": 1, \"memory_used_mb\": 8000, \"processes\":
		[{\"pid\": $grandchild, \"memory_mb\": 4000}]}]}"
	echo >"$WORLD/gate"
	wait_until '[ -z "$(reserved)" ]'
	assert_alive "$grandchild"
}

@test "a stranger on the GPU keeps nothing reserved" {
	pool 1
	start_background stranger sleep 1000
	mkfifo "$WORLD/gate"
	start_run job -- sh -c 'read x <"$1"' sh "$WORLD/gate"
	wait_until 'supervisor_of "$background_pid"'
	gpu_used_by "${background_pids[stranger]}"
	echo >"$WORLD/gate"
	wait_until '[ -z "$(reserved)" ]'
	chg_ok status --json
	assert_json '.[0].status' UNRESERVED
}

@test "a daemon (a session of its own, forked twice) that uses the GPU keeps it reserved" {
	pool 1
	# It begins and is an orphan long before the supervisor looks: its environment tells whose it is.
	start_family 'setsid -f sh -c "echo \$\$ >\"\$1\"; exec sleep 1000" sh "$1"; read x <"$2"'
	[ "$(process_field "$grandchild" 4)" != "$command" ]
	gpu_used_by "$grandchild"
	assert_lasts_with_grandchild
}

@test "a child with a cleared environment that uses the GPU keeps it reserved" {
	pool 1
	start_family 'env -i sleep 1000 & echo $! >"$1"; read x <"$2"'
	gpu_used_by "$grandchild"
	wait_for_look "$supervisor"
	assert_lasts_with_grandchild
}

@test "a daemon with a cleared environment, too, if it was a descendant once when looked at" {
	pool 1
	mkfifo "$WORLD/daemonize"
	start_family 'env -i setsid sh -c "sleep 1000 & echo \$! >\"\$1\"; read x <\"\$2\"" sh \
		"$1" "$(dirname "$1")/daemonize" & read x <"$2"'
	gpu_used_by "$grandchild"
	wait_for_look "$supervisor"
	parent=$(process_field "$grandchild" 4)
	echo >"$WORLD/daemonize"
	wait_until 'is_gone "$parent"'
	assert_lasts_with_grandchild
}

@test "of several that use the GPU the last one counts" {
	pool 1
	start_family 'sleep 1000 & echo $! >"$1.2"; sleep 1000 & echo $! >"$1"; read x <"$2"'
	other=$(wait_for_line "$WORLD/pid.2")
	gpu_used_by "$other" "$grandchild"
	end_command_but_not_tree
	kill_now "$other"
	gpu_used_by "$grandchild"
	wait_until '! supervisor_of "$other"'
	assert_reserved 0
	kill_now "$grandchild"
	fake_state '{"gpus": []}'
	wait_until '[ -z "$(reserved)" ]'
}

@test "the heartbeat goes on while a grandchild keeps the GPU" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	gpu_used_by "$grandchild"
	end_command_but_not_tree
	chg_ok status --json
	before=$(json_get '.[0].last_heartbeat')
	wait_until '[ "$(in_world canhazgpu status --json | jq -r ".[0].last_heartbeat")" != "$before" ]'
}

@test "a driver that does not answer at the end does not free the GPU of a living tree" {
	pool 1
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	fake_state '{"error": "the driver is gone"}'
	end_command_but_not_tree
	assert_reserved 0
	# It answers again: nobody of the tree uses it.
	fake_state '{"gpus": []}'
	wait_until '[ -z "$(reserved)" ]'
	assert_alive "$grandchild"
}

# ---- a driver that does not tell everything ----

# "unknown" is not "unused": where the list of processes may lack some, all of the tree count as users.
@test "a driver that does not show all processes does not free the GPU of a living tree" {
	pool 1
	while read -r what gpu; do
		mkdir "$WORLD/$what"
		mkfifo "$WORLD/$what/gate"
		start_run "$what" -- sh -c 'sleep 1000 & echo $! >"$1/pid"; read x <"$1/gate"' sh "$WORLD/$what"
		command=$background_pid
		grandchild=$(wait_for_line "$WORLD/$what/pid")
		wait_until 'is_called "$grandchild" sleep'
		supervisor=$(supervisor_of "$command")
		fake_state "{\"gpus\": [$gpu]}"
		echo >"$WORLD/$what/gate"
		wait_until 'supervisor_of "$grandchild" || is_gone "$supervisor"'
		! is_gone "$supervisor" || fail_with "$what: released"
		assert_equal "$what: $(reserved)" "$what: 0"
		kill_now "$grandchild"
		wait_until 'is_gone "$supervisor"'
		fake_state '{"gpus": []}'
		assert_equal "$what: $(reserved)" "$what: "
	done <<-'END'
		hidden {"memory_used_mb": 8000, "processes": null}
		hidden-and-idle {"memory_used_mb": 0, "processes": null}
		nameless {"memory_used_mb": 8000, "processes": [{"pid": 0, "memory_mb": 8000}]}
		foreign-and-nameless {"memory_used_mb": 8000, "processes": [{"pid": 1}, {"pid": 0}]}
		memory-only {"memory_used_mb": 8000, "processes": []}
		memory-unknown {"memory_used_mb": null, "processes": []}
		lost {"problem": "GPU is lost", "memory_used_mb": null, "processes": null}
	END
}

@test "nor does a GPU that the driver does not show any more" {
	use_nvml
	card='"name": "NVIDIA H100 80GB HBM3", "memory": [81559, 0, 4]'
	nvml_state "{\"gpus\": [{\"uuid\": \"GPU-a\", $card}, {\"uuid\": \"GPU-b\", $card}]}"
	chg_ok admin --provider nvidia
	mkfifo "$WORLD/gate"
	start_run job --gpu-ids 1 -- sh -c 'sleep 1000 & echo $! >"$1/pid"; read x <"$1/gate"' sh "$WORLD"
	command=$background_pid
	grandchild=$(wait_for_line "$WORLD/pid")
	wait_until 'is_called "$grandchild" sleep'
	supervisor=$(supervisor_of "$command")
	nvml_state "{\"gpus\": [{\"uuid\": \"GPU-a\", $card}]}"
	end_command_but_not_tree
	assert_reserved 1
	kill_now "$grandchild"
	wait_until '[ -z "$(reserved)" ]'
}

# ---- when nobody watches ----

@test "a process that outlives its command takes its place: SIGKILL of the supervisor frees nothing" {
	pool 1
	start_family 'sleep 1000 & echo $! >"$1"; read x <"$2"'
	gpu_used_by "$grandchild"
	reservation=$(reservation_of 0)
	end_command_but_not_tree
	kill_now "$supervisor"
	# To whoever looks it is as alive as before.
	assert_equal "$(reservation_of 0)" "$reservation"
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	assert_equal "$(reservation_of 0)" "$reservation"
	kill_now "$grandchild"
	fake_state '{"gpus": []}'
	assert_reserved ''
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" holder-died
}
