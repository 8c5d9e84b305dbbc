#!/usr/bin/env bats
# What people type who mean something that is written in another way: it is done where it is plain, and the
# error says it where it is not.
# stores: any

load run_helpers

@test "release, extend and reserve take the argument that they are about" {
	pool 4
	chg_ok reserve 2
	assert_stdout_has 'Reserved 2 GPU(s): [0, 1] for 8h 0m 0s'
	chg_ok extend 2h
	assert_stdout_has '(2h 0m 0s more)'
	chg_ok reserve --gpu-ids 3
	chg_ok release 3
	assert_stdout 'Released 1 GPU(s): [3]'
	chg_ok release 0 1
	assert_stdout 'Released 2 GPU(s): [0, 1]'
	assert_equal "$(held)" ''
}

@test "an argument of another kind: the option that it belongs to" {
	pool 4
	chg reserve 2h
	assert_error 2 "'2h' is no value of --gpus, did you mean '--duration 2h'?"
	chg reserve --for 2h
	assert_error 2 "unknown option '--for', did you mean '--duration'?"
	chg reserve 2 1h
	assert_error 2 "unexpected argument '1h', did you mean '--duration 1h'?"
	chg release 0 1 x
	assert_error 2 "'x' is no value of --gpu-ids"
	chg extend 2
	assert_error 2 "'2' is no value of --duration, did you mean '--gpu-ids 2'?"
	chg report 7
	assert_error 2 "unexpected argument '7', did you mean '--days 7'?"
	chg release nonsense
	assert_error 2 "'nonsense' is no value of --gpu-ids"
	chg reserve --gpus 1 2
	assert_error 2 "'2' and --gpus: only one of them at a time"
	chg release 1 --all
	assert_error 2 'only one of --gpu-ids, --id, --user and --all can be used'
	assert_equal "$(held)" ''
}

@test "run: what was probably meant by what is no command" {
	pool 1
	chg run --wait 10 -- true
	assert_error 2 "option '--wait' needs a time with its unit: did you mean '--wait 10m' or '--wait 10h'?"
	chg reserve --wait 1
	assert_error 2 "did you mean '--wait 1m' or '--wait 1h'?"
	chg run --wait soon -- true
	assert_error 127 'soon: command not found (it is no value of --wait'
	chg report --month 10
	assert_error 2 "option '--month' needs a date such as 2026-10, not '10'"
	chg report --month 2026-13
	assert_error 2 "unexpected argument '2026-13', which is no value of --month (see 'canhazgpu report --help')"
	chg status --watch often
	assert_error 2 "unexpected argument 'often', which is no value of --watch"
	chg run -- A=1 true
	assert_error 127 "A=1: command not found (to set a variable for the command, use 'env NAME=VALUE COMMAND'"
	chg run -- 'python train.py'
	assert_error 127 'this is one word: leave out the quotes around the command'
	chg run 2 -- true
	assert_error 127 "(did you mean '--gpus 2'?)"
	assert_reserved ''
	# What exists is run, whatever it is called.
	printf '#!/bin/sh\necho "ran $*"\n' >"$WORLD/bin/10"
	cp "$WORLD/bin/10" "$WORLD/bin/A=1"
	chmod +x "$WORLD/bin/10" "$WORLD/bin/A=1"
	chg_ok run --wait -- 10 true
	assert_stdout 'ran true'
	chg_ok reserve 1 --wait
	chg_ok release
	chg_ok run -- A=1 x
	assert_stdout 'ran x'
}

@test "an option whose value was forgotten does not take the next option for it" {
	pool 1
	chg run --note -- true
	assert_error 2 "option '--note' needs a value before '--'"
	chg run --note --gpus 1 -- true
	assert_error 2 "option '--note' needs a value before '--gpus' (or write --note=--gpus)"
	chg reserve -G --short
	assert_error 2 "option '-G' needs a value before '--short'"
	chg_ok reserve --note=--gpus
	chg_ok status --json
	assert_json '.[0].note' --gpus
	assert_reserved 0
}

@test "names from other programs point to what there is" {
	while read -r word expected; do
		chg $word
		assert_error 2 "$expected"
	done <<-'LIST'
		version use 'canhazgpu --version'
		ls use 'canhazgpu status'
		ps use 'canhazgpu status'
		kill use 'canhazgpu release --gpu-ids IDS' or 'canhazgpu cancel'
		-V unknown option '-V', did you mean '--version'?
	LIST
}

@test "a refusal makes eval fail, so that a script with set -e stops" {
	pool 1
	script='set -e; eval "$(canhazgpu reserve --export '
	in_shell sh "$script)\"; echo \"went on with \$CUDA_VISIBLE_DEVICES\""
	assert_status 0
	assert_stdout 'went on with 0'
	for mistake in '' '--gpus 0' '--gpuss 1' '--gpu-ids 0,0'; do
		for shell in sh bash; do
			in_shell $shell "$script $mistake)\"; echo went on"
			assert_error 1 ''
			assert_stdout ''
		done
	done
	# Also where the mistake hides what was meant.
	for mistake in 'reserve --export=x' 'reserve --exprot' '--nosuch reserve --export' 'resreve --export'; do
		in_shell sh "set -e; eval \"\$(canhazgpu $mistake)\"; echo went on"
		assert_error 1 ''
		assert_stdout ''
	done
	for other in '--nosuch status' 'statsu' '--nosuch run -- train --export'; do
		# shellcheck disable=SC2086
		chg $other
		assert_status 2
		assert_stdout ''
	done
	# In an interactive shell, which goes on, nothing is set.
	in_shell bash 'unset CUDA_VISIBLE_DEVICES; eval "$(canhazgpu reserve --export)" || echo "refused $? ${CUDA_VISIBLE_DEVICES-unset}"'
	assert_stdout 'refused 1 unset'
}

@test "a request that is ended while it waits makes eval fail, too" {
	pool 1
	chg_ok reserve
	start_background waiter canhazgpu reserve --wait --export
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	kill -TERM "${background_pids[waiter]}"
	wait_background waiter
	assert_status 143
	assert_equal "$(cat "$WORLD/waiter.out")" false
}
