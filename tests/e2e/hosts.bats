#!/usr/bin/env bats
# A pool and its host: another host is told whose it is, and gets its own; the same host is recognised under a new name,
# after a reboot, and installed again. Other hosts are played in namespaces.
# stores: each
# seconds: 20

load helpers
load web_helpers

HERE=11111111111111111111111111111111
THERE=22222222222222222222222222222222

setup() {
	world_open
	unshare --mount --uts true 2>/dev/null || skip 'needs the right to make namespaces'
}

# on_host NAME MACHINE-ID BOOT COMMAND...: like chg, on a host of that name; BOOT is one digit.
on_host() {
	local etc=$WORLD/etc-$2 file
	if [ ! -d "$etc" ]; then
		mkdir "$etc"
		for file in passwd group nsswitch.conf ld.so.cache; do
			[ ! -e "/etc/$file" ] || cp "/etc/$file" "$etc"
		done
		echo "$2" >"$etc/machine-id"
	fi
	echo "00000000-0000-4000-8000-00000000000$3" >"$WORLD/boot-$3"
	status=0
	# shellcheck disable=SC2016
	in_world unshare --mount --uts --propagation private sh -euc '
		hostname "$0"
		mount --bind "$1" /etc
		mount --bind "$2" /proc/sys/kernel/random/boot_id
		shift 2
		exec "$@"' "$1" "$etc" "$WORLD/boot-$3" canhazgpu "${@:4}" >"$WORLD/stdout" 2>"${errors_to:-$WORLD/stderr}" || status=$?
	read_file "$WORLD/stdout"
	stdout=$file_text
	read_file "$WORLD/stderr"
	stderr=$file_text
}

on_host_ok() {
	on_host "$@"
	[ "$status" -eq 0 ] || fail_with "on $1: canhazgpu ${*:4} ended with status $status"
}

# cards UUID...: what the driver shows from now on.
cards() {
	nvml_state "$(printf '"%s"\n' "$@" | jq -sc '{driver_version: "550", gpus: map({uuid: ., name: "H100",
		bus: [0, (.[4:] | tonumber), 0], memory: [81559, 500, 4], compute: [], graphics: []})}')"
}

# forget_host: as the release before leaves a pool.
forget_host() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis del canhazgpu:host >/dev/null
	else
		db 'UPDATE pool SET host_id = NULL, host_boot_id = NULL, host_name = NULL'
	fi
}

@test "another host may look, and nothing else" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	on_host_ok node1 $HERE 1 reserve --gpu-ids 0 --duration 1h
	for words in 'reserve' 'run -- true' 'run --wait -- true' 'reserve --wait 10s --gpus 2' 'release' \
		'admin --drain 1' 'extend --duration 1h' 'run --gpu-ids 0 -- true' 'run --gpu-ids 1 -- true' \
		'reserve --reuse' 'reserve --reuse --wait'; do
		on_host node2 $THERE 2 $words
		assert_error 1 'is that of another host, node1; this is node2'
		if [ "${E2E_STORE:-sqlite}" = redis ]; then
			assert_stderr_has "'canhazgpu admin --store URL', where the URL names another database or file"
		else
			assert_stderr_has "'canhazgpu admin --store sqlite:"
		fi
	done
	on_host_ok node2 $THERE 2 status
	assert_stderr_has 'Warning: the GPU pool in'
	assert_stderr_has 'another host, node1'
	assert_stdout_has IN_USE
	on_host_ok node2 $THERE 2 queue
	assert_stdout 'No requests are waiting.'
	on_host_ok node2 $THERE 2 report
	assert_stderr_has 'another host, node1'
	on_host node2 $THERE 2 doctor
	assert_status 1
	assert_stdout_has 'FAILED   host '
	on_host_ok node1 $HERE 1 status --json
	assert_json 'map(.status) | join(" ")' 'IN_USE AVAILABLE'
	on_host_ok node1 $HERE 1 doctor
	assert_stdout_has 'that of this host, node1'
}

@test "the web page says whose pool it shows, until that is another one" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	web
	get_ok /api/host
	assert_json '.warning | contains("is that of another host, node1")' true
	get_ok /api/status
	assert_json 'map(.status) | join(" ")' 'ERROR ERROR'
	chg_ok admin --gpus 2 --provider fake --force
	wait_until 'get_ok /api/host && [ "$(json_get .warning)" = null ]' 30
	get_ok /api/status
	assert_json 'map(.status) | join(" ")' 'AVAILABLE AVAILABLE'
}

@test "admin says whose the pool is, and takes it over by force alone" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	on_host_ok node1 $HERE 1 reserve --duration 1h
	on_host node2 $THERE 2 admin --gpus 2 --provider fake
	assert_error 1 'is that of another host, node1'
	[[ $stderr == *--store*--force* ]] || fail_with 'the harmless way does not come first'
	on_host_ok node2 $THERE 2 admin --gpus 2 --provider fake --force
	on_host_ok node2 $THERE 2 reserve
	on_host node1 $HERE 1 reserve
	assert_error 1 'another host, node2'
}

@test "a pool that was made again knows its host, after a reboot as well" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake --force
	on_host node2 $THERE 2 reserve
	assert_error 1 'another host, node1'
	on_host_ok node1 $HERE 3 reserve --duration 1h
}

