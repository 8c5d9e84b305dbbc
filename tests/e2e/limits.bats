#!/usr/bin/env bats
# Limits of runs, of groups, and where they are set: /etc/canhazgpu/config.yaml and over it config.d.
# Needs root, to be others and to have an /etc of one's own.
# stores: any
# seconds: 40

load host_helpers

# host_part NAME TEXT: a file of config.d.
host_part() {
	mkdir -p "$WORLD/etc/canhazgpu/config.d"
	printf '%s\n' "$2" >"$WORLD/etc/canhazgpu/config.d/$1"
}

# in_group NAME [ACCOUNT...]: a group of the host, with these members.
in_group() {
	local members=${*:2}
	echo "$1:x:$((4400 + $(wc -l <"$WORLD/etc/group"))):${members// /,}" >>"$WORLD/etc/group"
}

# limited GPUS: as many the user may hold, and no more.
limited() {
	local gpus=GPUs
	[ "$1" != 1 ] || gpus=GPU
	ok user reserve --gpus "$1"
	user reserve
	assert_error 1 "limit of $1 GPU$([ "$1" = 1 ] || echo s) per user on this host (policy.max-gpus): you hold $1 and ask for 1"
	ok user release
}

# ---- the longest run ----

@test "policy.max-run is the time limit of runs that ask for none, or for more" {
	host_pool 2 'policy.max-run: 1h'
	ok user run -- true
	assert_stderr_has 'Time limit: 1h 0m 0s, the longest that this host allows (policy.max-run)'
	ok user run --timeout 2h -- sh -c 'canhazgpu status --json'
	assert_stderr_has 'Time limit: 1h 0m 0s, the longest that this host allows (policy.max-run)'
	ok user run --timeout 30m -- true
	[[ $stderr = 'Reserved 1 GPU(s): ['[01]'] for command execution' ]]
	# A default is a default.
	host_config $'policy.max-run: 1h\nrun.timeout: 10m'
	ok user run -- true
	[[ $stderr = 'Reserved 1 GPU(s): ['[01]'] for command execution' ]]
	on_host 0 canhazgpu run --timeout 2h -- true
	[[ $stderr = 'Reserved 1 GPU(s): ['[01]'] for command execution' ]]
	# Manual reservations have a limit of their own.
	ok user reserve --duration 3h
}

@test "a run is stopped when the longest time is over" {
	host_pool 1 'policy.max-run: 1s'
	user run --signal-before 500ms:USR1 -- sh -c 'trap "echo warned" USR1; trap "exit 3" INT; while :; do sleep 0.05; done'
	assert_status 3
	assert_stdout warned
	assert_stderr_has 'the time limit of 0h 0m 1s was reached'
}

@test "the longest run counts as it is when the request is granted, and for adopted processes" {
	host_pool 1 '{}'
	on_host 4301 canhazgpu reserve --short
	start_on_host 4302 waiter canhazgpu run --wait -- sleep 1000
	wait_for_text "$WORLD/waiter.err" 'aiting'
	host_config 'policy.max-run: 1h'
	on_host 4301 canhazgpu release
	wait_for_text "$WORLD/waiter.err" 'Time limit: 1h 0m 0s, the longest that this host allows (policy.max-run)'
	kill_now "${background_pids[waiter]}"
	wait_until '[ -z "$(reserved)" ]'
	host_config 'policy.max-run: 1s'
	start_on_host 4302 process sleep 1000
	wait_until 'is_called "${background_pids[process]}" sleep'
	ok user adopt "${background_pids[process]}" --gpu-ids 0
	assert_stderr_has 'Time limit: 0h 0m 1s, the longest that this host allows (policy.max-run)'
	wait_until 'is_gone "${background_pids[process]}"' 20
}

# ---- groups ----

