#!/usr/bin/env bats
# What the supervisor needs from the store while the command runs: that it finds it, what it says when
# it does not, and what when the reservation is gone.
# stores: each

load run_helpers

# A world whose pool is in $WORLD/store, so that it can be taken away.
pool_in_directory() {
	needs_database
	mkdir "$WORLD/store"
	world_set "CANHAZGPU_STORE=sqlite:$WORLD/store/pool.db"
	pool "$1"
}

ends_in() {
	sqlite3 -cmd '.timeout 10000' "$1" 'SELECT reason FROM usage_history' | paste -sd ' '
}

# ---- options ----

@test "--store reaches the supervisor, before and behind the command's name" {
	needs_database
	pool 1 # another one, which must not be touched
	chg_ok --store "sqlite:$WORLD/b.db" admin --gpus 1 --provider fake
	chg_ok --store "sqlite:$WORLD/b.db" run -- true
	wait_until '[ "$(ends_in "$WORLD/b.db")" = released ]'
	chg_ok run --store "sqlite:$WORLD/b.db" -- true
	wait_until '[ "$(ends_in "$WORLD/b.db")" = "released released" ]'
	assert_equal "$(ends_in "$WORLD/pool.db")" ''
	assert_no_processes
}

@test "a store named by a relative path is the same one for a supervisor in /" {
	needs_database
	cd "$WORLD/home"
	world_unset CANHAZGPU_STORE
	chg_ok --store sqlite:here.db admin --gpus 1 --provider fake
	chg_ok --store sqlite:here.db run -- sh -c 'cd /tmp'
	wait_until '[ "$(ends_in "$WORLD/home/here.db")" = released ]'
	assert_no_processes
}

@test "what --config says reaches the supervisor" {
	needs_database
	cd "$WORLD/home"
	world_unset CANHAZGPU_STORE
	printf 'store: sqlite:%s/c.db\nrun:\n  heartbeat: 200ms\n  on-lost: kill\n' "$WORLD" >settings.yaml
	chg_ok --config settings.yaml admin --gpus 1 --provider fake
	start_background job canhazgpu --config settings.yaml run -- sleep 1000
	wait_until 'is_called "$background_pid" sleep'
	rm settings.yaml # nobody reads it again
	chg_ok --store "sqlite:$WORLD/c.db" release --gpu-ids 0
	wait_background job
	assert_status 130
	assert_no_processes
}

@test "the fake state's relative path reaches the supervisor" {
	cd "$WORLD"
	world_set CANHAZGPU_FAKE_STATE=fake.json
	pool 1
	mkfifo gate
	start_run job -- sh -c 'sleep 1000 & echo $!; read x <gate'
	child=$(wait_for_line job.out)
	fake_state "{\"gpus\": [{\"memory_used_mb\": 9000, \"processes\": [{\"pid\": $child}]}]}"
	supervisor=$(supervisor_of "$background_pid")
	echo >gate
	wait_until '[ "$(supervisor_of "$child")" = "$supervisor" ]'
	assert_reserved 0
}

@test "the heartbeat is renewed as often as it is set" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job
	chg_ok status --json
	first=$(json_get '.[0].last_heartbeat')
	for _ in 1 2; do
		wait_until '[[ "$(in_world canhazgpu status --json | jq -r ".[0].last_heartbeat")" > "$first" ]]'
		chg_ok status --json
		first=$(json_get '.[0].last_heartbeat')
	done
	assert_equal "$(grep -c . "$WORLD/job.err")" 1 # "Reserved ..." and no more
}

# ---- a reservation that is taken away ----

@test "a command is told when its reservation is released by hand, once, and goes on" {
	pool 2
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job --gpus 2
	chg_ok release --gpu-ids 0,1
	message='canhazgpu: the reservation of GPU(s) [0, 1] is gone (released, or the pool was recreated); the command continues WITHOUT a reservation'
	wait_for_text "$WORLD/job.err" "$message"
	# Taken by somebody else meanwhile: that stays as it is when the old command ends.
	chg_ok reserve --gpus 2 --short
	assert_stdout 0,1
	assert_alive "$command"
	kill_now "$command"
	wait_until 'is_gone "$supervisor"'
	assert_reserved '0 1'
	assert_equal "$(grep -c 'is gone' "$WORLD/job.err")" 1
}

@test "a heartbeat that comes after the end does not call the reservation lost" {
	needs_database
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job
	# One waits for the database, is stopped there, and goes on when the run is over.
	exec {gate}>>"$WORLD/pool.db.lock"
	flock "$gate"
	wait_until 'renewal=$(pgrep -P "$supervisor") && grep -q "> FLOCK .* $renewal " /proc/locks'
	kill -STOP "$renewal"
	wait_until '[ "$(process_field "$renewal" 3)" = T ]'
	exec {gate}>&-
	kill_now "$command"
	wait_until '[ "$(database "SELECT reason FROM usage_history")" = released ]'
	kill -CONT "$renewal" 2>/dev/null || true
	wait_until 'is_gone "$renewal"'
	assert_equal "$(grep -c 'is gone' "$WORLD/job.err")" 0
}

@test "a command is told when the pool is made anew" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job
	chg_ok admin --gpus 1 --provider fake --force
	wait_for_text "$WORLD/job.err" 'the reservation of GPU(s) [0] is gone'
	assert_alive "$command"
	assert_reserved ''
}

