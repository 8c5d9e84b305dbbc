#!/usr/bin/env bats
# What changes while a request waits: the limits of the host, the user's own settings, and the files that hold them, with
# mistakes for a while. Each decision is made on the settings of its moment.
# stores: any
# seconds: 40

load host_helpers
load web_helpers

# waiting NAME OPTIONS...: a run of the user that waits for GPUs, which root holds by hand.
waiting() {
	start_on_host 4302 "$1" canhazgpu run --user "$1" --wait "${@:2}" -- sh -c 'echo "started $CUDA_VISIBLE_DEVICES"; exec sleep 1000'
	wait_until "waits $1" 20
}

# host_held GPUS [CONFIGURATION]: the pool of a host whose GPUs are all reserved.
host_held() {
	host_pool "$1" "${2:-}"
	ok on_host 0 canhazgpu reserve --gpus "$1"
}

# The release of the GPUs of root, made where the host's file is not seen.
give() {
	chg_ok release "$@"
}

# own_config TEXT: the user's own file.
own_config() {
	printf '%s\n' "$1" >"$WORLD/home/.canhazgpu.yaml"
	chmod 0644 "$WORLD/home/.canhazgpu.yaml"
}

# Another commit, which all requests notice. (Without any they look every few seconds.)
nudge() {
	chg_ok extend --force --duration 1s
}

said() {
	grep -qF "$2" "$WORLD/$1.err"
}

has_ended() {
	is_gone "${background_pids[$1]}"
}

@test "a GPU that is excluded while a request waits is not given to it" {
	host_held 2
	waiting one
	host_config 'pool.exclude: 0'
	give --gpu-ids 0
	give
	wait_for_start one
	has_line "$WORLD/one.out" 'started 1'
	# Nor is it kept from anybody who comes when it is there again, without any commit.
	waiting two
	host_config '{}'
	wait_for_start two
	has_line "$WORLD/two.out" 'started 0'
}

@test "a lower limit: what asks for more ends with its message, what could have a turn waits" {
	host_held 3
	waiting two --gpus 2
	waiting one --gpus 1
	host_config 'policy.max-gpus: 1'
	nudge
	wait_until 'has_ended two' 30
	said two 'Error: limit of 1 GPU per user on this host (policy.max-gpus): you hold 0 and ask for 2'
	give --gpu-ids 0
	wait_for_start one
	# The account has its one GPU, and waits for it to be released.
	host_config 'policy.max-gpus: 2'
	waiting more
	host_config 'policy.max-gpus: 1'
	give --gpu-ids 1
	assert_waits more
	kill "${background_pids[one]}"
	wait_for_start more
}

@test "a note, a duration, a group and a limit of waiting that come while requests wait" {
	host_held 1
	waiting silent
	start_on_host 4302 long canhazgpu reserve --wait --duration 5h
	start_on_host 4302 default canhazgpu reserve --wait --note 'by default'
	wait_until 'waits long && waits default' 20
	host_config 'policy.max-duration: 2h'
	nudge
	wait_until 'has_ended long' 30
	said long 'limit of 2h 0m 0s per manual reservation'
	host_config $'policy.max-duration: 2h\npolicy.require-note: true'
	nudge
	wait_until 'has_ended silent' 30
	said silent 'a note is required on this host'
	give
	wait_until 'has_ended default' 30
	grep -qF 'for 2h 0m 0s' "$WORLD/default.out"

	# A member of the group of the administrators is not bound by the limits from the moment that there is such a group.
	host_config '{}'
	start_on_host 4303 admin canhazgpu run --wait -- sleep 1000
	waiting short
	host_config $'policy.max-wait: 1ms\nadmin.group: gpu-admins'
	wait_until 'has_ended short' 30
	said short 'Error: gave up after waiting 0h 0m 0s for a GPU'
	assert_alive "${background_pids[admin]}"
	kill_now "${background_pids[admin]}"
}

@test "mistakes: the last good settings stay in effect; each is told once, and so is their end" {
	host_held 1 'policy.max-gpus: 1'
	waiting one
	host_config $'policy:\n  max-gpus: many'
	nudge
	wait_until 'said one "/etc/canhazgpu/config.yaml:2:13: policy.max-gpus"' 30
	said one '; going on with the settings of '
	host_config 'policy: ['
	nudge
	wait_until 'said one "/etc/canhazgpu/config.yaml:2:1: did"' 30
	chmod 0000 "$WORLD/etc/canhazgpu/config.yaml"
	nudge
	wait_until 'said one "Permission denied; going on"' 30
	give
	wait_for_start one
	assert_equal "$(grep -c 'Warning: ' "$WORLD/one.err")" 3
}

