#!/usr/bin/env bats
# canhazgpu doctor: in a sound world it finds nothing that failed, and of one broken thing it says so in
# the line of that thing, and in no other.
# stores: any

bats_require_minimum_version 1.5.0
load doctor_helpers

# installed_doctor SCRIPT [COMMAND...]: the doctor of an installed set-group-id program, as the account 4301,
# in a private mount namespace in which SCRIPT was run before. The installation is sound but for that.
installed_doctor() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	need_sqlite
	! grep -q __asan_init "$CANHAZGPU_BIN" || skip 'the leak checker needs to trace itself'
	export WORLD
	chmod 0755 "$WORLD"
	if [ ! -e "$WORLD/bin2" ]; then
		mkdir -m 0755 "$WORLD/var" "$WORLD/bin2"
		install -d -m 2770 -g 4300 "$WORLD/var/canhazgpu"
		mkdir -m 0700 "$WORLD/own"
		chown 4301 "$WORLD/own"
		# What comes and goes there meanwhile does not matter.
		cp -r /etc "$WORLD/etc" || [ -s "$WORLD/etc/group" ]
		echo 'canhazgpu:x:4300:' >>"$WORLD/etc/group"
		mkdir -p "$WORLD/etc/canhazgpu"
		install -m 2755 -g 4300 "$CANHAZGPU_BIN" "$WORLD/bin2/canhazgpu"
	fi
	status=0
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -uc '
		script=$1
		shift
		mount --bind "$WORLD/var" /var/lib && mount --bind "$WORLD/etc" /etc || exit 99
		as() {
			setpriv --reuid 4301 --regid 4301 --clear-groups env -i HOME="$WORLD/own" \
				CANHAZGPU_TEST_WORLD="$WORLD" CANHAZGPU_TEST_WAIT_MS=500 \
				PATH="$WORLD/bin2:/usr/bin:/bin" "$@"
		}
		[ -e /var/lib/canhazgpu/canhazgpu.db ] || as canhazgpu admin --gpus 2 --provider fake >&2 || exit 98
		eval "$script" || exit 97
		as "$@" canhazgpu doctor --json' bash "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	[ "$status" -ne 99 ] || skip 'no bind mounts here'
}

# ---- what it looks like ----

@test "a sound world: nothing failed, one aligned line per check, status 0" {
	pool 2
	chg_ok doctor
	assert_stderr ''
	assert_equal "$(grep -vcE '^(ok     |note   |warning|FAILED )  [a-z-]+ +[^ ]' "$WORLD/stdout" || true)" 0
	assert_equal "$(grep -c '^FAILED' "$WORLD/stdout" || true)" 0
	assert_equal "$(sed -E 's/^(.{9}[a-z-]+ +).*/\1/' "$WORLD/stdout" | awk '{print length}' | sort -u | wc -l)" 1
	doctor_ok
	assert_json '[.[] | keys | join(",")] | unique | join("|")' 'advice,check,detail,result'
	assert_json '[.[].check] | group_by(.) | map(length) | max' 1
	assert_json '[.[] | .result] - ["ok", "note", "warning"] | length' 0
	[ "$(json_get length)" -ge 15 ]
}

@test "colours on a terminal only, and not with NO_COLOR" {
	pool 1
	in_world script -qec 'stty cols 300; canhazgpu doctor' /dev/null </dev/null >"$WORLD/typed"
	grep -q $'\e\[32mok ' "$WORLD/typed"
	in_world NO_COLOR=1 script -qec 'stty cols 300; canhazgpu doctor' /dev/null </dev/null >"$WORLD/typed"
	run ! grep -q $'\e' "$WORLD/typed"
	chg_ok doctor
	[[ $stdout != *$'\e'* ]]
}

@test "no pool yet is a note, and makes none" {
	hide_hardware
	doctor_ok
	assert_finding pool note 'canhazgpu admin'
	assert_finding driver warning 'No GPUs found'
	need_sqlite
	assert_finding store note 'does not exist yet'
	[ ! -e "$WORLD/pool.db" ]
}

