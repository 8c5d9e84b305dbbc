#!/usr/bin/env bats
# `run` becomes the command: same process, same everything, but for the variables that name its GPUs.
# stores: any

load run_helpers

@test "the command replaces the run process: same pid, parent, group, session" {
	pool 1
	in_world sh -c 'ps -o pid=,ppid=,pgid=,sid=,tty= -p $$ >"$1"
		exec canhazgpu run -- sh -c "ps -o pid=,ppid=,pgid=,sid=,tty= -p \$\$"' sh \
		"$WORLD/before" >"$WORLD/after" 2>"$WORLD/stderr"
	[ -s "$WORLD/before" ]
	diff "$WORLD/before" "$WORLD/after"
}

@test "the exit status is the command's" {
	pool 1
	for code in 0 1 2 42 75 124 125 126 127 128 130 137 254 255; do
		chg run -- sh -c "exit $code"
		assert_status "$code"
	done
}

@test "a command that a signal ends has ended by that signal for its parent" {
	pool 1
	for signal in 1 2 9 11 13 15; do
		got=$(in_world python3 -c 'import subprocess, sys; print(subprocess.call(sys.argv[1:]))' \
			canhazgpu run -- sh -c "ulimit -c 0; kill -$signal \$\$" 2>/dev/null)
		assert_equal "$got" "-$signal"
	done
}

@test "a signal to the run process is a signal to the command" {
	pool 1
	start_run job -- sh -c 'trap "echo got it; exit 5" USR1; echo ready; while :; do sleep 0.05; done'
	wait_for_text "$WORLD/job.out" ready
	kill -USR1 "$background_pid"
	wait_background job
	assert_status 5
	assert_equal "$(cat "$WORLD/job.out")" $'ready\ngot it'
}

@test "standard output is the command's alone, and standard error says what was reserved" {
	pool 2
	chg_ok run --gpus 2 -- printf 'a\nb'
	printf 'a\nb' | cmp - "$WORLD/stdout"
	assert_stderr 'Reserved 2 GPU(s): [0, 1] for command execution'
}

@test "standard input is the command's" {
	pool 1
	printf 'one\ntwo' | in_world canhazgpu run -- cat >"$WORLD/stdout" 2>"$WORLD/stderr"
	printf 'one\ntwo' | cmp - "$WORLD/stdout"
}

@test "CUDA_VISIBLE_DEVICES names the GPUs in ascending order and replaces an earlier value" {
	pool 4
	world_set CUDA_VISIBLE_DEVICES=7
	world_set CUDA_DEVICE_ORDER=FASTEST_FIRST
	world_set CANHAZGPU_RESERVATION_ID=forged
	# shellcheck disable=SC2016
	chg_ok run --gpu-ids 3,1 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER"
		canhazgpu status --json | jq -r ".[3].reservation_id"; echo "$CANHAZGPU_RESERVATION_ID"'
	readarray -t lines <<<"$stdout"
	assert_equal "${lines[0]}" '1,3 PCI_BUS_ID'
	assert_equal "${#lines[2]}" 36
	assert_equal "${lines[2]}" "${lines[1]}"
}

@test "the environment changes by the documented variables and no more" {
	pool 1
	world_set 'ODD=with spaces, "quotes"'
	in_world env | sort >"$WORLD/before"
	in_world canhazgpu run -- env 2>/dev/null | sort >"$WORLD/after"
	assert_equal "$(comm -23 "$WORLD/before" "$WORLD/after")" ''
	assert_equal "$(comm -13 "$WORLD/before" "$WORLD/after" | sed 's/=.*//' | grep -v ENV_ | paste -sd ' ')" \
		'CANHAZGPU_RESERVATION_ID CUDA_DEVICE_ORDER CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES'
	# The same for containers of Apptainer and Singularity, which take the prefix off.
	for prefix in APPTAINERENV_ SINGULARITYENV_; do
		assert_equal "$(sed -n "s/^$prefix//p" "$WORLD/after")" "$(comm -13 "$WORLD/before" "$WORLD/after" | grep -v ENV_)"
	done
	chg_ok run --help
	assert_stdout_has '  nvidia   CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES'
}

@test "the command has the environment that run was given, byte for byte and in order" {
	! grep -q __asan_init "$CANHAZGPU_BIN" || skip 'LD_DYNAMIC_WEAK takes malloc from the sanitizer'
	pool 1
	in_world "$BATS_TEST_DIRNAME/programs/environments" 40
}