@test "a command is told when a part of its reservation is released by hand, once" {
	pool 3
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job --gpus 3
	chg_ok release --gpu-ids 1
	wait_for_text "$WORLD/job.err" 'canhazgpu: a part of the reservation of GPU(s) [0, 1, 2] is gone'
	wait_for_renewals "$supervisor" 2
	assert_equal "$(grep -c 'is gone' "$WORLD/job.err")" 1
	assert_reserved '0 2'
	chg_ok release --gpu-ids 0,2
	wait_for_text "$WORLD/job.err" 'continues WITHOUT a reservation'
	assert_alive "$command"
}

@test "with on-lost kill a command without a reservation is stopped" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	start_run job --on-lost kill -- sh -c 'setsid -f sh -c "echo \$\$; exec sleep 1000"; sleep 1000'
	daemon=$(wait_for_line "$WORLD/job.out")
	wait_until 'pgrep -P "$background_pid" -x sleep >/dev/null' # all of them are there
	chg_ok release --gpu-ids 0
	wait_background job
	assert_status 130
	assert_equal "$(tail -n 1 "$WORLD/job.err")" "canhazgpu: the reservation of GPU(s) [0] is gone (released, or the pool was recreated); the command is being stopped"
	wait_until 'is_gone "$daemon"'
	assert_no_processes
}

@test "a message to a command that does not read its pipe blocks nothing" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	mkfifo "$WORLD/pipe"
	start_background reader sh -c 'exec 9<"$1"; sleep 1000' sh "$WORLD/pipe"
	# The pipe is full before the message comes.
	# shellcheck disable=SC2016
	start_background job sh -c 'exec 2>"$1"; exec canhazgpu run --on-lost kill -- python3 -c "
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.set_blocking(2, False)
try:
    while True: os.write(2, b\"x\" * 4096)
except BlockingIOError: pass
print(\"full\", flush=True)
time.sleep(1000)"' sh "$WORLD/pipe"
	wait_for_text "$WORLD/job.out" full
	chg_ok release --gpu-ids 0
	wait_background job
	assert_status 130
}

@test "a message in a log file overwrites nothing, and nothing overwrites it" {
	pool 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	mkfifo "$WORLD/gate"
	# One position for all who write, as a shell's > makes it (and not >>, which always writes at the end).
	# shellcheck disable=SC2016
	start_background job sh -c 'exec canhazgpu run -- sh -c "
		echo a line before; echo another one >&2; read x <\"\$1\"; echo a line behind; echo the last one >&2
		" sh "$1" >"$2" 2>&1' sh "$WORLD/gate" "$WORLD/log"
	wait_for_text "$WORLD/log" 'another one'
	chg_ok release --gpu-ids 0
	wait_for_text "$WORLD/log" 'WITHOUT a reservation'
	echo >"$WORLD/gate"
	wait_background job
	assert_status 0
	message='canhazgpu: the reservation of GPU(s) [0] is gone (released, or the pool was recreated); the command continues WITHOUT a reservation'
	assert_equal "$(cat "$WORLD/log")" "Reserved 1 GPU(s): [0] for command execution
a line before
another one
$message
a line behind
the last one"
}

# ---- a store that is away ----

@test "a store that is away for a while: told once, recovered, still reserved" {
	pool_in_directory 1
	world_set CANHAZGPU_RUN_HEARTBEAT=200ms
	hold job
	reservation=$(reservation_of 0)
	mv "$WORLD/store" "$WORLD/away"
	wait_for_text "$WORLD/job.err" 'canhazgpu: the heartbeat could not be stored: '
	wait_for_text "$WORLD/job.err" '; GPU(s) [0] stay reserved, trying again'
	wait_for_renewals "$supervisor" 2
	mv "$WORLD/away" "$WORLD/store"
	wait_for_text "$WORLD/job.err" 'canhazgpu: the heartbeat is stored again'
	assert_equal "$(grep -c 'could not be stored' "$WORLD/job.err")" 1
	assert_equal "$(reservation_of 0)" "$reservation"
	# And a second time.
	mv "$WORLD/store" "$WORLD/away"
	wait_until '[ "$(grep -c "could not be stored" "$WORLD/job.err")" = 2 ]'
	mv "$WORLD/away" "$WORLD/store"
	wait_until '[ "$(grep -c "stored again" "$WORLD/job.err")" = 2 ]'
	assert_equal "$(reservation_of 0)" "$reservation"
}

@test "a command that ends while the store is away is recorded when it is back" {
	pool_in_directory 1
	hold job
	mv "$WORLD/store" "$WORLD/away"
	kill_now "$command"
	# It has tried, and pauses. (Kernels that do not tell where a process waits say 0.)
	wait_until '[[ "$(cat "/proc/$supervisor/wchan")" =~ nanosleep|^0$ ]]'
	mv "$WORLD/away" "$WORLD/store"
	wait_until 'is_gone "$supervisor"'
	assert_equal "$(ends_in "$WORLD/store/pool.db")" released
	assert_reserved ''
}

@test "a store that is never back holds the supervisor, not the command" {
	pool_in_directory 1
	start_run job -- sh -c 'echo ready; rm -r "$1"; exit 4' sh "$WORLD/store"
	wait_background job
	assert_status 4
}
