#!/usr/bin/env bats
# Rules for idle and unreserved GPUs: passes of guard, what it tells, releases and stops, and whom it lets alone.
# stores: each
# seconds: 15

load host_helpers

# guard ARGUMENTS...: a pass, by root, as a timer starts it.
guard() {
	on_host 0 canhazgpu guard "$@"
	assert_status 0
}

# later SECONDS: so much time passes.
passed=0
later() {
	passed=$((passed + $1))
	set_clock 0 "$passed"
}

# victim UID NAME GPU MB [COMMAND...]: a process of that account on that GPU. Its pid is $victim.
declare -A on_gpu used
victim() {
	local command=("${@:5}")
	[ ${#command[@]} -gt 0 ] || command=(sleep 1000)
	start_background "$2" setpriv --reuid "$1" --regid 4300 --clear-groups "${command[@]}"
	victim=$background_pid
	wait_until '[ "$(stat -c %u "/proc/$victim" 2>/dev/null)" = '"$1"' ]'
	on_gpu[$3]+="${on_gpu[$3]:+,}{\"pid\": $victim, \"memory_mb\": $4}"
	used[$3]=$((${used[$3]:-0} + $4))
	show_gpus
}

# Shows the processes that live.
show_gpus() {
	local gpu all=
	for gpu in "${!on_gpu[@]}"; do
		all+="${all:+,}{\"index\": $gpu, \"memory_used_mb\": ${used[$gpu]}, \"utilization_percent\": ${busy:-0}, \"processes\": [${on_gpu[$gpu]}]}"
	done
	fake_state "{\"gpus\": [$all]}"
}

# The reasons of all events of that kind, oldest first.
events_of() {
	on_host 0 canhazgpu events --kind "$1" --since 30d --json
	assert_status 0
	jq -r '.events[].reason' "$WORLD/stdout"
}

is_dead() {
	local stat
	! read -r stat 2>/dev/null <"/proc/$1/stat" || [[ $stat == *') Z '* ]]
}

lives() {
	if is_dead "$1"; then
		fail_with "process $1 has ended"
	fi
}

unreserved='guard: {unreserved: {after: 5m, then: stop}, grace: 30s}'

@test "without rules a pass notices who uses what, tells nobody, and does nothing" {
	host_pool 4
	use_clock
	guard
	assert_stdout ''
	victim 4302 squatter 3 5000
	guard
	assert_stdout "unreserved-begun: GPU 3 is used without a reservation by process $victim (sleep) of user"
	later 3600
	guard
	assert_stdout ''
	unset 'on_gpu[3]'
	show_gpus
	guard
	assert_stdout 'unreserved-ended: user no longer uses GPU 3 without a reservation'
	lives "$victim"
}

@test "unreserved use: a warning, SIGTERM after its time, SIGKILL after the grace, and all of that once" {
	host_pool 4 "$unreserved"
	use_clock
	# It ignores the first signal.
	mkfifo -m 0666 "$WORLD/tmp/never"
	victim 4302 squatter 3 5000 bash -c 'trap "echo term" TERM; while :; do read -r -t 1000 <>"$0" || :; done' "$WORLD/tmp/never"
	later 60
	guard
	assert_stdout_has 'warn: GPU 3 is used without a reservation by process'
	later 240
	guard
	assert_stdout ''
	guard --dry-run
	assert_stdout_has "process $victim (bash) on GPU 3 is let alone: its account was warned, and has time until "
	later 61
	guard --dry-run
	assert_stdout_has "would send SIGTERM to process $victim (bash) of user on GPU 3: it has used the GPU without a reservation for 5m, and was warned 5m ago"
	guard
	assert_stdout_has "stop: guard sent SIGTERM to process $victim"
	wait_until 'has_line "$WORLD/squatter.out" term'
	guard
	assert_stdout ''
	later 31
	guard
	assert_stdout_has "kill: guard sent SIGKILL to process $victim (bash) of user on GPU 3"
	wait_until 'is_dead "$victim"'
	guard
	unset 'on_gpu[3]'
	show_gpus
	guard
	assert_stdout_has unreserved-ended
	[ "$(events_of warned | wc -l)" -eq 1 ]
	[ "$(events_of stopped | wc -l)" -eq 2 ]
}

@test "root's, spared and ignored processes and those of whoever reserves the GPU are let alone" {
	host_pool 6 'guard:
  unreserved: {after: 5m, then: stop}
  spare: {users: [maker], groups: [gpu-admins], commands: [tail]}'
	use_clock
	sed -i 's/^gpu-admins:.*/&admin/' "$WORLD/etc/group"
	victim 0 roots 0 5000
	victim 4301 named 1 5000
	victim 4303 grouped 2 5000
	victim 4302 command 3 5000 tail -f /dev/null
	victim 4302 reserver 4 5000
	local reserver=$victim
	victim 4302 ignored 5 5000
	local ignored=$victim
	guard
	later 301
	ok on_host 0 canhazgpu admin --ignore-process "$ignored"
	ok user reserve --gpu-ids 4 --force --duration 8h
	guard
	[ "$(events_of warned | wc -l)" -eq 2 ]
	later 301
	guard --dry-run
	assert_stdout_has "GPU 0 is let alone: it is root's"
	assert_stdout_has 'GPU 1 is let alone: guard.spare names its account or a group of it, or the account cannot be looked up'
	assert_stdout_has 'GPU 2 is let alone: guard.spare names its account or a group of it, or the account cannot be looked up'
	assert_stdout_has 'GPU 3 is let alone: guard.spare.commands names its program'
	[[ $stdout != *SIGTERM* && $stdout != *"GPU 4"* && $stdout != *"GPU 5"* ]]
	guard
	assert_stdout ''
	[ -z "$(events_of stopped)" ]
	for victim in "${background_pids[@]}"; do
		lives "$victim"
	done
}

# idle_for MINUTES: passes that follow each other, so that what lies between is known. $said is what they have said.
idle_for() {
	local minutes
	said=
	for ((minutes = 0; minutes < $1; minutes += 2)); do
		later 120
		guard
		said+=$stdout
	done
}

@test "an idle reservation: a warning, withdrawn when it is used, and released only for somebody who waits" {
	host_pool 2 'guard: {idle: {after: 2h, warn: 30m, then: release-when-awaited}}'
	use_clock
	ok user reserve --gpu-ids 0 --duration 2d
	ok user reserve --gpu-ids 1 --duration 2d
	busy=0 used[0]=0 on_gpu[0]=''
	show_gpus
	idle_for 92
	[[ $said == 'warn: GPU 0 is reserved and has been idle for 1h 30m: unless it is used, guard releases it for whoever waits, from '*' on'* ]]
	[[ $said == *'warn: GPU 1 is reserved and has been idle for 1h 30m: '* ]]
	# A burst between.
	busy=50
	show_gpus
	later 60
	guard
	assert_stdout_has 'withdraw: GPU 0 is used again: the warning of '
	busy=0
	show_gpus
	idle_for 40
	# GPU 1 has been due for a while: nobody waits.
	[ -z "$said" ]
	local as
	set_as 4303
	start_background waiter "${as[@]}" canhazgpu run --wait --gpus 1 -- sleep 1000
	wait_until 'has_text "$WORLD/waiter.err" "Waiting"'
	guard
	[[ $stdout == 'release: guard released GPU 1: idle for 2h '*', and its holder was warned '*' ago; somebody waits' ]]
	wait_until 'user status --json && [[ $(jq -r ".[1].account" "$WORLD/stdout") == admin ]]'
	[[ $(events_of released) == *'guard released GPU 1: idle for '* ]]
	guard
	assert_stdout ''
}

@test "an idle run is warned, and its processes get SIGTERM once" {
	host_pool 2 'guard: {idle: {after: 20m, warn: 10m, runs: signal}}'
	use_clock
	start_on_host 4302 job canhazgpu run --gpus 1 -- bash -c 'trap "echo term; exit 7" TERM; sleep 1000 & wait'
	wait_until 'user status --json && [[ $(jq -r ".[0].account" "$WORLD/stdout") == user ]]'
	busy=0 used[0]=0 on_gpu[0]=''
	show_gpus
	idle_for 12
	[[ $said == 'warn: the run on GPU 0 has been idle for 10m: unless it uses the GPU, guard sends it SIGTERM at '* ]]
	idle_for 12
	[[ $said == 'signal: guard sent SIGTERM to the run on GPU 0: idle for '* ]]
	wait_background job
	assert_status 7
	has_line "$WORLD/job.out" term
	[ "$(events_of stopped | wc -l)" -eq 1 ]
	[ "$(events_of idle | wc -l)" -eq 1 ]
}

@test "a manual reservation: told before its end, and what goes on after it is stopped" {
	host_pool 2 'guard: {expiry: {warn: 10m, then: stop}}'
	use_clock
	ok user reserve --gpu-ids 0 --duration 1h
	victim 4302 overstays 0 5000
	victim 4303 another 1 5000
	guard
	later 3000
	guard
	[[ $stdout == 'expiring: the reservation of GPU 0 ends at '*', and guard stops what goes on after that: '\''canhazgpu extend'\'' prolongs it' ]]
	later 590
	guard
	assert_stdout ''
	later 15
	# The pass that ends it cannot know yet; the next one does.
	guard
	guard
	assert_stdout_has "stop: guard sent SIGTERM to process ${background_pids[overstays]} (sleep) of user on GPU 0: its reservation ended "
	wait_until 'is_dead "${background_pids[overstays]}"'
	lives "${background_pids[another]}"
}

@test "rules come from the host's files alone, and a mistake there has a place" {
	host_pool 1 'guard: {idle: {then: release}}'
	on_host 0 canhazgpu guard
	assert_error 2 '/etc/canhazgpu/config.yaml:1:22: guard.idle.then has no effect without guard.idle.after'
	host_config 'guard.hours: sometimes'
	on_host 0 canhazgpu guard
	assert_error 2 "/etc/canhazgpu/config.yaml:1:14: guard.hours: 'sometimes' are no hours of the week"
	host_config 'guard: {spare: {users: [alice, 3]}}'
	on_host 0 canhazgpu guard
	assert_error 2 '/etc/canhazgpu/config.yaml:1:24: guard.spare.users needs names, such as [alice, bob], this is a list'
	host_config ''
	echo 'guard.idle.after: 1m' >"$WORLD/home/.canhazgpu.yaml"
	user guard --dry-run
	assert_error 2 'guard.idle.after counts only in /etc/canhazgpu/config.yaml, where root sets it'
	rm "$WORLD/home/.canhazgpu.yaml"
	on_host 0 env CANHAZGPU_GUARD_IDLE_AFTER=1m canhazgpu guard
	assert_error 2 'guard.idle.after counts only in /etc/canhazgpu/config.yaml'
}

@test "everybody may ask, administrators may run a pass, and only root's stops" {
	host_pool 2 "admin.group: gpu-admins
$unreserved"
	use_clock
	victim 4302 squatter 0 5000
	user guard --dry-run
	assert_status 0
	assert_stdout_has 'would record: GPU 0 is used without a reservation'
	assert_stdout_has 'would warn user: GPU 0 is used without a reservation'
	user guard
	assert_error 1 'may run a pass (with --dry-run everybody may see what it would do)'
	[ -z "$(events_of warned)" ]
	ok admin guard
	assert_stdout_has 'warn: GPU 0 is used without a reservation'
	# That pass could not tell the account, and nobody is stopped untold.
	later 301
	ok admin guard
	assert_stdout ''
	guard
	assert_stdout_has 'warn: GPU 0 is used without a reservation'
	later 301
	ok admin guard
	assert_stdout ''
	ok admin guard --dry-run --json
	assert_json '.steps[0] | "\(.deed) \(.account) \(.gpus) \(.reason)"' \
		"spare user [0] process $victim (sleep) of user on GPU 0 is let alone, as only root's pass stops: it has used the GPU without a reservation for 10m, and was warned 5m ago"
	guard --json
	assert_json '[.dry_run, .unreserved, .steps[0].deed, .steps[0].pid, .steps[0].failure] | tostring' \
		"[false,1,\"stop\",$victim,null]"
	wait_until 'is_dead "$victim"'
}

@test "two passes at once, and passes that are killed at any point: nothing is done twice, nothing is forgotten" {
	host_pool 4 'guard: {unreserved: {after: 5m, then: stop}, grace: 1h}'
	use_clock
	strace -V >/dev/null 2>&1 || skip 'needs strace'
	mkfifo -m 0666 "$WORLD/tmp/never"
	victim 4302 squatter 3 5000 bash -c 'trap "echo term" TERM; while :; do read -r -t 1000 <>"$0" || :; done' "$WORLD/tmp/never"
	local as one point killed=0
	set_as 0
	# Whatever changes something or signals somebody; each pass is killed a little later than the one before.
	cut() {
		status=0
		in_world "${as[@]}" env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -o "$WORLD/trace" \
			-e "inject=pwrite64,fdatasync,fsync,ftruncate,unlink,sendto,sendmsg,write,pidfd_send_signal:signal=KILL:when=$1" \
			canhazgpu guard >/dev/null 2>&1 || status=$?
		[ "$status" -eq 0 ] || killed=$((killed + 1))
	}
	for ((point = 1; point < 40; point += 1)); do
		cut "$point"
		[ "$status" -ne 0 ] || break
	done
	[ "$killed" -gt 1 ]
	for one in 1 2 3; do
		start_background "guard$one" "${as[@]}" canhazgpu guard
	done
	for one in 1 2 3; do
		wait_background "guard$one"
		assert_status 0
	done
	[ "$(events_of unreserved-begun | wc -l)" -eq 1 ]
	[ "$(events_of warned | wc -l)" -eq 1 ]
	later 301
	killed=0
	for ((point = 1; point < 60; point += 1)); do
		cut "$point"
		[ "$status" -ne 0 ] || break
		later 11
	done
	[ "$killed" -gt 1 ]
	later 11
	guard
	wait_until 'has_line "$WORLD/squatter.out" term'
	lives "$victim"
	[ "$(events_of stopped | wc -l)" -eq 1 ]
	later 3601
	for one in 1 2 3; do
		start_background "guard$one" "${as[@]}" canhazgpu guard
	done
	for one in 1 2 3; do
		wait_background "guard$one"
	done
	wait_until 'is_dead "$victim"'
	[ "$(events_of stopped | wc -l)" -eq 2 ]
	[ "$(events_of warned | wc -l)" -eq 1 ]
}

@test "a clock that is set does not shorten a warning; doctor tells whether passes are made" {
	host_pool 4 "$unreserved"
	use_clock
	on_host 0 canhazgpu doctor --json
	assert_json '.[] | select(.check == "guard") | "\(.result) \(.detail)"' "warning there are rules, and no pass of 'canhazgpu guard' yet"
	victim 4302 squatter 3 5000
	guard
	assert_stdout_has 'warn: '
	on_host 0 canhazgpu doctor --json
	assert_json '.[] | select(.check == "guard") | "\(.result) \(.detail)"' \
		'ok the last pass was less than a minute ago: 1 unreserved use, 0 idle GPUs, 0 GPUs that cannot be used; warned 1, released 0, stopped 0'
	# Forward by an hour, and back by two.
	set_clock 3600 60
	guard
	assert_stdout ''
	set_clock -3600 120
	guard
	assert_stdout ''
	set_clock -3600 301
	guard
	assert_stdout_has "stop: guard sent SIGTERM to process $victim"
	wait_until 'is_dead "$victim"'
	set_clock -3600 4000
	on_host 0 canhazgpu doctor --json
	assert_json '.[] | select(.check == "guard") | .result' warning
}
