#!/usr/bin/env bats
# canhazgpu status: --summary, --watch in real terminals, narrow terminals, locales.
# stores: any

bats_require_minimum_version 1.5.0
load helpers
load terminal

# Four GPUs of two models: one available, one reserved, one used without reservation, one unknown.
mixed() {
	pool 4
	fake_state '{"gpus": [
		{"index": 0, "name": "NVIDIA H100 80GB HBM3", "memory_used_mb": 45},
		{"index": 1, "name": "NVIDIA A100", "memory_used_mb": 8452},
		{"index": 2, "name": "NVIDIA H100 80GB HBM3", "memory_used_mb": 3000,
		 "processes": [{"pid": 99999991, "name": "a-long-process-name"}]},
		{"index": 3, "name": "NVIDIA H100 80GB HBM3", "memory_used_mb": null}]}'
	chg_ok reserve --gpu-ids 1 --force --user Jörg --note 'a note that is far too long for a narrow terminal'
}

# What stands at the end: the reservation of `mixed` is for 8 hours.
last_line() {
	local expiry
	chg_ok status --json
	expiry=$(jq -r '.[1].expiry_time' "$WORLD/stdout")
	echo "1 of 4 available; next free about $(date -d "$expiry" +%H:%M) (GPU 1, Jörg ($(id -un)))"
}

# ---- terminals ----

alternate() {
	[ "$(tmux -S "$socket" display-message -p '#{alternate_on}#{cursor_flag}')" = "$1" ]
}

# The terminal is the shell's again: its own screen, a cursor, keys that are shown, line by line.
assert_restored() {
	wait_until 'alternate 01'
	wait_until 'screen_has "prompt>"'
	enter 'stty -a | tr ";" "\n" | grep -o -- "-*\(icanon\|echo\) " | tr "\n" "+"; echo =done'
	wait_until 'screen_has "+=done"'
	screen_has $'\nicanon +echo +=done' || { screen >&2 && return 1; }
}

# start_watch [ARGUMENTS]: `status --watch` with an interval that does not pass during the test.
start_watch() {
	enter "canhazgpu status --watch=3600 $*"
	wait_until 'alternate 10'
	wait_until 'screen_has "every 3600 s"'
}

watch_pid() {
	pgrep -f 'canhazgpu status --watch=3600' -s "$(tmux -S "$socket" display-message -p '#{pane_pid}')"
}

# ---- summary ----

@test "the summary: the lines of the specification, then one per model" {
	mixed
	last=$(last_line)
	chg_ok status --summary
	assert_stdout 'Available GPUs: 1 out of 4
In use with reservations: 1 GPUs
Unreserved usage: 1 GPUs
Unknown usage: 1 GPU
NVIDIA H100 80GB HBM3: 1 available out of 3, 0 in use, 1 unreserved, 1 unknown
NVIDIA A100: 0 available out of 1, 1 in use, 0 unreserved
'"$last"
}

@test "what contradicts itself is a usage error" {
	pool 1
	chg status --json --summary
	assert_error 2 '--json and --summary'
	chg status --json --watch
	assert_error 2 '--json and --watch'
	for seconds in 0 -1 x 86401; do
		chg status "--watch=$seconds"
		assert_error 2 --watch
	done
}

# ---- watch ----

@test "watch needs a pool" {
	chg status --watch
	assert_error 1 'canhazgpu admin'
}

@test "watch into a pipe prints one status after the other, until nobody reads" {
	mixed
	in_world bash -c 'canhazgpu status --watch 1 | head -n 12; echo "${PIPESTATUS[0]}"' >"$WORLD/out"
	[ "$(grep -c '^GPU  STATUS' "$WORLD/out")" = 2 ]
	assert_equal "$(sed -n 7p "$WORLD/out")" ''
	assert_equal "$(tail -n 1 "$WORLD/out")" 141
	run ! grep -q $'\e' "$WORLD/out"
}

@test "watch redraws in place and quits with q" {
	mixed
	terminal 120 20
	enter 'echo before'
	enter 'canhazgpu status --watch 1'
	wait_until 'alternate 10'
	wait_until 'screen_has "1    IN_USE      Jörg"'
	[[ $(screen) != *before* ]]
	chg_ok release
	wait_until 'screen_has "1    UNRESERVED"'
	wait_until '[ "$(screen | grep -c "^GPU  STATUS")" = 1 ]' # each second it is drawn anew
	type x
	type q
	assert_restored
	screen_has before
}

@test "watch quits with Ctrl-C, successfully" {
	mixed
	terminal 120 20
	start_watch
	press C-c
	assert_restored
	enter 'echo status=$?'
	wait_until 'screen_has status=0'
}

@test "watch shows a change of the pool as it comes, not at the end of its interval" {
	mixed
	terminal 140 20
	start_watch
	run ! screen_has 'shown at once'
	chg_ok reserve --gpu-ids 0 --note 'shown at once'
	wait_until 'screen_has "shown at once"'
	chg_ok release --gpu-ids 0
	wait_until '! screen_has "shown at once"'
	press q
	assert_restored
}

@test "watch restores the terminal when it is ended by a signal" {
	mixed
	for signal in TERM HUP QUIT; do
		terminal 120 40
		start_watch '; echo status=$?'
		kill -$signal "$(watch_pid)"
		wait_until "screen_has status=$((128 + $(kill -l $signal)))"
		assert_restored
	done
}

@test "watch gives the terminal back while it is stopped, and takes it again" {
	mixed
	terminal 120 40
	start_watch
	press C-z
	wait_until 'screen_has Stopped'
	assert_restored
	enter fg
	wait_until 'alternate 10'
	wait_until 'screen_has "every 3600 s"'
	# Nobody can give the terminal back at a SIGSTOP, but going on takes it anew.
	run ! screen_has Stopped
	kill -STOP "$(watch_pid)"
	wait_until 'screen_has Stopped'
	enter fg
	wait_until '! screen_has Stopped && screen_has "every 3600 s"'
	press q
	assert_restored
}