# A stand-in for sudo: it takes the environment away, but for PATH and what --preserve-env names.
fake_sudo() {
	cat >"$WORLD/bin/sudo" <<-'END'
		#!/bin/bash
		keep=("PATH=$PATH")
		while [[ ${1-} == -* ]]; do
			case $1 in
			--preserve-env=*)
				for name in ${1//,/ }; do
					name=${name#*=}
					[ -z "${!name+x}" ] || keep+=("$name=${!name}")
				done
				;;
			-u) shift ;;
			esac
			shift
		done
		exec env -i "${keep[@]}" "$@"
	END
	chmod +x "$WORLD/bin/sudo"
}

@test "a command that sudo starts has the variables of its GPUs" {
	pool 4
	fake_sudo
	world_set KEPT=yes
	world_set LOST=yes
	# shellcheck disable=SC2016
	local show='echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER ${#CANHAZGPU_RESERVATION_ID} $KEPT $LOST"'
	chg_ok run --gpu-ids 2 -- sudo -u root sh -c "$show"
	assert_stdout '2 PCI_BUS_ID 36  '
	chg_ok run --gpu-ids 3 -- sudo --preserve-env=KEPT sh -c "$show"
	assert_stdout '3 PCI_BUS_ID 36 yes '
}

@test "a wrapper that cannot be told to pass the variables on is refused, with the line to type" {
	pool 1
	local line
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nshift 2\nexec env -i PATH="$PATH" "$@"\n' >"$WORLD/bin/doas"
	chmod +x "$WORLD/bin/doas"
	# shellcheck disable=SC2016
	local words=(doas -u root sh -c 'echo "${CUDA_VISIBLE_DEVICES-all}"')
	chg run -- "${words[@]}"
	assert_error 2 'type: canhazgpu run ... -- sh -c'
	line=${stderr#*run ... -- }
	stdout=$(in_world sh -c "canhazgpu run -- $line" 2>/dev/null)
	assert_stdout 0
	chg run -- su - root -c true
	assert_error 2 "su -w CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,CANHAZGPU_RESERVATION_ID - root -c true"
	wait_until '[ "$(held)" = "" ]'
}

@test "what su - has to pass on is what the provider of the pool sets" {
	need_root
	pool 1
	[ "${E2E_STORE:-sqlite}" = sqlite ] || skip 'writes into the database'
	db "UPDATE pool SET provider = 'amd'"
	chg run -- su - root -c true
	assert_error 2 \
		"su -w ROCR_VISIBLE_DEVICES,HIP_VISIBLE_DEVICES,CUDA_VISIBLE_DEVICES,CANHAZGPU_RESERVATION_ID - root -c true"
}

@test "su passes the variables on, or does when it is told to" {
	need_root
	pool 1
	# shellcheck disable=SC2016
	local show='echo "${CUDA_VISIBLE_DEVICES-all}"' names=CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,CANHAZGPU_RESERVATION_ID
	chg_ok run -- su root -c "$show"
	assert_stdout 0
	chg_ok run -- su -w "$names" - root -c "$show"
	assert_stdout 0
}

@test "arguments reach the command as they are" {
	pool 1
	words=('' ' ' 'two words' $'two\nlines' -- --help -h --gpus 9 --store=x - '*' "'" $'\x1b[1m' $'\xff')
	printf '%s\0' "${words[@]}" >"$WORLD/expected"
	# shellcheck disable=SC2016
	chg_ok run -- sh -c 'printf "%s\0" "$@"' sh "${words[@]}"
	cmp "$WORLD/expected" "$WORLD/stdout"
	# Where the command begins is clear without "--", too.
	# shellcheck disable=SC2016
	chg_ok run --gpus 1 sh -c 'printf "%s\0" "$@"' sh "${words[@]}"
	cmp "$WORLD/expected" "$WORLD/stdout"
	chg_ok run -- cat /proc/self/cmdline
	printf 'cat\0/proc/self/cmdline\0' | cmp - "$WORLD/stdout"
}

@test "handles, signals, limits, umask, priority and directory are as without run" {
	pool 1
	mkdir "$WORLD/a directory"
	# shellcheck disable=SC2016
	look='cd . && pwd; umask; nice; ulimit -a
		grep -E "^(Sig(Pnd|Blk|Ign)|Umask|Groups|NoNewPrivs|Seccomp|Cpus_allowed_list)" /proc/self/status
		for fd in /proc/self/fd/*; do echo "${fd##*/} $(readlink "$fd")"
		done | grep -v "/proc/" | sed "s/pipe:.*/pipe/"'
	# Nothing special; and signals blocked and ignored (SIGPIPE among them), other masks and handles.
	# shellcheck disable=SC2016
	for context in '"$@"' 'umask 027; ulimit -n 100; exec 5<>/dev/zero 9>/dev/null
		exec nice -n 3 env --ignore-signal=PIPE,HUP,INT,CHLD --block-signal=USR1,CHLD,TERM "$@"'; do
		in_world sh -c "cd '$WORLD/a directory'; $context" sh sh -c "$look" \
			</dev/null >"$WORLD/before" 2>/dev/null
		in_world sh -c "cd '$WORLD/a directory'; $context" sh canhazgpu run -- sh -c "$look" \
			</dev/null >"$WORLD/after" 2>/dev/null
		grep -q '^SigIgn' "$WORLD/before"
		diff <(sed "s|$WORLD/before|out|" "$WORLD/before") <(sed "s|$WORLD/after|out|" "$WORLD/after")
	done
}

