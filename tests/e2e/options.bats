#!/usr/bin/env bats
# The command line itself: global options, help, mistakes, exit statuses, and where output goes.
# stores: any

load helpers

# All commands that the help lists.
commands() {
	in_world canhazgpu --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p'
}

@test "the help has the specification's usage line and rows" {
	chg_ok --help
	assert_stderr ''
	assert_equal "${stdout%%$'\n'*}" 'Usage: canhazgpu [OPTIONS] COMMAND [ARGS]...'
	while read -r name summary; do
		grep -qE "^  $name  +$summary\$" "$WORLD/stdout" || fail_with "no row: $name $summary"
	done <<-'END'
		admin Initialize GPU pool for this machine
		release Release manually reserved GPUs held by the current user
		report Generate GPU usage reports
		reserve Reserve GPUs manually for a specified duration
		run Reserve GPUs and run a command with CUDA_VISIBLE_DEVICES set
		status Show current GPU allocation status
	END
	assert_equal "$(commands)" "$(commands | sort)"
	for option in --config --store --memory-threshold --no-color --help --version; do
		grep -qE "^ +(-[a-z], )?$option\\b" "$WORLD/stdout" || fail_with "no $option"
	done
	[[ $stdout != *__supervise* ]]
}

@test "help by every way is the same text, on stdout, with status 0" {
	chg_ok --help
	program=$stdout
	for way in -h help '--config /nowhere --help' '--no-color -h'; do
		# shellcheck disable=SC2086
		chg_ok $way
		assert_stdout "$program"
	done
	# One whose words are its own, and one that begins somebody else's command line.
	for command in status run; do
		chg_ok "$command" --help
		assert_stderr ''
		assert_equal "$(head -n 1 "$WORLD/stdout" | cut -d' ' -f1-3)" "Usage: canhazgpu $command"
		text=$stdout
		chg_ok "$command" -h
		assert_stdout "$text"
		chg_ok help "$command"
		assert_stdout "$text"
		chg_ok --memory-threshold 5 "$command" --help
		assert_stdout "$text"
	done
	assert_equal "$(find "$WORLD/state" "$WORLD/home" -mindepth 1)" ''
}

@test "the help of every command names the options of the specification" {
	while read -r command options; do
		chg_ok "$command" --help
		for option in $options; do
			grep -qE "^ +(-[A-Za-z], )?$option\\b" "$WORLD/stdout" || fail_with "$command has no $option"
		done
		grep -qx '  --config --store --engine --redis-host --redis-port --redis-db --memory-threshold --strict-config --no-color' "$WORLD/stdout" ||
			fail_with "$command does not name the global options"
	done <<-'END'
		admin --gpus --provider --force
		status --json
		run --gpus --gpu-ids --timeout --note --user
		reserve --gpus --gpu-ids --duration --note --user --force --short
		release --gpu-ids
	END
}

@test "--version" {
	version=$(cat "$BATS_TEST_DIRNAME/../../VERSION")
	chg_ok --version
	assert_stdout "canhazgpu $version"
	assert_stderr ''
	chg_ok --no-color --version
	assert_stdout "canhazgpu $version"
}

@test "no command: the help and an error on stderr, status 2" {
	chg
	assert_status 2
	assert_stdout ''
	assert_equal "${stderr##*$'\n'}" 'Error: no command given'
	assert_stderr_has 'Usage: canhazgpu [OPTIONS] COMMAND [ARGS]...'
	chg --no-color
	assert_status 2
	assert_stdout ''
}

@test "an unknown command: status 2, with the one that was meant" {
	while read -r given meant; do
		chg "$given"
		assert_error 2 "unknown command '$given'"
		assert_stderr_has "$meant"
	done <<-'END'
		stauts status
		relase release
		reserv reserve
		frobnicate --help
		Status --help
	END
	chg help stauts
	assert_error 2 'stauts'
	chg ''
	assert_error 2 "unknown command ''"
}

