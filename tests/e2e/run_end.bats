#!/usr/bin/env bats
# How a run ends: its GPUs are free in moments, whoever dies first; none is lost, none is freed early.
# stores: each

load run_helpers

@test "the GPUs are released when the command ends, by the supervisor" {
	pool 2
	chg_ok run --gpus 2 -- true
	# Only the supervisor can have recorded it: nothing else runs here.
	wait_until '[ "$(ends)" = "released released" ]'
	assert_reserved ''
	assert_no_processes
}

@test "the next run can have the GPU at once, however the last one ended" {
	pool 1
	for end in 'exit 0' 'exit 3' 'kill -TERM $$' 'kill -KILL $$'; do
		chg run -- sh -c "$end"
		chg_ok run -- true
	done
	wait_until '[ "$(ends)" = "released released released released released released released released" ]'
}

@test "SIGKILL of the command: released" {
	pool 1
	hold job
	kill -KILL "$command"
	wait_until '[ "$(ends)" = released ]'
	assert_no_processes
}

@test "a command that nobody has waited for has ended all the same" {
	pool 1
	# shellcheck disable=SC2016
	start_background parent sh -c 'canhazgpu run -- sh -c "echo \$\$; exec sleep 1000" & exec sleep 1000'
	command=$(wait_for_line "$WORLD/parent.out")
	wait_until 'is_called "$command" sleep'
	kill -KILL "$command"
	wait_until '[ "$(ends)" = released ]'
	assert_equal "$(process_field "$command" 3)" Z
}

@test "SIGKILL of the supervisor: reserved as long as the command lives" {
	pool 1
	hold job
	kill_now "$supervisor"
	assert_reserved 0
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
	chg reserve --gpu-ids 0
	assert_error 1 'GPU 0 is not available: reserved by'
	assert_equal "$(ends)" ''

	kill_now "$command"
	assert_equal "$(ends)" '' # nobody was there to see it
	chg_ok reserve --gpus 1 --short
	assert_stdout 0
	assert_equal "$(ends)" holder-died
}

@test "SIGKILL of both: the next invocation has the GPU at once" {
	needs_database
	pool 1
	for invocation in 'run -- true' 'reserve --short' status; do
		hold job
		kill_now "$supervisor" "$command"
		# shellcheck disable=SC2086
		chg_ok $invocation
		[[ "$(ends)" == *holder-died* ]] || fail_with "ends: $(ends)"
		in_world canhazgpu release >"$WORLD/release"
		wait_until '[ -z "$(reserved)" ]'
		database 'DELETE FROM usage_history'
	done
}

@test "SIGKILL of both with the command still a zombie: freed all the same" {
	pool 1
	# shellcheck disable=SC2016
	start_background parent sh -c 'canhazgpu run -- sh -c "echo \$\$; exec sleep 1000" & exec sleep 1000'
	command=$(wait_for_line "$WORLD/parent.out")
	kill_now "$(supervisor_of "$command")" "$command"
	assert_equal "$(process_field "$command" 3)" Z
	chg_ok reserve --gpus 1 --short
	assert_stdout 0
	assert_equal "$(ends)" holder-died
}

@test "a reused pid is another process: freed" {
	needs_database
	pool 1
	hold job
	kill_now "$supervisor"
	# The command's pid is there, but it belongs to a process that started at another time.
	database 'UPDATE reservations SET command_start_ticks = command_start_ticks - 1'
	chg_ok reserve --gpus 1 --short
	assert_stdout 0
	assert_equal "$(ends)" holder-died
	assert_alive "$command"
}

@test "another boot of this host: freed" {
	needs_database
	pool 1
	hold job
	database "UPDATE reservations SET boot_id = '00000000-0000-4000-8000-000000000000'"
	chg_ok reserve --gpus 1 --short
	assert_stdout 0
	assert_equal "$(ends)" holder-died
}

heartbeat_of_age_s() {
	database "UPDATE reservations SET heartbeat_ns = (SELECT strftime('%s') - $1) * 1000000000"
}

@test "another host, or a holder that nobody knows: kept until the heartbeat is 5 minutes old, at two looks" {
	needs_database
	use_clock
	pool 1
	for unknown in "boot_id = 'another', host = 'elsewhere'" 'host = NULL' 'boot_id = NULL' 'command_pid = 0'; do
		hold job
		kill_now "$supervisor" "$command"
		database "UPDATE reservations SET $unknown"
		database 'UPDATE reservations SET start_ns = start_ns - 3600000000000'
		heartbeat_of_age_s 280
		assert_reserved 0
		heartbeat_of_age_s 280 # it has aged meanwhile
		chg run -- true
		assert_error 1 'Not enough GPUs available'
		assert_equal "$(ends)" ''
		heartbeat_of_age_s 301
		if [ "$unknown" != 'host = NULL' ]; then # as another program leaves it, which looks once
			chg run -- true
			assert_error 1 'Not enough GPUs available'
			set_clock 0 76
		fi
		chg_ok run -- true
		set_clock 0
		wait_until '[ "$(ends)" = "stale released" ]'
		database 'DELETE FROM usage_history'
	done
}

@test "the end of an old run does not free the same account's newer reservation" {
	pool 1
	hold old
	old=$command old_supervisor=$supervisor
	chg_ok release --gpu-ids 0
	hold new
	reservation=$(reservation_of 0)
	kill_now "$old"
	wait_until 'is_gone "$old_supervisor"'
	assert_equal "$(reservation_of 0)" "$reservation"
	chg reserve
	assert_error 1 'Available: 0'
}

@test "a run inside a run has GPUs of its own, and its end frees those alone" {
	pool 2
	mkfifo "$WORLD/gate"
	# shellcheck disable=SC2016
	start_run outer -- sh -c 'canhazgpu run -- sh -c "echo \$CUDA_VISIBLE_DEVICES \$CANHAZGPU_RESERVATION_ID"
		echo "$CUDA_VISIBLE_DEVICES $CANHAZGPU_RESERVATION_ID"; read x <"$1"' sh "$WORLD/gate"
	wait_until '[ "$(wc -l <"$WORLD/outer.out")" = 2 ]'
	read -r inner_gpu inner_id <"$WORLD/outer.out"
	read -r outer_gpu outer_id < <(tail -n 1 "$WORLD/outer.out")
	assert_equal "$outer_gpu $inner_gpu" '0 1'
	[ "$outer_id" != "$inner_id" ]
	wait_until '[ "$(reserved)" = 0 ]'
	echo >"$WORLD/gate"
	wait_background outer
	assert_status 0
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a run that replaces a run holds both until it ends" {
	pool 2
	start_run job -- canhazgpu run -- sleep 1000
	wait_until 'is_called "$background_pid" sleep'
	assert_reserved '0 1'
	kill -KILL "$background_pid"
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a run that is interrupted before its command begins leaves nothing behind" {
	pool 1
	mkfifo "$WORLD/slow.json"
	start_background job env CANHAZGPU_FAKE_STATE="$WORLD/slow.json" canhazgpu run -- sleep 1000
	exec 7>"$WORLD/slow.json" # opens when the run reads: it is asking its driver when the signal comes
	wait_until '[ -n "$(supervisors)" ]'
	kill -INT "$background_pid"
	wait_background job
	exec 7>&-
	assert_status 130
	assert_no_processes
	assert_reserved ''
}