@test "watch in the background leaves the terminal alone" {
	mixed
	terminal 120 40
	start_watch
	press C-z
	wait_until 'screen_has Stopped'
	enter bg
	enter 'echo still=$((40 + 2))'
	wait_until 'screen_has still=42'
	alternate 01
	# What is typed is not its input: that would stop it.
	enter 'jobs'
	wait_until 'screen_has Running'
	enter 'kill %1; wait; echo ended=$((40 + 2))'
	wait_until 'screen_has ended=42'
	# The shell tells of the end before a prompt of its own choice: not into the middle of the next answer.
	# (So many prompts that it leaves the screen would be no help.)
	wait_until 'press Enter; sleep 1; screen_has Terminated'
	assert_restored
}

@test "watch on a terminal of another session shows one status after the other" {
	mixed
	terminal 120 20
	enter 'setsid -w sh -c '"'"'echo $$ >watcher; exec canhazgpu status --watch=3600'"'"
	wait_until 'screen_has UNRESERVED'
	kill "$(cat "$WORLD/watcher")"
	wait_until '[[ $(screen) == *UNRESERVED*"prompt>"* ]]'
	alternate 01
}

@test "watch follows the size of its window" {
	mixed
	terminal 120 20
	start_watch
	wait_until 'screen_has "NVIDIA" || screen_has VALIDATION'
	tmux -S "$socket" resize-window -x 60 -y 6
	# Title, empty line, header, dashes, one GPU, and how many lines are missing.
	wait_until '[[ $(screen) == *"... and "*" more lines"* ]] && [ "$(screen | grep -c .)" = 5 ]'
	tmux -S "$socket" resize-window -x 120 -y 20
	wait_until 'screen_has "WITHOUT RESERVATION"'
	press q
	assert_restored
}

@test "watch goes on when the store does not answer, and says so" {
	need_sqlite
	mixed
	terminal 120 20
	enter 'canhazgpu status --watch 1'
	wait_until 'screen_has UNRESERVED'
	mv "$WORLD/pool.db" "$WORLD/away.db"
	wait_until 'screen_has "Error: " && screen_has UNRESERVED'
	mv "$WORLD/away.db" "$WORLD/pool.db"
	wait_until '! screen_has "Error: "'
	press q
	assert_restored
}

@test "watch --summary" {
	mixed
	terminal 80 20
	start_watch --summary
	wait_until 'screen_has "Available GPUs: 1 out of 4"'
	press q
	assert_restored
}

# ---- processes ----

@test "a process inside a container is shown with the container's id" {
	[ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	pool 1
	start_background guest sleep 1000
	wait_until '[ "$(cat "/proc/$background_pid/comm")" = sleep ]'
	fake_state '{"gpus": [{"memory_used_mb": 9000, "processes": [{"pid": '"$background_pid"'}]}]}'
	printf '0::/system.slice/docker-%064d.scope\n' 7 >"$WORLD/cgroup"
	# shellcheck disable=SC2016
	in_world unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../cgroup" "/proc/$0/cgroup"
		canhazgpu status >&2; exec canhazgpu status --json' "$background_pid" >"$WORLD/stdout" 2>"$WORLD/table"
	grep -qF "9000MB used by PID $background_pid (sleep in container 000000000000)" "$WORLD/table"
	assert_json '.[0].process_info' "9000MB used by PID $background_pid (sleep in container 000000000000)"
}

# ---- width and locale ----

@test "no line is broken by terminals of 40 to 120 columns, and what they have no room for is below" {
	mixed
	for columns in 40 60 80 100 120; do
		terminal "$columns" 24
		enter 'clear; canhazgpu status; echo done=$((40 + 2))'
		wait_until 'screen_has done=42'
		screen >"$WORLD/screen"
		assert_equal "$(sed -n '/^GPU/,/^1 of 4/p' "$WORLD/screen" | grep -vE '^(GPU|---|[0-3] )  |^     |^1 of 4')" ''
		tr -s ' \n' ' ' <"$WORLD/screen" >"$WORLD/words"
		grep -qF '[a note that is far too long for a narrow terminal]' "$WORLD/words"
		grep -qF 'WITHOUT RESERVATION' "$WORLD/words"
		grep -qF '(a-long-process-name)' "$WORLD/words"
		grep -qF 'unknown: the driver does not report how much memory is used' "$WORLD/words"
		assert_equal "$(cut -c 1-15 "$WORLD/screen" | sed -n '/^[0-3]    /p')" '0    AVAILABLE 
1    IN_USE    
2    UNRESERVED
3    ERROR     '
		grep -q '^1 .* Jörg .*expir' "$WORLD/screen"
	done
}

@test "a pipe gets everything, whatever the terminal" {
	mixed
	terminal 60 30
	enter "canhazgpu status | grep -c 'far too long for a narrow terminal'"
	wait_until 'screen_has 1'
	chg_ok status
	assert_stdout_has 'a note that is far too long for a narrow terminal'
	assert_stdout_has 'a-long-process-name'
}

@test "the C locale shows what it can, and question marks for the rest" {
	mixed
	world_set LC_ALL=C
	chg_ok status
	assert_stdout_has 'J?rg'
	LC_ALL=C run ! grep -q '[^ -~]' "$WORLD/stdout"
	terminal 60 20 C
	enter 'clear; LC_ALL=C canhazgpu status; echo done=$((40 + 2))'
	wait_until 'screen_has done=42'
	screen_has 'expires in'
	run ! screen_has …
}