@test "the most generous of one's groups counts in place of the limit for all" {
	host_pool 6 $'policy:\n  max-gpus: 4\n  groups:\n    students: {max-gpus: 2}\n    staff: {max-gpus: 5}\n    nobody-has-this: {max-gpus: 1}'
	limited 4
	in_group students user
	limited 2
	in_group staff maker user
	limited 5
	# The account's own group counts as well.
	sed -i '/^\(students\|staff\):/d' "$WORLD/etc/group"
	echo 'staff:x:4300:' >>"$WORLD/etc/group"
	limited 5
	# It is the account that is in a group, not the process.
	sed -i '/^staff:/d' "$WORLD/etc/group"
	echo 'staff:x:4309:' >>"$WORLD/etc/group"
	sed -i '/^gpu-admins:/d' "$WORLD/etc/group"
	on_host 4303 canhazgpu reserve --gpus 5
	assert_error 1 'limit of 4 GPUs per user'
}

@test "each limit of a group on its own: runs, reservations, waits" {
	host_pool 2 $'policy.max-run: 1h\npolicy.groups.students: {max-run: 2h, max-duration: 3h, max-wait: 1s}\npolicy.groups.staff: {max-duration: 5h}'
	in_group students user
	in_group staff user
	ok user run -- true
	assert_stderr_has 'Time limit: 2h 0m 0s'
	on_host 4301 canhazgpu run -- true
	assert_stderr_has 'Time limit: 1h 0m 0s'
	ok user reserve
	assert_stdout_has 'for 5h 0m 0s'
	user extend --duration 1h
	assert_error 1 'limit of 5h 0m 0s per manual reservation on this host (policy.max-duration)'
	user reserve --gpus 2 --wait
	assert_status 75
	assert_stderr_has 'Waiting for at most 0h 0m 1s (policy.max-wait)'
}

@test "an account or a name service that does not answer makes nobody's limit more generous" {
	host_pool 6 $'policy:\n  groups:\n    students: {max-gpus: 2}\n    staff: {max-gpus: 5}'
	limited_to_none() {
		ok user reserve --gpus 6
		ok user release
	}
	limited_to_none
	# An account that the system does not know.
	sed -i '/^user:/d' "$WORLD/etc/passwd"
	limited 2
	echo 'user:x:4302:4300::/nonexistent:/bin/false' >>"$WORLD/etc/passwd"
	in_group staff user
	limited 5
}

@test "mistakes in the limits of groups are named" {
	host_pool 1 $'policy:\n  groups:\n    students: {max-gpu: 2}'
	user reserve
	assert_error 2 "/etc/canhazgpu/config.yaml:3:16: 'policy.groups.students.max-gpu' is not a setting: a group can have max-gpus, max-duration, max-run, max-wait"
	host_config 'policy.groups: {students: {max-gpus: 0}}'
	user reserve
	assert_error 2 '/etc/canhazgpu/config.yaml:1:38: policy.groups.students.max-gpus: 0 is out of range'
	host_config '{}'
	printf 'policy.groups.students.max-gpus: 9\n' >"$WORLD/home/.canhazgpu.yaml"
	user reserve
	assert_error 2 'policy.groups.students.max-gpus counts only in /etc/canhazgpu/config.yaml'
}

# ---- config.d ----

@test "the files of config.d are read over config.yaml, in the order of their names" {
	host_pool 6 $'policy.max-gpus: 2\nrun.gpus: 2\nrun.timeout: 1h'
	host_part 20-lab.yaml $'policy.max-gpus: 3\npolicy.groups.staff.max-gpus: 5'
	host_part 10-first.toml 'policy.max-gpus = 1'
	host_part 30-json.json '{"run": {"timeout": "3h"}}'
	for other in .hidden.yaml 40-x.yaml.dpkg-old 50-x.yaml~ README; do
		host_part "$other" 'policy.max-gpus: ['
	done
	limited 3
	ok user config --json
	assert_json '.["policy.max-gpus"] | "\(.value) \(.from)"' '3 /etc/canhazgpu/config.d/20-lab.yaml:1:18'
	assert_json '.["run.timeout"] | "\(.value) \(.from)"' '3h /etc/canhazgpu/config.d/30-json.json:1:21'
	assert_json '.["run.gpus"] | "\(.value) \(.from)"' '2 /etc/canhazgpu/config.yaml:2:11'
	assert_json '.["policy.groups.staff.max-gpus"] | "\(.value) \(.from)"' '5 /etc/canhazgpu/config.d/20-lab.yaml:2:31'
	# Another file takes the place of all but the limits.
	echo '{}' >"$WORLD/named.yaml"
	chmod 0644 "$WORLD/named.yaml"
	ok user --config "$WORLD/named.yaml" config --json
	assert_json '.["policy.max-gpus"].value, .["run.gpus"].value' $'3\n1'
	rm "$WORLD/etc/canhazgpu/config.yaml"
	limited 3
}