@test "renamed and rebooted: the same host" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	on_host_ok node9 $HERE 1 reserve --duration 1h
	on_host_ok node8 $HERE 2 reserve --duration 1h
	assert_equal "$stderr" ''
	on_host_ok node8 $HERE 2 doctor
	assert_stdout_has 'the pool is that of this host, node8'
	# In the same boot, whatever the machine id: containers have others.
	on_host_ok node8 $THERE 2 release --all
}

@test "reinstalled: recognised by its GPUs, and says so once; copied: refused" {
	use_nvml
	cards GPU-1 GPU-2
	on_host_ok node1 $HERE 1 admin
	on_host_ok node1 $THERE 2 run -- true
	assert_stderr_has 'recognised by its GPUs'
	on_host_ok node1 $THERE 2 run -- true
	[[ $stderr != *recognised* ]] || fail_with 'said again'
	cards GPU-3 GPU-4
	on_host node2 $THERE 3 run -- true
	assert_error 1 'another host, node1'
	on_host_ok node2 $THERE 3 status
	assert_stderr_has 'another host, node1'
	# All its cards replaced: for `admin --refresh`, not for this.
	on_host_ok node1 $THERE 4 status --json
	assert_json 'map(.status) | unique | join(" ")' ERROR
	assert_stderr_has 'Note: GPUs 0, 1 are gone'
	[[ $stderr != *'another host'* ]] || fail_with 'taken for the pool of another host'
}

@test "reinstalled, and standard error is a pipe that nobody reads: the command starts" {
	local errors_to=$WORLD/pipe
	use_nvml
	cards GPU-1 GPU-2
	errors_to='' on_host_ok node1 $HERE 1 admin
	mkfifo "$WORLD/pipe"
	exec 9<>"$WORLD/pipe"
	dd if=/dev/zero of="$WORLD/pipe" bs=1 count=100000 oflag=nonblock 2>/dev/null || true
	dd if=/dev/zero of="$WORLD/pipe" bs=65536 count=100 oflag=nonblock 2>/dev/null || true
	: >"$WORLD/stderr"
	on_host node1 $THERE 2 run -- touch "$WORLD/started" 3>&- 9>&- &
	wait_until '[ -e "$WORLD/started" ]' 20
	exec 9<&-
	wait $!
}

@test "a pool that names no host is recorded by who changes it first" {
	on_host_ok node1 $HERE 1 admin --gpus 2 --provider fake
	forget_host
	on_host_ok node2 $THERE 2 status
	assert_equal "$stderr" ''
	on_host_ok node2 $THERE 2 doctor
	assert_stdout_has 'does not say yet which host'
	on_host_ok node2 $THERE 2 reserve --duration 1h
	on_host node1 $HERE 1 reserve --duration 1h
	assert_error 1 'another host, node2'
}

@test "... unless its GPUs are known, and others" {
	use_nvml
	cards GPU-1 GPU-2
	on_host_ok node1 $HERE 1 admin
	on_host_ok node1 $HERE 1 reserve --duration 1h
	forget_host
	cards GPU-3 GPU-4
	on_host node2 $THERE 2 release --all
	assert_error 1 'another host, whose name is unknown'
	cards GPU-1 GPU-2
	on_host_ok node1 $HERE 1 release --all
}

@test "in a shared home the way out is found again without --store" {
	need_sqlite
	[ ! -d /var/lib/canhazgpu ] || skip 'canhazgpu is installed here'
	world_unset CANHAZGPU_STORE
	on_host_ok node1 $HERE 1 admin --gpus 1 --provider fake
	[ -e "$WORLD/state/canhazgpu/canhazgpu.db" ]
	on_host node2 $THERE 2 admin --gpus 2 --provider fake
	assert_error 1 "'canhazgpu admin --store sqlite:$WORLD/state/canhazgpu/node2/canhazgpu.db'"
	on_host_ok node2 $THERE 2 admin --gpus 2 --provider fake --store "sqlite:$WORLD/state/canhazgpu/node2/canhazgpu.db"
	on_host_ok node2 $THERE 2 status --json
	assert_json length 2
	assert_equal "$stderr" ''
	on_host_ok node1 $HERE 1 status --json
	assert_json length 1
}

@test "in a shared home a host that is renamed keeps its pool" {
	need_sqlite
	[ ! -d /var/lib/canhazgpu ] || skip 'canhazgpu is installed here'
	world_unset CANHAZGPU_STORE
	on_host_ok node1 $HERE 1 admin --gpus 1 --provider fake
	on_host_ok node2 $THERE 2 admin --gpus 2 --provider fake --store "sqlite:$WORLD/state/canhazgpu/node2/canhazgpu.db"
	for boot in 2 3; do
		on_host_ok node2.example.org $THERE $boot status --json
		assert_json length 2
		assert_equal "$stderr" ''
	done
	# One whose new name is that of another host's folder.
	on_host_ok node2 $HERE 1 status --json
	assert_json length 1
	assert_equal "$stderr" ''
	# A third host, of a name that has a folder already.
	on_host node2 33333333333333333333333333333333 4 admin --gpus 3 --provider fake
	assert_error 1 "--store sqlite:$WORLD/state/canhazgpu/node2-33333333/canhazgpu.db'"
	on_host_ok node2 33333333333333333333333333333333 4 admin --gpus 3 --provider fake \
		--store "sqlite:$WORLD/state/canhazgpu/node2-33333333/canhazgpu.db"
	on_host_ok node2 33333333333333333333333333333333 4 status --json
	assert_json length 3
}