@test "a mistake that is mended is told, and the new settings count" {
	host_held 1
	waiting one
	host_config 'pool.exclude: x'
	nudge
	wait_until 'said one "going on with the settings of"' 30
	host_config 'pool.exclude: 0'
	nudge
	wait_until 'said one "The configuration is valid again, and in effect"' 30
	give
	wait_until '[ -z "$(reserved)" ]' 20
	stir || true
	assert_waits one
	# The user's own file and a mistake that only the program finds.
	own_config 'run.timeout-signal: NOPE'
	wait_until 'said one "run.timeout-signal: "' 30
	rm "$WORLD/home/.canhazgpu.yaml"
	wait_until '[ "$(grep -c "valid again" "$WORLD/one.err")" = 2 ]' 30
}

@test "limits are not lifted by a file that is missing for a moment, only by one that stays away" {
	host_held 2
	host_config 'pool.exclude: 0'
	waiting one
	# It sees the file missing and the GPUs free in the same moment.
	stop_now "${background_pids[one]}"
	mv "$WORLD/etc/canhazgpu/config.yaml" "$WORLD/etc/canhazgpu/away"
	give
	kill -CONT "${background_pids[one]}"
	wait_for_start one
	has_line "$WORLD/one.out" 'started 1'
	mv "$WORLD/etc/canhazgpu/away" "$WORLD/etc/canhazgpu/config.yaml"
	waiting two
	: >"$WORLD/etc/canhazgpu/config.yaml"
	wait_for_start two
	has_line "$WORLD/two.out" 'started 0'
}

@test "what the user's file says of supervision counts as of the grant" {
	host_held 1
	start_on_host 4302 one canhazgpu run --wait --timeout 1s -- sh -c 'trap "echo got-usr2; exit 3" USR2; echo started; while :; do sleep 0.1; done'
	wait_until 'waits one' 20
	own_config 'run.timeout-signal: USR2'
	give
	wait_until 'has_line "$WORLD/one.out" got-usr2' 30
}

@test "the page shows GPUs that are kept out from the moment that the file says so" {
	host_pool 2
	cp "$(dirname "$CANHAZGPU_BIN")/canhazgpu-web" "$WORLD/bin" || skip 'no web server here'
	start_on_host 4302 web canhazgpu web --host 127.0.0.1 --port 0 --interval 500ms
	web_started
	shown() {
		get_ok /api/status
		json_get '.[0].status'
	}
	assert_equal "$(shown)" AVAILABLE
	host_config 'pool.exclude: 0'
	wait_until '[ "$(shown)" != AVAILABLE ]' 30
	host_config 'pool.exclude: ['
	get_ok /api/status
	host_config '{}'
	wait_until '[ "$(shown)" = AVAILABLE ]' 30
}

@test "the page shows GPUs that are in the pool again, also after its process was replaced" {
	host_pool 2 'pool.exclude: 0'
	cp "$(dirname "$CANHAZGPU_BIN")/canhazgpu-web" "$WORLD/bin" || skip 'no web server here'
	start_on_host 4302 web canhazgpu web --host 127.0.0.1 --port 0 --interval 500ms
	web_started
	shown() {
		get_ok /api/status
		json_get ".[$1].status"
	}
	assert_equal "$(shown 0)" DRAINED
	host_config ''
	wait_until '[ "$(shown 0)" = AVAILABLE ]' 30
	for child in $(workers); do
		kill -KILL "$child"
	done
	# What shows this is an answer of the new one.
	on_host 4301 canhazgpu admin --drain 1
	wait_until '[ "$(shown 1)" = DRAINED ]' 60
	assert_equal "$(shown 0)" AVAILABLE
}

@test "status --watch goes on through a mistake, tells it once, and shows the settings of the moment" {
	host_pool 1
	start_on_host 4302 watch canhazgpu status --watch=1
	wait_until 'has_line "$WORLD/watch.out" 0' 20
	host_config 'pool.exclude: ['
	wait_until 'said watch "/etc/canhazgpu/config.yaml:2:1: "' 30
	host_config 'pool.exclude: 0'
	wait_until 'has_line "$WORLD/watch.out" "0    DRAINED"' 30
	assert_equal "$(grep -c 'going on with' "$WORLD/watch.err")" 1
}
