#!/usr/bin/env bats
# Runs in a real terminal: job control, Ctrl-C, and a terminal that is closed. tmux, on a socket of the
# world, is the terminal; an interactive bash is in it.
# stores: any

load run_helpers

setup() {
	world_open
	terminal_open
}

teardown() {
	tmux -S "$WORLD/tmux" kill-server 2>/dev/null || true
	world_close
}

terminal() {
	in_world tmux -S "$WORLD/tmux" -f /dev/null "$@"
}

terminal_open() {
	terminal new-session -d -s jobs -x 200 -y 50 bash --norc --noprofile -i
	# A second pane keeps the server when the first is closed.
	terminal new-session -d -s keeper sleep 1000
	type_line "PS1='ready>'"
	wait_until 'screen | grep -q "^ready>$"'
	shell=$(terminal list-panes -t jobs -F '#{pane_pid}')
}

type_line() {
	terminal send-keys -t jobs -l "$1"
	terminal send-keys -t jobs Enter
}

press() {
	terminal send-keys -t jobs "$1"
}

screen() {
	terminal capture-pane -p -t jobs
}

# Waits until the screen holds a line like that.
wait_for_screen() {
	wait_until "screen | grep -q -- '$1'" || {
		screen >&2
		return 1
	}
}

# Types a run of `sleep` and waits until it is there: $command and $supervisor.
type_run() {
	type_line "$1"
	wait_until 'command=$(pgrep -P "$shell" -x sleep)'
	supervisor=$(supervisor_of "$command")
}

@test "the command has the terminal, group and session of the run process" {
	pool 1
	look='ps -o pid=,ppid=,pgid=,tpgid=,sid=,tty= -p $$'
	printf '#!/bin/sh\n%s\nexec canhazgpu run -- sh -c '"'%s; test -t 0 && test -t 1 && test -t 2 && echo terminal'\n" \
		"$look" "$look" >"$WORLD/bin/look"
	chmod +x "$WORLD/bin/look"
	type_line 'clear; look'
	wait_for_screen '^terminal$'
	screen | grep '^ *[0-9]' >"$WORLD/lines"
	assert_equal "$(wc -l <"$WORLD/lines")" 2
	assert_equal "$(sort -u "$WORLD/lines" | wc -l)" 1
	read -r pid _ pgid tpgid _ tty <"$WORLD/lines"
	assert_equal "$pgid $tpgid" "$pid $pid"
	[[ $tty == pts/* ]]
}

@test "Ctrl-C ends the command and releases its GPU" {
	pool 1
	type_run 'canhazgpu run -- sleep 1000'
	press C-c
	wait_until 'is_gone "$command"'
	wait_until '[ -z "$(reserved)" ]'
	type_line 'echo "status $?"'
	wait_for_screen '^status 130$'
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" released
}

@test "Ctrl-C is the command's: one that handles it goes on, and keeps its GPU" {
	pool 1
	# shellcheck disable=SC2016
	type_line 'canhazgpu run -- sh -c '\''trap "echo caught" INT; echo begun; while :; do sleep 1000; done'\'
	wait_for_screen '^begun$'
	wait_until 'command=$(pgrep -P "$shell" -x sh) && pgrep -P "$command" -x sleep'
	press C-c
	wait_for_screen 'caught$'
	assert_reserved 0
	assert_alive "$command"
	assert_alive "$(supervisor_of "$command")"
}

@test "Ctrl-Z stops the command, not its supervisor, and fg continues it" {
	pool 1
	type_run 'canhazgpu run -- sleep 1000'
	press C-z
	wait_until '[ "$(process_field "$command" 3)" = T ]'
	wait_for_screen 'Stopped  *canhazgpu run -- sleep 1000'
	[ "$(process_field "$supervisor" 3)" != T ]
	assert_reserved 0
	type_line fg
	wait_until '[ "$(process_field "$command" 3)" = S ]'
	# In the foreground again: the terminal's group is the command's.
	wait_until '[ "$(process_field "$command" 8)" = "$command" ]'
	assert_reserved 0
	press C-c
	wait_until 'is_gone "$command"'
	wait_until '[ -z "$(reserved)" ]'
}

@test "a closed terminal ends the command, and its GPU is released" {
	pool 1
	type_run 'canhazgpu run -- sleep 1000'
	terminal kill-session -t jobs
	wait_until 'is_gone "$command"'
	wait_until 'is_gone "$supervisor"'
	assert_reserved ''
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" released
}

@test "with nohup the command outlives its terminal, and stays reserved" {
	pool 1
	type_run 'CANHAZGPU_RUN_HEARTBEAT=200ms nohup canhazgpu run -- sleep 1000 >/dev/null 2>&1 &'
	terminal kill-session -t jobs
	wait_until 'is_gone "$shell"'
	wait_for_renewals "$supervisor" 2
	assert_reserved 0
	assert_alive "$command"
	kill_now "$command"
	wait_until '[ -z "$(reserved)" ]'
}

@test "a message of the supervisor appears on the terminal" {
	pool 1
	type_run 'CANHAZGPU_RUN_HEARTBEAT=200ms canhazgpu run -- sleep 1000'
	chg_ok release --gpu-ids 0
	wait_for_screen '^canhazgpu: the reservation of GPU(s) \[0\] is gone (released'
	# The supervisor has not made the terminal its own.
	assert_equal "$(process_field "$supervisor" 7)" 0
}

@test "a command in the background that is stopped for reading from the terminal stays reserved" {
	pool 1
	type_line 'canhazgpu run -- cat &'
	wait_until 'command=$(pgrep -P "$shell" -x cat)'
	wait_until '[ "$(process_field "$command" 3)" = T ]'
	assert_reserved 0
	type_line fg
	wait_until '[ "$(process_field "$command" 3)" = S ]'
	press C-d
	wait_until 'is_gone "$command"'
	wait_until '[ -z "$(reserved)" ]'
}