@test "closed standard handles harm nobody" {
	pool 1
	for handles in '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-'; do
		in_world sh -c "canhazgpu run -- true $handles" 2>/dev/null
		wait_until '[ -z "$(reserved)" ]'
	done
	assert_no_processes
}

@test "a script without #! is run by the shell" {
	pool 1
	# shellcheck disable=SC2016
	printf 'echo "$0 got $1"\nexit 6\n' >"$WORLD/bin/script"
	chmod +x "$WORLD/bin/script"
	chg run -- script 'an argument'
	assert_status 6
	assert_stdout "$WORLD/bin/script got an argument"
}

@test "an unknown command is 127 and nothing is reserved" {
	pool 1
	for command in no-such-command ./no-such-command "$WORLD/no/such" ''; do
		chg run -- "$command"
		assert_error 127 "$command"
		assert_reserved ''
	done
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" ''
	assert_no_processes
}

@test "a command that cannot be executed is 126 and nothing is reserved" {
	pool 1
	echo 'echo hello' >"$WORLD/bin/plain-file"
	mkdir "$WORLD/bin/directory"
	for command in plain-file "$WORLD/bin/plain-file" "$WORLD/bin/directory"; do
		chg run -- "$command"
		assert_error 126 "$command"
		assert_reserved ''
	done
	[ "${E2E_STORE:-sqlite}" != sqlite ] || assert_equal "$(ends)" ''
	assert_no_processes
}

@test "the command is looked up before the GPUs are asked for" {
	pool 1
	hold job
	chg run -- no-such-command
	assert_error 127 no-such-command
	chg run -- true
	assert_error 1 'Not enough GPUs available. Requested: 1, Available: 0'
}

@test "a script whose interpreter is missing is 127 and its GPU is free again" {
	pool 1
	printf '#!/no/such/interpreter\n' >"$WORLD/bin/script"
	chmod +x "$WORLD/bin/script"
	chg run -- script
	assert_status 127
	assert_stdout ''
	assert_stderr_has 'Error: '
	wait_until '[ -z "$(reserved)" ]'
	assert_no_processes
}

@test "a script that cannot start is told at once, with its interpreter, and not after hours in the line" {
	pool 1
	chg_ok reserve
	script() {
		# shellcheck disable=SC2059
		printf "$1" >"$WORLD/bin/script"
		chmod +x "$WORLD/bin/script"
		chg run --wait 1h -- script
		assert_error "$2" "$WORLD/bin/script: its interpreter"
		assert_stderr_has "$3"
	}
	script '#!/bin/sh\r\n' 127 "'/bin/sh\\x0d' does not exist (its lines end with CR LF)"
	script '#!/opt/conda/envs/gone/bin/python\n' 127 "'/opt/conda/envs/gone/bin/python' does not exist"
	script '#!/usr/bin/env nosuchpython\n' 127 'nosuchpython: command not found'
	script '#!/etc/passwd\n' 126 "'/etc/passwd' cannot be executed"
	chg_ok queue --json
	assert_json .total_waiting 0
}

@test "a run without a command is a usage error" {
	pool 1
	chg run
	assert_error 2 'no command given'
	chg run --gpus 1 --
	assert_error 2 'no command given'
	assert_reserved ''
}

@test "runs one after the other on one GPU never meet" {
	pool 1
	in_world sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do canhazgpu run -- true || exit 1; done' \
		2>"$WORLD/stderr" || fail_with "$(cat "$WORLD/stderr")"
	assert_equal "$(grep -c '^Reserved 1 GPU(s): \[0\] for command execution$' "$WORLD/stderr")" 10
}
