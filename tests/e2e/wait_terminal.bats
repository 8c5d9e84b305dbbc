#!/usr/bin/env bats
# What waiting shows on a real terminal: one line, redrawn in place and gone at the end.
# stores: any

load wait_helpers
load terminal

teardown() {
	for socket in "$WORLD"/tmux.*; do
		[ ! -S "$socket" ] || tmux -S "$socket" kill-server 2>/dev/null || true
	done
	world_close
}

# How many lines of the screen show how it stands.
progress_lines() {
	screen | grep -c '^Waiting ' || true
}

# Waits until its clock has gone on, and it is one line still. (Between two states it is no line for a moment.)
assert_redrawn() {
	wait_until 'before=$(screen | grep "^Waiting ")' 30
	wait_until 'now=$(screen | grep "^Waiting ") && [ "$now" != "$before" ]' 30
	assert_equal "$(wc -l <<<"$now")" 1
}

@test "one line shows how it stands, is redrawn in place, and is gone when the command starts" {
	pool 2
	hold holder --gpu-ids 0
	terminal 160 20
	enter 'canhazgpu run --wait --gpus 2 -- echo finished'
	wait_until 'screen_has "position 1 of 1, collected 1/2 [1]"' 30
	assert_redrawn
	kill "$command"
	wait_until 'screen | grep -qx finished' 30
	assert_equal "$(progress_lines)" 0
}

@test "a long line is cut to the terminal's width" {
	pool 8
	chg_ok reserve --gpus 8 --duration 1h --user somebody-with-a-long-name
	terminal 60 12
	enter 'canhazgpu run --wait --gpus 8 -- true'
	wait_until 'screen_has "position 1 of 1"' 30
	assert_redrawn
	assert_equal "$(screen | grep -A 1 '^Waiting ' | tail -n 1)" ''
}

@test "Ctrl-C on the terminal leaves the line, and the prompt comes back on a line of its own" {
	pool 1
	hold holder
	terminal 100 20
	enter 'canhazgpu run --wait -- true; echo "status $?"'
	wait_until 'screen_has "position 1 of 1"' 30
	press C-c
	wait_until 'screen | grep -qx "prompt>"' 30
	assert_equal "$(progress_lines)" 0
	screen_has 'Left the queue' || fail_with "$(screen)"
	assert_equal "$(line)" ''
	assert_reserved 0
}

@test "in the background it does not write over what is typed, and goes on in the foreground" {
	pool 1
	hold holder
	terminal 100 20
	enter 'canhazgpu run --wait -- echo finished'
	wait_until 'screen_has "position 1 of 1"' 30
	press C-z
	wait_until 'screen_has Stopped' 30
	enter 'clear; bg; echo ready'
	wait_until 'screen | grep -qx ready' 30
	wait_run other # they look again
	type 'echo typed'
	wait_until 'screen_has "prompt> echo typed"' 30
	assert_equal "$(progress_lines)" 0
	press C-u
	enter fg
	wait_until 'screen_has "position 1 of 2"' 30
	kill "$command"
	wait_until 'screen | grep -qx finished' 30
}

@test "a hostile name does no harm on the terminal" {
	pool 1
	hold holder --user $'\e[2Jevil\r\e]0;owned\a'
	terminal 160 20
	enter 'canhazgpu run --wait -- echo finished'
	wait_until 'screen_has evil' 30
	screen_has 'canhazgpu run --wait' || fail_with "the screen was cleared: $(screen)"
	wait_until '[ "$(progress_lines)" = 1 ]'
	kill "$command"
	wait_until 'screen | grep -qx finished' 30
}