@test "an unknown option: status 2, with the one that was meant" {
	while read -r given meant; do
		# shellcheck disable=SC2086
		chg ${given//_/ }
		assert_error 2 "unknown option"
		assert_stderr_has "$meant"
	done <<-'END'
		status_--jsn did you mean '--json'?
		reserve_--gpu-id_1 did you mean '--gpu-ids'?
		reserve_--durations_1h did you mean '--duration'?
		--stor_x_status did you mean '--store'?
		status_--frobnicate '--frobnicate' (see 'canhazgpu status --help')
		status_-x '-x' (see 'canhazgpu status --help')
		-x_status '-x' (see 'canhazgpu --help')
	END
}

@test "abbreviations of options are refused" {
	for given in 'status --js' 'status --memory-thresh 5' 'reserve --dur 1h' 'reserve --gpu 1' '--vers' '--hel' \
		'--sto x status' 'admin --forc' 'release --gpu-id 1'; do
		# shellcheck disable=SC2086
		chg $given
		assert_error 2 'unknown option'
	done
}

@test "an option of a command does not stand before it" {
	chg --json status
	assert_error 2 "option '--json' must come after the command"
	chg --gpus 2 reserve
	assert_error 2 "option '--gpus' must come after the command"
}

@test "global options before and behind the command; the last one wins" {
	pool 1
	fake_state '{"gpus": [{"memory_used_mb": 3000}]}'
	for given in '--memory-threshold 3000 status -j' 'status -j --memory-threshold 3000' \
		'--memory-threshold=3000 status -j' 'status --memory-threshold=3000 -j' \
		'--memory-threshold 1 status -j --memory-threshold 3000' \
		'status -j --memory-threshold 1 --memory-threshold 3000'; do
		# shellcheck disable=SC2086
		chg_ok $given
		assert_json '.[0].status' AVAILABLE
	done
	chg_ok --memory-threshold 3000 status -j --memory-threshold 2999
	assert_json '.[0].status' UNRESERVED
	for given in '--memory-threshold -1 status' 'status --memory-threshold x' 'status --memory-threshold=' \
		'--memory-threshold 1MB status'; do
		# shellcheck disable=SC2086
		chg $given
		assert_error 2 --memory-threshold
	done
}

@test "an option given twice counts the last time" {
	pool 4
	chg_ok reserve --gpus 3 --gpus 2 --short
	assert_stdout 0,1
}

@test "-- ends the options" {
	pool 4
	chg_ok -- status
	chg_ok status --
	chg status -- --json
	assert_error 2 "unexpected argument '--json'"
	chg_ok run --gpus 2 -- printf '%s|' --gpus 3 -- -h --version
	assert_stdout '--gpus|3|--|-h|--version|'
	assert_stderr 'Reserved 2 GPU(s): [0, 1] for command execution'
	chg_ok run printf '%s|' --note --help
	assert_stdout '--note|--help|'
}

@test "arguments that a command does not take are errors" {
	for command in admin status report queue; do
		chg "$command" surplus
		assert_error 2 "unexpected argument 'surplus' (see 'canhazgpu $command --help')"
	done
	chg help status surplus
	assert_error 2 surplus
	chg reserve --note a b
	assert_error 2 "'b' is no value of --gpus"
	chg run
	assert_error 2 'no command given'
	chg run --gpus 1 --
	assert_error 2 'no command given'
}

@test "options that lack their value, and flags that have one" {
	for given in --store 'status --config' 'reserve --gpus' 'reserve --note' 'release -G' 'admin --provider'; do
		# shellcheck disable=SC2086
		chg $given
		assert_error 2 'needs a value'
	done
	pool 1
	chg_ok status --json=false
	assert_stdout_has VALIDATION
	chg status --json=perhaps
	assert_error 2 'neither true nor false'
	chg status --help=1
	assert_error 2 'takes no value'
}

@test "an error is one line, whatever is in it" {
	chg $'x\e[31m\nError: two'
	assert_error 2 'x\x1b[31m\x0aError: two'
	chg "$(printf 'y%.0s' {1..100000})"
	assert_error 2 yyy
	[ "${#stderr}" -lt 300 ]
	chg status --$'q\n\xff'
	assert_error 2 '\xff'
}

@test "an error is told once, without the help" {
	pool 1
	for given in 'reserve --gpus 2' 'reserve --gpu-ids 5' 'release -G 0' 'admin --gpus 1' 'reserve --gpus x'; do
		# shellcheck disable=SC2086
		chg $given
		[ "$status" -ne 0 ]
		assert_stdout ''
		assert_equal "$(wc -l <"$WORLD/stderr")" 1
		assert_equal "$(grep -o Error: "$WORLD/stderr" | wc -l)" 1
		[[ $stderr != *Usage* ]]
	done
}

@test "output that cannot be written is an error" {
	[ -w /dev/full ] || skip 'no /dev/full'
	pool 2
	for given in --help --version 'status' 'status --json' 'reserve' 'reserve --short' 'release' \
		'status --help' 'report' 'report --json' 'report --csv' 'queue --json' 'config --json' \
		'admin --gpus 1 --provider fake --force' 'admin --gpus 1024 --provider fake --force' \
		'status' 'status --json' 'report --by gpu' 'report --by gpu --json' 'report --by gpu --csv'; do
		status=0
		in_world sh -c "canhazgpu $given >/dev/full" 2>"$WORLD/stderr" || status=$?
		assert_equal "$given: $status $(cat "$WORLD/stderr")" \
			"$given: 1 Error: cannot write the output: No space left on device"
	done
}

@test "closed standard streams: an error where there is something to say, and nothing is damaged" {
	pool 2
	for given in status 'status --json' 'reserve --short' release --help --version; do
		status=0
		in_world sh -c "canhazgpu $given >&- <&-" 2>"$WORLD/stderr" || status=$?
		assert_equal "$given: $status $(cat "$WORLD/stderr")" \
			"$given: 1 Error: cannot write the output: Bad file descriptor"
		status=0
		in_world sh -c "canhazgpu $given >&- 2>&- <&-" || status=$?
		assert_equal "$given: $status" "$given: 1"
	done
	status=0
	in_world sh -c "canhazgpu frobnicate 2>&-" || status=$?
	assert_equal "$status" 2
	chg_ok status
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		assert_equal "$(db 'PRAGMA integrity_check')" ok
		assert_equal "$(stat -c %s "$WORLD/pool.db.lock")" 0
	fi
}

@test "a pipe that nobody reads is no reason to hang" {
	pool 1
	in_world timeout 30 bash -o pipefail -c 'canhazgpu status | true' || [ $? -ne 124 ]
}

@test "a wrong environment variable is named" {
	pool 1
	while read -r variable value; do
		world_set "$variable=$value"
		chg status
		assert_error 2 "$variable"
		world_unset "$variable"
	done <<-'END'
		CANHAZGPU_MEMORY_THRESHOLD lots
		CANHAZGPU_RUN_TIMEOUT soon
		CANHAZGPU_RESERVE_GPUS 0
		CANHAZGPU_STATUS_JSON perhaps
	END
	world_set CANHAZGPU_STATUS_JSON=1
	chg_ok status
	assert_json length 1
}

@test "a wrong configuration file is named, with line and column" {
	pool 1
	chg --config "$WORLD/nothing.yaml" status
	assert_error 2 "$WORLD/nothing.yaml"
	while IFS='|' read -r name text place; do
		printf '%b' "$text" >"$WORLD/$name"
		chg --config "$WORLD/$name" status
		assert_error 2 "$WORLD/$name:$place"
		chg status --config="$WORLD/$name"
		assert_error 2 "$WORLD/$name:$place"
	done <<-'END'
		a.yaml|memory: [\n|2:1
		b.yaml|memory:\n  threshold: lots\n|2:14
		d.json|{"memory": {"threshold": 5}|1
		e.toml|[memory]\nthreshold = \n|2
		f.yaml|run:\n  timeout: 30\n|2:12
	END
	chg --config '' status
	assert_error 2 --config
}

@test "settings come from flag, environment, file and default, in this order" {
	pool 1
	fake_state '{"gpus": [{"memory_used_mb": 600}]}'
	state() {
		chg_ok "$@" status --json
		json_get '.[0].status'
	}
	assert_equal "$(state)" AVAILABLE
	for name in .canhazgpu.json:'{"memory": {"threshold": 500}}' .canhazgpu.toml:'memory.threshold = 500' \
		.canhazgpu.yml:'memory.threshold: 500' .canhazgpu.yaml:'memory: {threshold: 500}'; do
		rm -f "$WORLD"/home/.canhazgpu.*
		printf '%s\n' "${name#*:}" >"$WORLD/home/${name%%:*}"
		assert_equal "$name $(state)" "$name UNRESERVED"
	done
	world_set CANHAZGPU_MEMORY_THRESHOLD=700
	assert_equal "$(state)" AVAILABLE
	assert_equal "$(state --memory-threshold 599)" UNRESERVED
	printf 'memory: {threshold: 800}\n' >"$WORLD/other.yaml"
	world_unset CANHAZGPU_MEMORY_THRESHOLD
	assert_equal "$(state --config "$WORLD/other.yaml")" AVAILABLE
}

@test "of --gpus and --gpu-ids the one from nearer by counts, and only two of the same place contradict" {
	pool 4
	world_set CANHAZGPU_RUN_GPUS=2
	chg_ok run --gpu-ids 3 -- printenv CUDA_VISIBLE_DEVICES
	assert_stdout 3
	chg_ok run -- printenv CUDA_VISIBLE_DEVICES
	[[ $stdout == [0-3],[0-3] ]] || fail_with 'not two GPUs'
	world_set CANHAZGPU_RUN_GPU_IDS=0
	chg run -- true
	assert_error 2 '--gpus 2 does not match the 1 GPU IDs of --gpu-ids'
	world_set CANHAZGPU_RESERVE_GPU_IDS=0
	chg_ok reserve --gpus 2 --short
	[[ $stdout == [0-3],[0-3] ]] || fail_with 'not two GPUs'
	chg_ok release
	chg_ok reserve --short
	assert_stdout 0
	world_unset CANHAZGPU_RESERVE_GPU_IDS
	printf 'reserve: {gpus: 3}\n' >"$WORLD/home/.canhazgpu.yaml"
	world_set CANHAZGPU_RESERVE_GPU_IDS=2,3
	chg_ok reserve --short
	assert_stdout 2,3
	for command in 'run --gpus 2 --gpu-ids 1 -- true' 'run --gpu-ids 1,2,3 --gpus 2 -- true' 'reserve --gpus 2 -G 1'; do
		# shellcheck disable=SC2086
		chg $command
		assert_error 2 '--gpus 2 does not match'
	done
}

@test "a heartbeat that would let others take a run for dead is refused, and one that never rests" {
	pool 1
	for given in 1ms 99ms 61s 10m 1d; do
		world_set "CANHAZGPU_RUN_HEARTBEAT=$given"
		chg run -- true
		assert_error 2 "$given is out of range (0.1s to 60s)"
		assert_stderr_has CANHAZGPU_RUN_HEARTBEAT
	done
	world_set CANHAZGPU_RUN_HEARTBEAT=1ns
	chg run -- true
	assert_error 2 CANHAZGPU_RUN_HEARTBEAT
	world_unset CANHAZGPU_RUN_HEARTBEAT
	echo 'run: {heartbeat: 10m}' >"$WORLD/home/.canhazgpu.yaml"
	chg run -- true
	assert_error 2 '.canhazgpu.yaml:1:'
	for given in 100ms 60s 1m; do
		world_set "CANHAZGPU_RUN_HEARTBEAT=$given"
		rm -f "$WORLD/home/.canhazgpu.yaml"
		chg_ok run -- true
	done
}
