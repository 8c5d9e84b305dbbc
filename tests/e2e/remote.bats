#!/usr/bin/env bats
# Other hosts: all of them in one view, and commands that are carried out on one. The hosts are network namespaces with
# real sshds and web servers.
# stores: any
# seconds: 35

load helpers
load web_helpers
load remote_helpers

# The rows of the last status as "host gpu status", without those of a host.
rows() {
	jq -r '.[] | "\(.host) \(.gpu_id // "-") \(.status)"' "$WORLD/stdout"
}

@test "status, queue and report of all hosts: the dead, slow and lying ones are a row each" {
	lab_open
	lab_host 1 2
	lab_host 2 1 'NVIDIA A100-SXM4-40GB'
	lab_liar
	start_lab web "$host_gpu2" env CANHAZGPU_STORE="sqlite:$WORLD/gpu2/pool.db" CANHAZGPU_FAKE_STATE="$WORLD/gpu2/fake.json" \
		canhazgpu web --host "$LAB.2" --port 8080 --interval 500ms
	web_started
	echo 0123456789abcdef >"$WORLD/token"
	printf 'Host dead\n HostName %s.99\n' "$LAB" >>"$WORLD/ssh/config"
	hosts "[gpu1, {name: gpu2, label: the old one, url: '$url/'}, dead, {name: older, url: '$liar/older'},
  {name: redirect, url: '$liar/redirect'}, {name: huge, url: '$liar/huge'}, {name: broken, url: '$liar/broken'},
  {name: hostile, url: '$liar/hostile'}, {name: slow, url: '$liar/slow'}, {name: silent, url: '$liar/silent'},
  {name: token, url: '$liar/token', token-file: $WORLD/token}, {name: notoken, url: '$liar/token'}]" 'host-timeout: 6s'
	on 1 canhazgpu reserve --note 'mine' >/dev/null

	chg_ok status --all --json
	assert_equal "$(rows)" 'gpu1 0 IN_USE
gpu1 1 AVAILABLE
gpu2 0 AVAILABLE
dead - AWAY
older 0 IN_USE
older 1 AVAILABLE
older 2 UNRESERVED
redirect - AWAY
huge - AWAY
broken - AWAY
hostile 1e+300 AVAILABLE'$'\e''[2J
hostile -3 null
hostile - null
slow - AWAY
silent - AWAY
token 0 IN_USE
token 1 AVAILABLE
token 2 UNRESERVED
notoken - AWAY'
	assert_json '[.[] | select(.status == "AWAY") | "\(.host): \(.error)"] | sort | .[]' 'broken: its answer is not JSON
dead: '"$(json_get '.[] | select(.host == "dead").error')"'
huge: its answer is longer than 4 MiB
notoken: it wants another token, or another host name (see --allow-host) (HTTP status 401)
redirect: it redirects to another address, which is not followed (HTTP status 302)
silent: no answer within 6s
slow: no answer within 6s'
	assert_json '.[] | select(.host == "gpu1" and .gpu_id == 0).note' mine

	# From here on a shorter time will do: the connections are there.
	hosts "[gpu1, {name: gpu2, label: the old one, url: $url}, {name: older, url: $liar/older}, {name: hostile, url: $liar/hostile},
  {name: silent, url: $liar/silent}]" 'host-timeout: 2s'
	chg_ok status --all
	[[ $stdout != *$'\e'* && $stdout != *$'\a'* ]] || fail_with 'an escape sequence has come through'
	[ "$(wc -L <"$WORLD/stdout")" -lt 700 ] || fail_with 'a long text is not cut'
	assert_equal "$(grep -c '^hostile' "$WORLD/stdout")" 3
	grep -E '^older +2 +UNRESERVED +users bob, eve ' "$WORLD/stdout"
	grep -E '^gpu1 +0 +IN_USE .*\[mine\]' "$WORLD/stdout"
	grep -E '^silent +- +AWAY .*no answer within 2s' "$WORLD/stdout"

	chg_ok status --all --summary
	[[ $stdout == 'Available GPUs: '* && $stdout == *'Hosts: 5, 1 of them away'* ]]
	grep -E '^gpu2 +1 +1 +0 +0 +0 +now +the old one$' "$WORLD/stdout"
	grep -E '^silent .* away: no answer within 2s' "$WORLD/stdout"

	# Only some of them, by any name that ssh knows; this host is asked without ssh.
	pool 1
	chg_ok status -r gpu1 --host desk --json
	assert_equal "$(rows)" $'gpu1 0 IN_USE\ngpu1 1 AVAILABLE\ndesk 0 AVAILABLE'
	# Also for a caller that wants to know nothing of its children.
	in_world env --ignore-signal=CHLD canhazgpu status --host desk --json >"$WORLD/stdout"
	assert_equal "$(rows)" 'desk 0 AVAILABLE'

	on 1 canhazgpu reserve --gpus 1 >/dev/null
	start_lab waiter "$host_gpu1" env CANHAZGPU_STORE="sqlite:$WORLD/gpu1/pool.db" CANHAZGPU_FAKE_STATE="$WORLD/gpu1/fake.json" \
		canhazgpu run --wait --gpus 2 -- true
	wait_until 'has_text "$WORLD/waiter.err" "wait"'
	chg_ok queue --host gpu1 --host older --host silent --json
	assert_json '[.entries[] | "\(.host) \(.requested // .requested_count)"] | join(", ")' 'gpu1 2, older 3'
	assert_json '"\(.total_waiting) \(.total_gpus_requested) " + ([.hosts[] | "\(.host) \(.total_waiting // .status)"] | join(", "))' '2 5 gpu1 1, older 1, silent AWAY'
	chg_ok queue --host gpu1 --host older
	grep -E '^older +1 +alice +3 +1 ' "$WORLD/stdout"
	on 1 canhazgpu release >/dev/null
	wait_background waiter

	chg_ok report --host gpu1 --host gpu2 --json --days 7
	assert_json '[.users[] | "\(.host) \(.manual_count) \(.run_count)"] | join(", ")' 'gpu1 2 1'
	assert_json '[.hosts[] | "\(.host) \(.days)"] | join(", ")' 'gpu1 7, gpu2 7'
	chg_ok report --host gpu1 --host older --idle
	grep -E '^Host +User +Part +GPU Hours +Active +Idle +Unknown$' "$WORLD/stdout"
	grep -E '^gpu1 +TOTAL +- +0.0[0-9] +0.00 +0.00 +0.0[0-9]$' "$WORLD/stdout"
	grep -E '^older +away: its web server has no report with these options' "$WORLD/stdout"
	chg_ok report --host gpu1 --host gpu2
	grep -E '^gpu1 +TOTAL ' "$WORLD/stdout"

	# None is there: what was shown says why.
	chg status --host dead
	assert_status 1
	assert_stderr 'Error: this host does not answer'
	chg status --host=-oProxyCommand=x
	assert_error 2 "'-oProxyCommand=x' is no name of a host"
}

