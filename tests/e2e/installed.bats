#!/usr/bin/env bats
# The installed set-group-id program, in a private mount namespace with a /var/lib of its own: whose
# rights it uses for what, and what it says where the kernel gives it no group. Needs root.
# stores: sqlite
# seconds: 55

bats_require_minimum_version 1.5.0
load helpers

setup() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	[ "${E2E_STORE:-sqlite}" = sqlite ] || skip 'about the files of the embedded store'
	! grep -q __asan_init "$CANHAZGPU_BIN" || skip 'the leak checker needs to trace itself'
	world_open
	export WORLD
	chmod 0755 "$WORLD"
	mkdir -m 0755 "$WORLD/var" "$WORLD/bin2"
	install -d -m 2770 -g 4300 "$WORLD/var/canhazgpu"
	cp "$CANHAZGPU_BIN" "$WORLD/bin2/canhazgpu"
	chgrp 4300 "$WORLD/bin2/canhazgpu"
	chmod 2755 "$WORLD/bin2/canhazgpu"
	mkdir -m 0777 "$WORLD/own"
	echo '{"gpus": []}' >"$WORLD/state.json"
	chmod 0644 "$WORLD/state.json"
}

# Runs a shell script where the installed directories are those of this world. In it, `as UID
# COMMAND...` runs something as that account, with nothing but a HOME; `ours NAME` tells the pids of this world's
# processes of that name (others use these accounts at the same time); `until_true CONDITION` waits.
installed() {
	run --separate-stderr unshare --mount --propagation private bash -uc '
		mount --bind "$WORLD/var" /var/lib || exit 99
		as() {
			local uid=$1
			shift
			setpriv --reuid "$uid" --regid "$uid" --clear-groups env -i HOME="$WORLD/own" \
				CANHAZGPU_FAKE_STATE="$WORLD/state.json" CANHAZGPU_TEST_WORLD="$WORLD" \
				PATH="$WORLD/bin2:/usr/bin:/bin" "$@"
		}
		ours() {
			local pid
			for pid in $(pgrep -x "$1"); do
				! grep -qszxF "CANHAZGPU_TEST_WORLD=$WORLD" "/proc/$pid/environ" || echo "$pid"
			done
		}
		until_true() {
			local end=$((SECONDS + 30))
			until eval "$1"; do
				[ $SECONDS -lt $end ] || { echo "not true: $1" >&2 && exit 98; }
				sleep 0.05
			done
		}
		'"$1"
	[ "$status" -ne 99 ] || skip 'no bind mounts here'
	if [ "$status" -ne 0 ]; then
		echo "status $status"
		echo "$output"
		echo "$stderr"
	fi
}

@test "two accounts share the pool, and neither reaches its files" {
	installed '
		as 4301 canhazgpu admin --gpus 2 --provider fake &&
		as 4301 canhazgpu reserve --short && as 4302 canhazgpu reserve --short || exit 1
		for command in cat rm "sqlite3 -cmd .tables"; do
			as 4302 $command /var/lib/canhazgpu/canhazgpu.db </dev/null && exit 2
		done
		as 4302 sh -c "echo x >/var/lib/canhazgpu/x" && exit 3
		as 4302 canhazgpu release --gpu-ids 0 && exit 4
		as 4301 canhazgpu status --json'
	assert_equal "$status" 0
	assert_equal "$(tail -n +4 <<<"$output" | jq -r '[.[].user] | join(" ")')" 'uid 4301 uid 4302'
}