@test "the line that starts passes of guard works as it stands" {
	[ ! -d /run/systemd/system ] || skip 'a timer starts them here'
	pool 1
	chg_ok doctor --json
	[[ $(jq -r '.[] | select(.check == "guard").advice' <<<"$stdout") =~ ':'\ (\*\ ){5}(/.*)\ \(man ]] ||
		fail_with "$stdout"
	in_world env PATH=/usr/bin:/bin sh -c "${BASH_REMATCH[2]}"
	chg_ok doctor --json
	assert_json '.[] | select(.check == "guard").result' ok
}

@test "no password, no note and no name of anybody is in it" {
	pool 2
	chg_ok reserve --note 'secret-note' --user 'secret-name'
	printf 'redis: {password: secret-word}\nrun: {note: secret-note}\nweb: {token-file: /nowhere}\n' \
		>"$WORLD/home/.canhazgpu.yaml"
	world_set CANHAZGPU_STORE="redis://user:secret-word@localhost:1/0"
	chg doctor
	assert_status 1
	[[ $stdout != *secret* ]]
	assert_stdout_has 'FAILED   store '
	assert_stdout_has 'redis.password ('
	world_set CANHAZGPU_STORE="$(store_url)"
	rm "$WORLD/home/.canhazgpu.yaml"
	printf '{"redis": {"password": "secret-word" "x"}}' >"$WORLD/home/.canhazgpu.json"
	chg doctor
	assert_status 1
	[[ $stdout$stderr != *secret* ]] || fail_with 'tells'
	assert_stdout_has "$WORLD/home/.canhazgpu.json:1:"
}

# ---- configuration ----

@test "a mistake in a file: doctor tells where, and looks at everything else all the same" {
	pool 2
	sound
	printf 'memory:\n  treshold: 5\n' >"$WORLD/home/.canhazgpu.yaml"
	assert_only configuration warning ".canhazgpu.yaml:2:3: unknown key 'memory.treshold'"
	printf 'memory:\n  threshold: five\n' >"$WORLD/home/.canhazgpu.yaml"
	assert_only configuration FAILED ".canhazgpu.yaml:2:14: memory.threshold: "
	assert_finding pool ok '2 GPUs of the provider fake'
	printf 'memory: {threshold: 5}\n' >"$WORLD/home/.canhazgpu.yaml"
	chmod 0666 "$WORLD/home/.canhazgpu.yaml"
	assert_only configuration FAILED 'everybody can write to that file'
	assert_finding settings ok "memory.threshold ($WORLD/home/.canhazgpu.yaml:1:21)"
	chmod 0600 "$WORLD/home/.canhazgpu.yaml"
	doctor
	assert_finding configuration ok .canhazgpu.yaml
	doctor --config "$WORLD/none.yaml"
	assert_finding configuration FAILED none.yaml
}

@test "a mistake in the environment" {
	pool 2
	sound
	world_set CANHAZGPU_RUN_GPUS=two
	assert_only configuration FAILED CANHAZGPU_RUN_GPUS
}

@test "no home, no path: reports instead of failing" {
	pool 1
	world_unset HOME
	world_unset XDG_STATE_HOME
	doctor_ok
	assert_finding configuration note 'HOME is not set'
	world_unset CANHAZGPU_STORE
	[ ! -e /var/lib/canhazgpu ] || skip 'a pool is installed here'
	doctor
	assert_status 1
	assert_finding store FAILED 'no place for the pool'
}

@test "a file of the host that others overrule, and a broken one beside --config" {
	installed_doctor 'echo "memory: {threshold: 300}" >/etc/canhazgpu/config.yaml
		chmod 0644 /etc/canhazgpu/config.yaml' CANHAZGPU_MEMORY_THRESHOLD=500
	assert_status 0
	assert_finding configuration note 'memory.threshold in /etc/canhazgpu/config.yaml is overridden'
	installed_doctor 'echo "memory: {threshold: x}" >/etc/canhazgpu/config.yaml'
	assert_finding configuration FAILED '/etc/canhazgpu/config.yaml:1:21'
	assert_finding store ok
}

# ---- installation ----

@test "an installation: sound, without its group, without its directory, with wrong modes" {
	installed_doctor true
	assert_equal "$status $stderr" "0 Initialized 2 GPUs (IDs 0 to 1)"
	assert_finding program ok 'set-group-id canhazgpu'
	assert_finding store-files ok 'in the installed directory'
	assert_finding directory ok '2770 root:canhazgpu'
	results >"$WORLD/sound"
	broken() { # SCRIPT EXPECTED-CHANGES TEXT-OF-CHECK TEXT [COMMAND...]
		installed_doctor "$1" "${@:5}"
		assert_status 1
		# Where the pool is out of reach, the driver that this machine has is looked at instead.
		assert_equal "$(results | diff "$WORLD/sound" - | sed -n '/driver/d; s/^> //p' | paste -sd,)" "$2"
		assert_finding "$3" FAILED "$4"
	}
	broken true 'program FAILED,store FAILED,pool FAILED' program no_new_privs \
		setpriv --no-new-privs
	broken 'chmod 2777 /var/lib/canhazgpu' 'directory FAILED,store-files FAILED' directory 'everybody can write there'
	chmod 2770 "$WORLD/var/canhazgpu"
	broken 'chmod 0666 /var/lib/canhazgpu/canhazgpu.db' 'store-files FAILED' store-files 'everybody can write to /var'
	broken 'chgrp 4999 /var/lib/canhazgpu/canhazgpu.db.wake; chmod 0660 /var/lib/canhazgpu/canhazgpu.db' \
		'store-files FAILED' store-files 'canhazgpu.db.wake is not that of its directory'
	assert_finding store-files FAILED "chgrp canhazgpu '/var/lib/canhazgpu/canhazgpu.db.wake'"
	broken 'chmod 0640 /var/lib/canhazgpu/canhazgpu.db; chmod 0664 /var/lib/canhazgpu/canhazgpu.db.lock' \
		'store-files FAILED' store-files "chmod 0660 '/var/lib/canhazgpu/canhazgpu.db'"
	assert_finding store-files FAILED "chmod 0660 '/var/lib/canhazgpu/canhazgpu.db.lock'"
	chmod 0660 "$WORLD"/var/canhazgpu/canhazgpu.db*
	chgrp 4300 "$WORLD/var/canhazgpu/canhazgpu.db.wake"
	# The directory decides who they belong to, also while its mode is wrong.
	broken 'chmod 2750 /var/lib/canhazgpu' 'directory FAILED' directory 'chmod 2770 /var/lib/canhazgpu'
	chmod 2770 "$WORLD/var/canhazgpu"
	broken 'sed -i /^canhazgpu:/d /etc/group' 'program FAILED' program 'its group 4300 has no name'
	echo 'canhazgpu:x:4300:' >>"$WORLD/etc/group"
	broken 'chgrp 4999 /var/lib/canhazgpu; chmod 2770 /var/lib/canhazgpu' \
		'directory FAILED,store FAILED,pool FAILED' directory 'root:4999, its group is not that of the program (canhazgpu); chgrp canhazgpu /var/lib/canhazgpu'
	chgrp 4300 "$WORLD/var/canhazgpu"
	chmod 2770 "$WORLD/var/canhazgpu"
	broken 'chmod 2757 "$WORLD/bin2/canhazgpu"' 'program FAILED' program 'everybody can write to it'
}

@test "an installation that has lost its bit: root is told, who would not notice" {
	local advice
	installed_doctor 'chmod 0755 "$WORLD/bin2/canhazgpu"
		"$WORLD/bin2/canhazgpu" doctor --json >"$WORLD/root"'
	assert_finding program ok 'not set-group-id (a personal installation)'
	assert_finding store FAILED 'permission denied'
	advice=$(jq -r '.[] | select(.check == "program" and .result == "warning").advice' "$WORLD/root")
	assert_equal "$advice" "chgrp canhazgpu '$WORLD/bin2/canhazgpu' && chmod 2755 '$WORLD/bin2/canhazgpu'"
	installed_doctor "$advice"
	assert_status 0
	assert_finding program ok 'set-group-id canhazgpu'
}

@test "an installation: the files with the limits are root's alone to change" {
	installed_doctor 'mkdir -p /etc/canhazgpu/config.d; echo "policy.max-gpus: 2" >/etc/canhazgpu/config.d/lab.yaml'
	assert_finding configuration ok /etc/canhazgpu/config.d/lab.yaml
	installed_doctor 'chown 4301 /etc/canhazgpu/config.d/lab.yaml'
	assert_finding configuration warning '/etc/canhazgpu/config.d/lab.yaml belongs to '
	assert_finding configuration warning "chown root '/etc/canhazgpu/config.d/lab.yaml'"
	installed_doctor 'chown 0 /etc/canhazgpu/config.d/lab.yaml; chmod 0777 /etc/canhazgpu/config.d'
	assert_finding configuration FAILED 'everybody can write files in /etc/canhazgpu/config.d'
	installed_doctor 'chmod 0755 /etc/canhazgpu/config.d; cd /etc/canhazgpu/config.d; chmod 0666 lab.yaml'
	assert_finding configuration FAILED "chmod o-w '/etc/canhazgpu/config.d/lab.yaml'"
	installed_doctor 'chmod 0600 /etc/canhazgpu/config.d/lab.yaml'
	assert_finding configuration FAILED 'let everybody read it (chmod a+r)'
}

@test "more than one program of the name, or another one, in PATH" {
	pool 1
	sound
	mkdir "$WORLD/other"
	printf '#!/bin/sh\n' >"$WORLD/other/canhazgpu"
	chmod +x "$WORLD/other/canhazgpu"
	world_set PATH="$WORLD/bin:$WORLD/other:/usr/bin:/bin"
	assert_only path warning "several in PATH: $WORLD/bin/canhazgpu, $WORLD/other/canhazgpu"
}

# ---- driver and GPUs ----

card() { # LETTER BUS USED
	jq -nc --arg letter "$1" --argjson bus "$2" --argjson used "$3" \
		'{uuid: "GPU-\($letter)", name: "NVIDIA H100", bus: [0, $bus, 0], memory: [81559, 500, $used], compute: [], graphics: []}'
}

cards() {
	nvml_state "$(printf '%s\n' "$@" | jq -sc '{driver_version: "550.54.14", gpus: .}')"
}

@test "the driver: sound, moved, more, unknown, gone, dead" {
	use_nvml
	cards "$(card a 1 4)" "$(card b 2 4)"
	chg_ok admin
	sound
	assert_finding driver ok 'nvidia by nvml, driver 550.54.14, 2 GPUs'
	cards "$(card a 1 4)" "$(card b 2 4)" "$(card c 3 4)"
	assert_only gpus note 'the driver shows 1 more'
	cards "$(card z 0 4)" "$(card a 1 4)" "$(card b 2 4)"
	assert_only gpus note 'different numbers for GPU 0,1'
	cards "$(card a 1 4)" "$(card b 2 null)"
	assert_only gpus warning 'the use of GPU 1 is unknown'
	cards "$(card b 2 4)"
	assert_only gpus FAILED 'GPU 0 of the pool: GPU-a is gone'
	nvml_state '{"codes": {"nvmlInit": 18}}'
	doctor
	assert_status 1
	assert_finding driver FAILED 'reboot this host'
	assert_finding gpus FAILED 'see the check driver'
	assert_equal "$(results | diff "$WORLD/sound" - | sed -n 's/^> //p' | paste -sd,)" 'driver FAILED,gpus FAILED'
}

@test "the driver by nvidia-smi is a warning" {
	use_nvml
	world_set LD_LIBRARY_PATH="$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nvml-broken"
	mkdir "$WORLD/smi"
	cp "$BATS_TEST_DIRNAME/../stubs/nvidia-smi" "$WORLD/bin/nvidia-smi"
	world_set CANHAZGPU_STUB_SMI="$WORLD/smi"
	echo '0, GPU-a, NVIDIA A100, 00000000:01:00.0, 40960, 4, 0, 30, 50.00, Disabled, 550.54.14' >"$WORLD/smi/gpus.csv"
	: >"$WORLD/smi/apps.csv"
	chg_ok admin
	doctor_ok
	assert_finding driver warning 'by nvidia-smi'
}

@test "the fake provider is noted" {
	pool 3
	doctor_ok
	assert_finding driver note 'these are not real GPUs'
	assert_finding gpus ok "3 of the pool's 3"
}

# ---- host ----

# inotify_used_up LIMIT: none are left of what that file of /proc/sys/user counts.
inotify_used_up() {
	pool 1
	unshare --user --map-root-user sh -c "echo 0 >/proc/sys/user/$1" 2>/dev/null || skip 'no user namespaces here'
	sound
	status=0
	in_world unshare --user --map-root-user sh -c "echo 0 >/proc/sys/user/$1
		exec canhazgpu doctor --json" >"$WORLD/stdout" || status=$?
	assert_status 0
}

# Only the SQLite store needs inotify to be told of changes.
assert_no_wake_up() {
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		assert_finding wake-up warning 'inotify'
	else
		assert_finding wake-up ok
	fi
}

@test "inotify instances used up: a warning" {
	inotify_used_up max_inotify_instances
	assert_finding inotify warning 'fs.inotify.max_user_instances'
	assert_no_wake_up
}

@test "inotify watches used up: a warning" {
	inotify_used_up max_inotify_watches
	assert_finding inotify warning 'fs.inotify.max_user_watches'
	assert_no_wake_up
}

@test "few open files" {
	pool 1
	status=0
	in_world sh -c 'ulimit -n 40; exec canhazgpu doctor --json' >"$WORLD/stdout" || status=$?
	assert_status 0
	assert_finding limits warning 'open files 40'
}

@test "no more processes" {
	shared_pool 1
	status=0
	as_user 4377 prlimit --nproc=1 canhazgpu doctor --json >"$WORLD/stdout" || status=$?
	assert_finding limits FAILED 'no more processes can be started'
	assert_status 1
}

@test "hidepid on /proc" {
	[ "$(id -u)" -eq 0 ] && unshare --mount --pid --fork true 2>/dev/null || skip 'needs root and namespaces'
	shared_pool 1
	status=0
	# shellcheck disable=SC2016
	in_world unshare --mount --pid --fork --propagation private sh -euc 'mount -t proc -o hidepid=2 proc /proc
		setpriv --reuid 4301 --regid 4300 --clear-groups canhazgpu doctor --json' >"$WORLD/stdout" || status=$?
	assert_finding processes warning 'hides those of other accounts (hidepid='
	status=0
	# shellcheck disable=SC2016
	in_world unshare --mount --pid --fork --propagation private sh -euc 'mount -t proc proc /proc
		canhazgpu doctor --json' >"$WORLD/stdout" || status=$?
	assert_finding processes ok
}

# ---- who holds and waits ----

@test "a waiting request that is stopped" {
	pool 1
	chg_ok reserve
	start_background waiter canhazgpu reserve --wait
	waiter=$background_pid
	wait_until 'doctor_ok && [[ $(json_get ".[] | select(.check == \"queue\") | .detail") == "1 waiting" ]]' 60
	results >"$WORLD/sound"
	stop_now "$waiter"
	assert_only queue warning "request 1 in the queue (pid $waiter) is stopped"
	kill -CONT "$waiter"
}