@test "run --host: arguments, exit status, directory and terminal are those of a command here" {
	lab_open
	lab_host 1 2
	lab_host 2 1
	hosts '[gpu1, gpu2]'
	mkdir "$WORLD/here"
	# Byte for byte, whatever a shell would make of it.
	arguments=(sh -c 'cat; echo err >&2; pwd; hostname; echo "$CUDA_VISIBLE_DEVICES ${CANHAZGPU_END_WITH_PARENT-none}"; printf "<%s>" "$@"; exit 7' sh
		"it's" '\' '"' '$HOME `id` !! *' '' $'a\nb\tc' '~' $'\xff\xfe' '=ls' '-n' '--' 'é')
	status=0
	printf 'in\0put' | in_world sh -c 'cd "$0" && exec canhazgpu run --host gpu1 --note "a b" -- "$@"' "$WORLD/here" "${arguments[@]}" \
		>"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 7
	printf 'in\0put%s\ngpu1\n0 none\n' "$WORLD/here" >"$WORLD/expected"
	printf '<%s>' "${arguments[@]:4}" >>"$WORLD/expected"
	cmp "$WORLD/stdout" "$WORLD/expected"
	has_line "$WORLD/stderr" err
	has_line "$WORLD/stderr" 'Reserved 1 GPU(s): [0]'

	# A directory that is not there; a terminal is one there, too, and a signal of it reaches the command.
	status=0
	in_world unshare --mount sh -c 'mount -t tmpfs t "$0" && mkdir "$0/only" && cd "$0/only" && exec canhazgpu run --host gpu2 -- pwd' \
		"$WORLD/here" >"$WORLD/stdout" 2>"$WORLD/stderr"
	has_line "$WORLD/stdout" "$(getent passwd "$(id -u)" | cut -d : -f 6)"
	has_line "$WORLD/stderr" "Note: there is no directory $WORLD/here/only on gpu2"
	in_world expect -c '
		set timeout 30
		spawn -noecho canhazgpu run --host gpu1 -- sh -c {tty; trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done}
		expect "/dev/pts/"; expect "ready"; send "\003"; expect "caught"; expect eof
		exit [lindex [wait] 3]' || status=$?
	assert_status 5

	# Without a terminal the command ends with the connection, and what a shell has started for it does, too; also
	# while it waits, and where the user lets sessions share a connection.
	printf 'Host *\n ControlMaster auto\n ControlPath %s/own-%%C\n' "$WORLD/run" >>"$WORLD/ssh/config"
	start_lab holder "$desk" canhazgpu run --host gpu1 --gpus 2 -- sh -c 'echo running; sleep 1000; true'
	wait_until 'has_line "$WORLD/holder.out" running'
	start_lab waiter "$desk" canhazgpu run --host gpu1 --wait -- true
	wait_until '[ "$(on 1 canhazgpu queue --json | jq .total_waiting)" = 1 ]'
	kill -KILL "${background_pids[waiter]}"
	wait_until '[ "$(on 1 canhazgpu queue --json | jq .total_waiting)" = 0 ]'
	kill -KILL "${background_pids[holder]}"
	wait_until '[ -z "$(gpus_in_use "$(on 1 canhazgpu status --json)")" ]'

	# Where it does not lead its group, the others of that are not meant.
	on 1 setsid sh -c 'sleep 1000 & echo $! >"$0/other"
		CANHAZGPU_END_WITH_PARENT=1 canhazgpu run -- sh -c "touch \"\$1/runs\"; exec sleep 1000" sh "$0" &
		while [ ! -e "$0/runs" ]; do sleep 0.05; done' "$WORLD" 2>/dev/null
	wait_until '[ -z "$(gpus_in_use "$(on 1 canhazgpu status --json)")" ]'
	grep -q sleep "/proc/$(cat "$WORLD/other")/cmdline"
	kill "$(cat "$WORLD/other")"

	# What is about the other host's pool goes there; ssh says itself what it cannot do.
	chg_ok reserve --host gpu2
	assert_stderr_has 'On host gpu2 (the GPUs can be used in a shell there):'
	chg_ok release --host gpu2
	chg_ok reserve --host gpu1 --gpus 2 --short
	assert_stdout 0,1
	assert_stderr ''
	chg_ok extend --host gpu1 1h
	assert_stdout_has 'Extended GPU(s) [0, 1]'
	chg_ok release --host gpu1 1
	assert_stdout 'Released 1 GPU(s): [1]'
	chg cancel --host gpu1 00000000
	assert_error 1 '00000000'
	chg run --host nowhere.invalid -- true
	assert_status 255
	assert_stderr_has 'nowhere.invalid'
	chg_ok run --host gpu1 --wait=false -- true
	chg run --host gpu1 --store sqlite:/x -- true
	assert_error 2 '--host cannot be used with --store'
	chg reserve --host gpu1 --export
	[[ $stdout == false && $status -eq 2 ]]
}

# released_on N: how many times GPUs were released on that host.
released_on() {
	on "$1" canhazgpu events --kind released --json | jq '.events | length'
}

@test "run --host any: the host that has most of the kind; the next one, where another was faster; the best queue" {
	lab_open
	lab_host 1 2 'NVIDIA A100-SXM4-40GB'
	lab_host 2 1
	lab_host 3 4
	hosts '[gpu1, gpu2, gpu3]' 'host-timeout: 20s'
	chg_ok run --host any --type h100 --gpus 2 -- sh -c 'hostname; echo $CUDA_VISIBLE_DEVICES; canhazgpu status --json | jq -r "[.[] | .type // 0] | join(\" \")"'
	assert_stdout $'gpu3\n0,1\nRUN RUN 0 0'
	assert_stderr_has 'Using host gpu3'
	# A shell that greets when it starts.
	printf '#!/bin/sh\n[ "$1" = run ] || printf "Welcome [to] gpu1\\n[x]\\n"\nexec %s "$@"\n' "$CANHAZGPU_BIN" >"$WORLD/greeter"
	chmod +x "$WORLD/greeter"
	ln -sf "$WORLD/greeter" "$WORLD/gpu1/bin/canhazgpu"
	chg_ok run --host any --type a100 -- hostname
	ln -sf "$CANHAZGPU_BIN" "$WORLD/gpu1/bin/canhazgpu"
	assert_stdout gpu1
	chg run --host any --claim x -- true
	assert_error 2 '--claim means GPUs of one host'
	chg reserve --host any
	assert_error 2 "can be used with 'canhazgpu run' alone"
	chg run --host ANY --gpus 5 --wait -- true
	assert_error 1 'no host has 5 GPUs'
	assert_stderr_has 'gpu3: 4 free of 4 that would fit'

	# The look shows gpu3 free, the grant finds it taken: the next host.
	printf '#!/bin/sh\n[ "$1" != reserve ] || { echo "Error: not enough" >&2; exit 1; }\nexec %s "$@"\n' "$CANHAZGPU_BIN" >"$WORLD/slower"
	chmod +x "$WORLD/slower"
	ln -sf "$WORLD/slower" "$WORLD/gpu3/bin/canhazgpu"
	chg_ok run --host any --type h100 -- hostname
	assert_stdout gpu2
	# A program there that cannot keep GPUs for a moment, as an older one: it is asked at once.
	printf '#!/bin/sh\n[ "$1" != reserve ] || { echo "Error: unknown flag: --id" >&2; exit 1; }\nexec %s "$@"\n' "$CANHAZGPU_BIN" >"$WORLD/slower"
	chg_ok run --host any --type h100 -- hostname
	assert_stdout gpu3
	ln -sf "$CANHAZGPU_BIN" "$WORLD/gpu3/bin/canhazgpu"

	# However a run does not get there, what was kept for it is free at once: the command is unknown there; the process
	# is killed while the GPUs are asked for, or on its way to them.
	chg run --host any --type h100 -- no-such-command
	assert_status 127
	wait_until '[ -z "$(gpus_in_use "$(on 3 canhazgpu status --json)")" ]'
	printf '#!/bin/sh\n[ "$1" != $(cat "%s/gpu3/slow") ] || { touch "%s/gpu3/asked"; while [ -e "%s/gpu3/asked" ]; do sleep 0.05; done; }\nexec %s "$@"\n' \
		"$WORLD" "$WORLD" "$WORLD" "$CANHAZGPU_BIN" >"$WORLD/slower"
	ln -sf "$WORLD/slower" "$WORLD/gpu3/bin/canhazgpu"
	for i in reserve-INT reserve-KILL run-INT run-KILL; do
		echo "${i%-*}" >"$WORLD/gpu3/slow"
		start_lab lost "$desk" canhazgpu run --host any --type h100 -- touch "$WORLD/ran"
		wait_until '[ -e "$WORLD/gpu3/asked" ]'
		[[ $i == reserve* || -n $(gpus_in_use "$(on 3 canhazgpu status --json)") ]]
		kill "-${i#*-}" "${background_pids[lost]}"
		wait_background lost
		if [[ $i == reserve* ]]; then
			released=$(released_on 3)
			rm "$WORLD/gpu3/asked"
			wait_until '[ "$(released_on 3)" -gt "$released" ]'
		fi
		wait_until '[ -z "$(gpus_in_use "$(on 3 canhazgpu status --json)")" ]'
		rm -f "$WORLD/gpu3/asked"
	done
	[ ! -e "$WORLD/ran" ]
	ln -sf "$CANHAZGPU_BIN" "$WORLD/gpu3/bin/canhazgpu"

	# All are taken, gpu1 for the shortest time: the request queues there.
	on 1 canhazgpu reserve --gpus 2 --duration 2s >/dev/null
	on 2 canhazgpu reserve --gpus 1 --duration 1h >/dev/null
	on 3 canhazgpu reserve --gpus 4 --duration 1h >/dev/null
	chg run --host any -- hostname
	assert_status 1
	world_set CANHAZGPU_RUN_WAIT=1m
	chg_ok run --host any -- hostname
	assert_stdout gpu1
	world_unset CANHAZGPU_RUN_WAIT
	# This host counts as any other.
	pool 4
	chg_ok run --host any --gpus 4 -- hostname
	assert_stdout desk
}

# tls NAME ADDRESS: a server with a certificate for that address, signed by the world's own authority; its port is in
# $port.
tls() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=gpu2 -keyout "$WORLD/$1.key" -out "$WORLD/$1.csr" 2>/dev/null
	openssl x509 -req -in "$WORLD/$1.csr" -CA "$WORLD/ca.pem" -CAkey "$WORLD/ca.key" -set_serial 7 -days 2 \
		-extfile <(echo "subjectAltName=IP:$2") -out "$WORLD/$1.pem" 2>/dev/null
	start_background "$1" sh -c 'cd "$0" && exec openssl s_server -accept 127.0.0.1:0 -WWW -key "$0/$1.key" -cert "$0/$1.pem"' "$WORLD" "$1"
	wait_until 'has_text "$WORLD/'"$1"'.out" "ACCEPT 127"'
	port=$(sed -n 's/^ACCEPT 127.0.0.1://p' "$WORLD/$1.out")
}