# with_driver SCRIPT: like installed, where the driver library is the stub, which takes 0.6 s. (The loader of a
# set-group-id program finds it by its cache alone.)
with_driver() {
	local stub
	stub=$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nvml/libnvidia-ml.so.1
	[ -e "$stub" ] && [ -e /etc/ld.so.cache ] || skip "no stub library, or no cache of the loader"
	mkdir -m 0755 "$WORLD/lib"
	install -m 0755 "$stub" "$WORLD/lib/"
	(echo "$WORLD/lib" && cat /etc/ld.so.conf /etc/ld.so.conf.d/*.conf 2>/dev/null | grep '^/') >"$WORLD/ld.conf"
	/sbin/ldconfig -X -C "$WORLD/ld.cache" -f "$WORLD/ld.conf"
	install -m 0666 /dev/null "$WORLD/log"
	jq -nc --arg log "$WORLD/log" '{log: $log, delays: {nvmlInit: 600}, gpus: [range(2) | {uuid: "GPU-\(.)", name: "H100",
		bus: [0, ., 0], memory: [80000, 500, 5], compute: [], graphics: []}]}' >"$WORLD/nvml.json"
	chmod 0644 "$WORLD/nvml.json"
	installed '
		mount --bind "$WORLD/ld.cache" /etc/ld.so.cache || exit 99
		driver=CANHAZGPU_STUB_NVML=$WORLD/nvml.json
		scans() { wc -l <"$WORLD/log"; }
		# second_asks UID UID PREPARATION: whether the second account asks the driver after the first one. A scan
		# is used for a second: where a busy machine took longer, that says nothing.
		second_asks() {
			local begin before
			for i in $(seq 30); do
				as $1 "$driver" canhazgpu status --fresh >/dev/null || exit 97
				begin=${EPOCHREALTIME/./} before=$(scans)
				eval "$3"
				as $2 "$driver" canhazgpu status >/dev/null || exit 97
				[ $(scans) -gt $before ] || { echo no && return; }
				[ $((${EPOCHREALTIME/./} - begin)) -gt 1500000 ] || { echo yes && return; }
			done
			echo never
		}
		as 4301 "$driver" canhazgpu admin --provider nvidia >/dev/null || exit 1
		'"$1"
}

@test "accounts share their scans, through files that none of them reaches" {
	with_driver '
		second_asks 4301 4302 ""
		stat -c "%a %G" /var/lib/canhazgpu/canhazgpu-scan-*[0-9a-f] | sort -u
		for file in $(ls /var/lib/canhazgpu/canhazgpu-scan*); do as 4302 cat "$file" 2>/dev/null && exit 2; done
		exit 0'
	assert_equal "$output" "no
660 $(getent group 4300 | cut -d : -f 1 | grep . || echo UNKNOWN)"
}

@test "a service with the group of the pool as its own shares them too, unless its program is not the installed one" {
	with_driver '
		second_asks 4301 4300 ""
		second_asks 4300 4301 ""
		chmod g-s "$WORLD/bin2/canhazgpu"
		second_asks 4300 4300 ""'
	assert_equal "$output" $'no\nno\nyes'
}

@test "a scan that does not show all is used by the account that took it alone" {
	jq_filter='.gpus[1].codes = {nvmlDeviceGetMemoryInfo: 4}'
	export jq_filter
	with_driver '
		jq -c "$jq_filter" "$WORLD/nvml.json" >"$WORLD/new.json" && chmod 0644 "$WORLD/new.json" && mv "$WORLD/new.json" "$WORLD/nvml.json"
		second_asks 4301 4301 ""
		second_asks 4301 4302 ""'
	assert_equal "$output" $'no\nyes'
}

@test "a scan that others could have written, or that is of another boot, is not used" {
	with_driver '
		age() { sed -i "s/\"boot\":\"./&x/" "$1"; }
		for change in "chmod o+r" "chgrp 4302" age; do
			second_asks 4301 4302 "$change /var/lib/canhazgpu/canhazgpu-scan-*[0-9a-f]"
			rm -f /var/lib/canhazgpu/canhazgpu-scan-*
		done'
	assert_equal "$output" $'yes\nyes\nyes'
}

@test "whoever came first does not own the pool of the host" {
	installed '
		as 4301 canhazgpu admin --gpus 2 --provider fake && as 4301 canhazgpu admin --gpus 4 --provider fake --force'
	assert_equal "$status" 1
	[[ $stderr == *'only root'* ]]
}

@test "the command of a run has no trace of the group, and the supervisor holds it in reserve alone" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		mkfifo -m 0666 "$WORLD/own/gate"
		as 4301 canhazgpu run -- sh -c "grep ^Gid: /proc/self/status >\$HOME/gid; read x <\$HOME/gate" &
		until_true "[ -s \"$WORLD/own/gid\" ]"
		cat "$WORLD/own/gid"
		for pid in $(ours canhazgpu); do grep ^Gid: "/proc/$pid/status"; done
		echo >"$WORLD/own/gate"
		wait'
	assert_equal "$status" 0
	assert_equal "$(sort -u <<<"$output" | tr '\t' ' ' | tr '\n' ',')" 'Gid: 4301 4301 4300 4301,Gid: 4301 4301 4301 4301,'
}

@test "the command of a run has what the loader takes from a set-group-id program" {
	cp "$BATS_TEST_DIRNAME/programs/environments" "$WORLD/bin2/"
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 environments 200 || exit 2
		as 4301 LD_LIBRARY_PATH=/opt/cuda/lib64 TMPDIR=/scratch RES_OPTIONS=timeout:1 \
			GLIBC_TUNABLES=glibc.malloc.check=1 canhazgpu run -- env'
	assert_equal "$status" 0
	assert_equal "$(grep -cxE "(LD_LIBRARY_PATH=/opt/cuda/lib64|TMPDIR=/scratch|RES_OPTIONS=timeout:1|GLIBC_TUNABLES=glibc.malloc.check=1)" <<<"$output")" 4
}

@test "what the loader takes from the program is not used by it, only by the command" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 LD_DEBUG=libs LD_DEBUG_OUTPUT="$WORLD/own/debug" LD_PRELOAD="$WORLD/own/none.so" canhazgpu run -- cat /dev/null
		grep -l "calling init" "$WORLD"/own/debug.* | wc -l
		cat "$WORLD"/own/debug.* | grep -o "initialize program: .*"'
	assert_equal "$(tr '\n' ' ' <<<"$output")" '1 initialize program: cat '
	[[ $stderr == *none.so* ]]
}

@test "a request that waits through an upgrade gets its supervisor from the new program, once that has its group" {
	# As dpkg does it: the old file loses its rights, and the new one gets its group later.
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null && as 4302 canhazgpu reserve >/dev/null || exit 1
		as 4301 canhazgpu run --wait -- sh -c "echo started; exec sleep 1000" >"$WORLD/out" 2>"$WORLD/err" &
		until_true "grep -q Waiting: \"$WORLD/err\""
		for pid in $(ours canhazgpu); do
			grep -qzx __supervise "/proc/$pid/cmdline" && kill -9 "$pid"
		done
		chmod 0600 "$WORLD/bin2/canhazgpu"
		cp "$CANHAZGPU_BIN" "$WORLD/bin2/new" && chmod 0755 "$WORLD/bin2/new" && mv "$WORLD/bin2/new" "$WORLD/bin2/canhazgpu"
		cp "$CANHAZGPU_BIN" "$WORLD/other" && chgrp 4300 "$WORLD/other" && chmod 2755 "$WORLD/other" || exit 2
		as 4302 "$WORLD/other" release >/dev/null || exit 3
		until_true "as 4302 \"$WORLD/other\" status --json | jq -e \".[0].type == \\\"RUN\\\"\" >/dev/null"
		[ ! -s "$WORLD/out" ] && ours canhazgpu | grep -q . || exit 4
		chgrp 4300 "$WORLD/bin2/canhazgpu" && chmod 2755 "$WORLD/bin2/canhazgpu"
		until_true "grep -q started \"$WORLD/out\""
		for pid in $(ours canhazgpu) $(ours other); do
			grep -qzx __supervise "/proc/$pid/cmdline" && grep ^Gid: "/proc/$pid/status"
		done
		kill $!
		exit 0'
	assert_equal "$status" 0
	assert_equal "$(tr '\t' ' ' <<<"$output")" 'Gid: 4301 4301 4300 4301'
}

@test "the web server of an installed program shows the pool, and holds the group in reserve alone" {
	local libexec
	libexec=$(grep -ao '/[-/a-z0-9_]*libexec/canhazgpu' "$CANHAZGPU_BIN" | grep -v '^/libexec' | head -n 1)
	[ -n "$libexec" ] && [ -x "$(dirname "$CANHAZGPU_BIN")/canhazgpu-web" ] || skip 'no web server here'
	export libexec
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		mount -t tmpfs tmpfs /usr/local && mkdir -p "$libexec" || exit 99
		install -m 0755 "$(dirname "$CANHAZGPU_BIN")/canhazgpu-web" "$libexec/canhazgpu-web" || exit 99
		as 4301 canhazgpu web --host 127.0.0.1 --port 0 2>"$WORLD/web.err" &
		web=$!
		until_true "grep -q Serving \"$WORLD/web.err\""
		url=$(sed -n "s/^Serving //p" "$WORLD/web.err")
		curl -s "${url}api/status" | jq -r ".[0].status"
		server=$(ours canhazgpu-web | head -n 1)
		grep ^Gid: "/proc/$server/status"
		kill "$server"
		wait "$web"'
	assert_equal "$(tr '\t\n' '  ' <<<"$output")" 'AVAILABLE Gid: 4301 4301 4300 4301 '
}

@test "files that the user names are read and made with the rights of the user" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		install -m 0640 -g 4300 /dev/null "$WORLD/secret.yaml"
		echo "store: x" >"$WORLD/secret.yaml"
		as 4301 canhazgpu --config "$WORLD/secret.yaml" status && exit 2
		as 4301 canhazgpu --store "sqlite:$WORLD/own/mine.db" admin --gpus 1 --provider fake || exit 3
		stat -c "%u %g %a" "$WORLD/own/mine.db"
		ln -s /var/lib/canhazgpu "$WORLD/own/link"
		install -m 0660 -g 4300 /dev/null "$WORLD/own/group.db"
		as 4301 canhazgpu --store "sqlite:$WORLD/own/group.db" admin --gpus 1 --provider fake && exit 4
		exit 0'
	assert_equal "$status" 0
	assert_equal "$(tail -n 1 <<<"$output")" '4301 4301 600'
	[[ $stderr == *'secret.yaml'*'ermission denied'* ]]
}

@test "the settings of the user count: environment and home" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		echo "reserve: {note: from home}" >"$WORLD/own/.canhazgpu.yaml"
		as 4301 CANHAZGPU_RESERVE_DURATION=2h canhazgpu reserve >/dev/null && as 4301 canhazgpu status --json'
	assert_equal "$status" 0
	jq -e '.[0].note == "from home"' <<<"$output"
}

@test "an account whose name comes and goes is one row of the report" {
	cp /etc/passwd "$WORLD/passwd"
	echo "ada:x:4301:4301::/:/bin/sh" >>"$WORLD/passwd"
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 canhazgpu run -- true
		mount --bind "$WORLD/passwd" /etc/passwd || exit 99
		as 4301 canhazgpu run -- true
		umount /etc/passwd
		as 4301 canhazgpu run -- true
		until_true "[ -z \"\$(ours canhazgpu)\" ]" # a supervisor has yet to release
		as 4301 canhazgpu report --json'
	assert_equal "$status" 0
	jq -e '[.users[] | [.name, .account, .run_count]] == [["ada", "ada", 3]]' <<<"$output" || fail_with "$output"
}

@test "a backup is written and read with the own rights of its user; only administrators restore" {
	installed '
		as 4301 canhazgpu admin --gpus 2 --provider fake >/dev/null && as 4301 canhazgpu reserve --gpu-ids 0 --short >/dev/null || exit 1
		as 4302 canhazgpu backup "$WORLD/own/backup.db" || exit 2
		stat -c "%u %a" "$WORLD/own/backup.db"
		as 4302 canhazgpu backup /var/lib/canhazgpu/mine.db && exit 3
		as 4302 canhazgpu backup /var/lib/canhazgpu/canhazgpu.db && exit 4
		as 4302 canhazgpu restore --force "$WORLD/own/backup.db" && exit 5
		as 4302 canhazgpu restore --force /var/lib/canhazgpu/canhazgpu.db && exit 6
		before=$(stat -c "%n %i %u %g %a" /var/lib/canhazgpu/canhazgpu.db*)
		canhazgpu() { PATH=$WORLD/bin2:$PATH command canhazgpu "$@"; }
		as 4301 canhazgpu release >/dev/null
		HOME=$WORLD/own canhazgpu restore --force "$WORLD/own/backup.db" >/dev/null || exit 7
		[ "$(stat -c "%n %i %u %g %a" /var/lib/canhazgpu/canhazgpu.db*)" = "$before" ] || exit 8
		as 4301 canhazgpu status --json | jq -r "[.[].status] | join(\" \")"
		rm /var/lib/canhazgpu/*
		HOME=$WORLD/own canhazgpu restore "$WORLD/own/backup.db" >/dev/null || exit 9
		stat -c "%u %g %a" /var/lib/canhazgpu/canhazgpu.db
		as 4301 canhazgpu release'
	assert_equal "$status $output" $'0 4302 600\nIN_USE AVAILABLE\n0 4300 660\nReleased 1 GPU(s): [0]'
	assert_equal "$(grep -c 'Permission denied' <<<"$stderr")" 2
	[[ $stderr == *'is a file of the pool itself'* && $stderr == *'only root'*'may restore a backup'* ]]
}

@test "without new privileges, on a nosuid mount and without the directory: each says so" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 setpriv --no-new-privs canhazgpu status
		mount --bind "$WORLD/bin2" "$WORLD/bin2" && mount -o remount,bind,nosuid "$WORLD/bin2" || exit 99
		as 4301 canhazgpu status
		rm -r /var/lib/canhazgpu
		umount "$WORLD/bin2"
		as 4301 canhazgpu status'
	assert_equal "$status" 1
	[[ $stderr == *'no_new_privs is set here'*'mounted nosuid'*'/var/lib/canhazgpu is missing'* ]]
}

@test "in a user namespace the program says that its group does not exist there, not that a mode was changed" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 unshare --user true || exit 96
		as 4301 unshare --user --map-root-user canhazgpu status
		as 4301 unshare --user canhazgpu status
		as 4301 unshare --user --map-root-user canhazgpu doctor'
	[ "$status" -ne 96 ] || skip 'no user namespaces here'
	assert_equal "$status" 1
	[[ $stderr != *'mode was changed'* ]]
	assert_equal "$(grep -c 'permission denied: in this user namespace' <<<"$stderr")" 2
	grep -q '^FAILED *program .*in this user namespace' <<<"$output"
	grep -q '^note *directory .*does not show its real owner' <<<"$output"
}

@test "a tracer, with which the program has no group, is named" {
	cat >"$WORLD/bin2/tracer" <<-'END'
		#!/usr/bin/python3
		# Becomes its arguments, traced by the process that started it (which lets it go on at every stop).
		import ctypes, os, sys
		pid = os.fork()
		if pid == 0:
		    ctypes.CDLL(None).ptrace(0, 0, 0, 0)
		    os.execvp(sys.argv[1], sys.argv[1:])
		while not os.WIFEXITED(status := os.waitpid(pid, 0)[1]):
		    ctypes.CDLL(None).ptrace(7, pid, 0, 0)
		sys.exit(os.WEXITSTATUS(status))
	END
	chmod 0755 "$WORLD/bin2/tracer"
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 tracer canhazgpu status && exit 2
		as 4301 canhazgpu run -- tracer true'
	assert_equal "$status" 0
	[[ $stderr == *'permission denied: tracer (pid '*') traces this program'*'canhazgpu run -- strace'* ]]
}

@test "nothing but the pool is opened in the directory of the pool: SQLite would believe it" {
	installed '
		as 4301 canhazgpu admin --gpus 2 --provider fake >/dev/null && as 4301 canhazgpu reserve --short || exit 1
		before=$(ls /var/lib/canhazgpu)
		for file in canhazgpu.db-wal canhazgpu.db-journal canhazgpu.db.lock canhazgpu.db.wake other.db; do
			as 4302 canhazgpu --store "sqlite:/var/lib/canhazgpu/$file" admin --gpus 1 --provider fake && exit 2
		done
		[ "$(ls /var/lib/canhazgpu)" = "$before" ] && [ ! -s /var/lib/canhazgpu/canhazgpu.db.lock ] || exit 3
		ln -s /var/lib/canhazgpu "$WORLD/own/link"
		as 4302 canhazgpu --store "sqlite:$WORLD/own/link/canhazgpu.db" reserve --short'
	assert_equal "$status" 0
	assert_equal "$(tr '\n' ' ' <<<"$output")" '0 1 '
	[[ $stderr == *'the only pool in that directory is canhazgpu.db'* ]]
}

@test "a path that leads elsewhere a moment later has no file opened with the group" {
	cat >"$WORLD/own/exchange" <<-'END'
		#!/usr/bin/python3
		# Exchanges two links as fast as it can: one leads to the pool, the other to files of the caller.
		import ctypes, os, sys
		own = os.environ["WORLD"] + "/own/"
		os.mkdir(own + "dir")
		os.symlink("/var/lib/canhazgpu", own + "pool")
		os.symlink(own + "dir", own + "files")
		libc = ctypes.CDLL(None)
		print("ready", flush=True)
		while True:
		    libc.renameat2(-100, (own + "pool").encode(), -100, (own + "files").encode(), 2)
	END
	chmod 0755 "$WORLD/own/exchange"
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4302 WORLD="$WORLD" "$WORLD/own/exchange" >"$WORLD/own/out" & exchange=$!
		until grep -q ready "$WORLD/own/out"; do
			kill -0 $exchange || exit 2
			sleep 0.05
		done
		for ((i = 0; i < 200 && SECONDS < 25; i++)); do # fewer on a busy machine
			rm -f "$WORLD"/own/dir/*
			as 4302 canhazgpu --store "sqlite:$WORLD/own/pool/canhazgpu.db" admin --gpus 1 --provider fake >/dev/null 2>&1
			find "$WORLD/own/dir" -gid 4300 | grep . && break
		done
		kill $(ours exchange)
		wait $exchange
		true'
	assert_equal "$status" 0
	assert_equal "$output" ''
}

@test "orders that a user has written himself are no orders: they would go round the rules" {
	installed '
		as 4301 canhazgpu admin --gpus 2 --provider fake >/dev/null || exit 1
		"$WORLD/bin2/canhazgpu" admin --drain 1 >/dev/null || exit 1
		as 4302 sh -c "echo \$\$ >\$HOME/bait; exec sleep 1000" &
		until_true "bait=\$(cat \"$WORLD/own/bait\") && [ \"\$(cat /proc/\$bait/comm)\" = sleep ]" 2>/dev/null
		start=$(cut -d" " -f22 "/proc/$bait/stat")
		cat >"$WORLD/own/orders" <<-END
			{"timeout": 0, "grace": 1000000000, "heartbeat": 100000000, "kill": false,
			"reservation": {"id": "11111111-2222-4333-8444-555555555555", "uid": 4302, "start": $(date +%s%N),
			"deadline": 0, "gpus": [1], "command": $bait, "command_start": $start, "supervisor": 0,
			"supervisor_start": 0},
			"pool": {"store": "sqlite:/var/lib/canhazgpu/canhazgpu.db", "threshold": 1024, "history": 0,
			"personal": false}}
		END
		as 4302 timeout 15 canhazgpu __supervise <"$WORLD/own/orders" >/dev/null; echo "file $?"
		cat "$WORLD/own/orders" | as 4302 timeout 15 canhazgpu __supervise >/dev/null; echo "pipe $?"
		as 4301 canhazgpu status --json | jq -r ".[1].status"
		kill "$bait"'
	assert_equal "$(tr '\n' ' ' <<<"$output")" 'file 1 pipe 1 DRAINED '
}

@test "what others have used is not told by a migration of a user" {
	installed '
		as 4301 canhazgpu --store "sqlite:$WORLD/own/mine.db" admin --gpus 1 --provider fake >/dev/null || exit 1
		as 4301 canhazgpu migrate --from "sqlite:$WORLD/own/mine.db" --to sqlite:/var/lib/canhazgpu/canhazgpu.db && exit 2
		[ -z "$(ls /var/lib/canhazgpu)" ] || exit 3
		as 4301 canhazgpu migrate --from "sqlite:$WORLD/own/mine.db" --to "sqlite:$WORLD/own/copy.db" || exit 4
		"$WORLD/bin2/canhazgpu" migrate --from "sqlite:$WORLD/own/mine.db" --to sqlite:/var/lib/canhazgpu/canhazgpu.db'
	assert_equal "$status" 0
	[[ $stderr == *'only root'*'may copy a pool'* ]]
}

@test "limits of the process, a umask and signals leave the pool whole for the others" {
	installed '
		as 4301 canhazgpu admin --gpus 4 --provider fake >/dev/null || exit 1
		for limit in --fsize=0 --fsize=5000 --fsize=40000 --nofile=3 --nofile=5 --nofile=8 --nproc=0 --stack=65536; do
			as 4302 timeout 20 prlimit "$limit" canhazgpu reserve --duration 1h >/dev/null 2>&1
			as 4302 timeout 20 prlimit "$limit" canhazgpu run -- true >/dev/null 2>&1
			as 4302 canhazgpu release >/dev/null || exit 2
		done
		as 4302 sh -c "umask 0777; canhazgpu reserve >/dev/null; canhazgpu release >/dev/null" || exit 3
		as 4302 sh -c "canhazgpu reserve --short >&- 2>&- <&-"
		for ((i = 0; i < 40; i++)); do
			as 4302 timeout -s KILL "0.00$((i % 10))" canhazgpu reserve --duration 1h >/dev/null 2>&1
			as 4302 canhazgpu release >/dev/null || exit 4
		done
		until_true "[ -z \"\$(ours canhazgpu)\" ]" # a supervisor has yet to release
		as 4302 canhazgpu status --json | jq -r "[.[].status] | join(\" \")"
		find /var/lib/canhazgpu -type f -not -perm 0660'
	assert_equal "$status" 0
	assert_equal "$output" 'AVAILABLE AVAILABLE AVAILABLE AVAILABLE'
}

@test "where others than root could exchange the directory of the pool, the group is not used, and doctor says why" {
	installed '
		as 4301 canhazgpu admin --gpus 1 --provider fake >/dev/null || exit 1
		chmod 0777 /var/lib
		as 4301 canhazgpu reserve && exit 2
		as 4301 canhazgpu doctor --json
		chmod 1777 /var/lib
		as 4301 canhazgpu reserve --short >&2'
	assert_equal "$status" 0
	[[ $stderr == *'permission denied'*'a directory above it'* ]]
	jq -e '.[] | select(.check == "directory") | .result == "FAILED" and (.detail | contains("users other than root can replace it"))' \
		<<<"$output"
}