@test "a broken file of config.d is named, and nothing is decided without it" {
	host_pool 2 'policy.max-gpus: 1'
	host_part 10.yaml 'policy.max-gpus: many'
	user reserve
	assert_error 2 '/etc/canhazgpu/config.d/10.yaml:1:18: policy.max-gpus'
	host_part 10.yaml 'policy.max-gpus: 2'
	chmod 0600 "$WORLD/etc/canhazgpu/config.d/10.yaml"
	user reserve
	assert_error 2 "cannot read the configuration file '/etc/canhazgpu/config.d/10.yaml'"
	chmod 0700 "$WORLD/etc/canhazgpu/config.d"
	user reserve
	assert_error 2 "cannot read '/etc/canhazgpu/config.d'"
	rm -r "$WORLD/etc/canhazgpu/config.d"
	touch "$WORLD/etc/canhazgpu/config.d"
	user reserve
	assert_error 2 "cannot read '/etc/canhazgpu/config.d'"
	rm "$WORLD/etc/canhazgpu/config.d"
	limited 1
}

@test "a waiting request notices files of config.d that are new, broken, and removed" {
	host_pool 2 'policy.max-gpus: 1'
	ok user reserve --short
	start_on_host 4302 waiter canhazgpu run --wait -- sh -c 'echo started; exec sleep 1000'
	wait_for_text "$WORLD/waiter.err" 'and its limit is 1'
	host_part 50.yaml 'policy: ['
	wait_for_text "$WORLD/waiter.err" 'Warning: /etc/canhazgpu/config.d/50.yaml:2:1:'
	assert_equal "$(grep -c '^Warning:' "$WORLD/waiter.err")" 1
	rm "$WORLD/etc/canhazgpu/config.d/50.yaml"
	wait_for_text "$WORLD/waiter.err" 'The configuration is valid again'
	host_part 60.yaml 'policy.max-gpus: 2'
	wait_for_text "$WORLD/waiter.out" started
	ok user release
	ok user reserve --short
	# What is removed counts no more, after a moment in which it may be being replaced.
	start_on_host 4302 other canhazgpu run --wait -- true
	wait_for_text "$WORLD/other.err" 'and its limit is 2'
	rm "$WORLD/etc/canhazgpu/config.d/60.yaml"
	wait_for_text "$WORLD/other.err" 'and its limit is 1'
}

@test "doctor lists the files of config.d, and finds one that everybody can write" {
	host_pool 1 'policy.groups: {gpu-admins: {max-gpus: 1}, no-such-group: {max-gpus: 1}}'
	host_part 10.yaml 'run.gpus: 1'
	on_host 4302 canhazgpu doctor --json
	assert_json '.[] | select(.check == "configuration") | .detail' '/etc/canhazgpu/config.yaml, /etc/canhazgpu/config.d/10.yaml'
	assert_json '.[] | select(.check == "settings") | .detail | split(", ") | last' "there is no group 'no-such-group' (policy.groups): its limits bind nobody"
	chmod 0666 "$WORLD/etc/canhazgpu/config.d/10.yaml"
	on_host 4302 canhazgpu doctor
	assert_status 1
	assert_stdout_has 'everybody can write to that file'
}