@test "an https address: the certificate is checked, also by an authority of one's own" {
	local good wrong
	pool 1
	mkdir "$WORLD/api"
	echo '[{"gpu_id": 3, "status": "AVAILABLE"}]' >"$WORLD/api/status"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=An authority' \
		-keyout "$WORLD/ca.key" -out "$WORLD/ca.pem" 2>/dev/null
	echo nothing >"$WORLD/empty.pem"
	tls good 127.0.0.1
	good=https://127.0.0.1:$port
	tls wrong 127.0.0.2
	wrong=https://127.0.0.1:$port
	# Each that is not good is one row with the reason, and stops no other.
	hosts "[{name: good, url: '$good', ca-file: $WORLD/ca.pem}, {name: unknown, url: '$good'},
  {name: other, url: '$good', ca-file: $WORLD/wrong.pem}, {name: name, url: '$wrong', ca-file: $WORLD/ca.pem},
  {name: none, url: '$good', ca-file: $WORLD/none.pem}, {name: empty, url: '$good', ca-file: $WORLD/empty.pem}]"
	chg_ok status --host good,unknown,other,name,none,empty --json
	assert_json '[.[] | "\(.host) \(.gpu_id // "-") \(.status) \(.account)"] | join(", ")' \
		'good 3 AVAILABLE null, unknown - AWAY null, other - AWAY null, name - AWAY null, none - AWAY null, empty - AWAY null'
	for name in unknown other name none empty; do
		[[ $(json_get ".[] | select(.host == \"$name\").error") == *certificate* ]] || fail_with "$name: $stdout"
	done
	chg_ok status --host good,unknown
	grep -E '^unknown +- +AWAY .*certificate.*\(ca-file' "$WORLD/stdout"
	[ "$(grep -c . "$WORLD/stdout")" = 4 ] || fail_with "$stdout"
}

# The command lines and environments that have the token in them.
token_is_seen() {
	grep -lsaFf "$WORLD/token" /proc/[0-9]*/cmdline /proc/[0-9]*/environ || true
}

@test "the token of a web server is in no command line, environment, output or error" {
	pool 1
	start_background liar python3 "$BATS_TEST_DIRNAME/programs/answer-http" 0
	wait_until 'has_text "$WORLD/liar.out" ready'
	liar=http://127.0.0.1:$(sed -n 's/^ready //p' "$WORLD/liar.out")
	echo 0123456789abcdef-token >"$WORLD/token"
	hosts "[{name: silent, url: '$liar/silent', token-file: $WORLD/token}, {name: other, url: '$liar/token', token-file: $WORLD/token},
  gpu9]" 'host-timeout: 3s'
	printf '#!/bin/sh\nenv >>"%s/ssh-env"; echo "$@" >>"%s/ssh-env"; exec sleep 30\n' "$WORLD" "$WORLD" >"$WORLD/bin/ssh"
	chmod +x "$WORLD/bin/ssh"
	start_background asks canhazgpu status --all
	wait_until '[ -s "$WORLD/ssh-env" ]'
	[ -z "$(token_is_seen)" ] || fail_with "$(token_is_seen)"
	wait_background asks
	has_text "$WORLD/asks.out" 'no answer within 3s' || fail_with "$(cat "$WORLD/asks.out" "$WORLD/asks.err")"
	chg status --all --json
	has_text "$WORLD/stdout" 'another token'
	assert_equal "$(grep -rl 0123456789abcdef-token "$WORLD" | sort)" "$WORLD/token"
}

@test "a key that may only look: views are carried out, everything else is refused" {
	pool 1
	script=$BATS_TEST_DIRNAME/../../contrib/canhazgpu-ssh-view
	for command in 'canhazgpu status --json' 'canhazgpu queue --json' 'canhazgpu status --json --mine --fresh' \
		'canhazgpu report --json --days=7' 'canhazgpu report --json --month=2026-10 --by=user,day' \
		'canhazgpu report --json --idle'; do
		in_world env SSH_ORIGINAL_COMMAND="$command" "$script" >"$WORLD/stdout" || fail_with "$command"
		[[ $(jq -r type "$WORLD/stdout") == @(array|object) ]]
	done
	for command in '' 'canhazgpu' 'canhazgpu status' 'canhazgpu run -- true' 'canhazgpu status --json; true' \
		'canhazgpu status --json $(touch x)' 'canhazgpu --config=/etc/shadow status --json' 'canhazgpu status --json --config=/etc/shadow' \
		'canhazgpu status --json --all' 'sh -c true' 'canhazgpu reserve --json' 'canhazgpu report --json --csv'; do
		status=0
		in_world env SSH_ORIGINAL_COMMAND="$command" "$script" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
		[[ $status = 1 && ! -s $WORLD/stdout ]] || fail_with "$command"
		has_line "$WORLD/stderr" 'canhazgpu-ssh-view: this key may only look'
	done
}
