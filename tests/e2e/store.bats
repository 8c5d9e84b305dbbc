#!/usr/bin/env bats
# The store as people meet it: where it is, and what is said when it is not as it should be.
# stores: sqlite
# seconds: 20

load helpers

setup() {
	need_sqlite
	world_open
}

# The databases that there are in the world.
databases() {
	find "$WORLD" -name '*.db' -printf '%P\n' | sort
}

@test "flag, environment, file: the first that is there names the store" {
	printf 'store: sqlite:%s/file.db\n' "$WORLD" >"$WORLD/home/.canhazgpu.yaml"
	world_set CANHAZGPU_STORE="sqlite:$WORLD/environment.db"
	chg_ok --store "sqlite:$WORLD/flag.db" admin --gpus 1 --provider fake
	assert_equal "$(databases)" flag.db
	pool 2
	assert_equal "$(databases)" $'environment.db\nflag.db'
	world_unset CANHAZGPU_STORE
	pool 3
	assert_equal "$(databases)" $'environment.db\nfile.db\nflag.db'
	chg_ok status --json
	assert_json length 3
	chg_ok status --json --store "sqlite:$WORLD/flag.db"
	assert_json length 1
}

@test "a configuration file that is named names the store" {
	world_unset CANHAZGPU_STORE
	printf '{"store": "sqlite:%s/json.db"}\n' "$WORLD" >"$WORLD/c.json"
	chg_ok --config "$WORLD/c.json" admin --gpus 1 --provider fake
	assert_equal "$(databases)" json.db
}

@test "a relative path is relative to where it was said" {
	in_world env -C "$WORLD/tmp" canhazgpu --store sqlite:here.db admin --gpus 1 --provider fake
	assert_equal "$(databases)" tmp/here.db
	in_world env -C "$WORLD/tmp" canhazgpu --store sqlite:here.db run -- true
	assert_no_processes
	in_world env -C "$WORLD/tmp" canhazgpu --store sqlite:here.db status --json >"$WORLD/stdout"
	assert_json '.[0].details | startswith("free for")' true
	assert_equal "$(databases)" tmp/here.db
}

@test "the default store is this account's own, and private" {
	[ ! -d /var/lib/canhazgpu ] || skip 'canhazgpu is installed on this machine'
	world_unset CANHAZGPU_STORE
	umask 0
	pool 1
	assert_equal "$(databases)" state/canhazgpu/canhazgpu.db
	assert_equal "$(stat -c %a "$WORLD/state/canhazgpu")" 700
	assert_equal "$(find "$WORLD/state/canhazgpu" -type f -perm /077)" ''
	world_unset XDG_STATE_HOME
	pool 2
	assert_equal "$(databases)" $'home/.local/state/canhazgpu/canhazgpu.db\nstate/canhazgpu/canhazgpu.db'
	assert_equal "$(stat -c %a "$WORLD/home/.local/state/canhazgpu")" 700
	world_set XDG_STATE_HOME=relative/path
	chg_ok status --json
	assert_json length 2
	world_unset HOME
	world_unset XDG_STATE_HOME
	chg status
	assert_error 2 --store
}

@test "what is made in a directory of a group belongs to that group" {
	need_root
	mkdir "$WORLD/shared"
	chown 0:4242 "$WORLD/shared"
	chmod 2770 "$WORLD/shared"
	umask 077
	chg_ok --store "sqlite:$WORLD/shared/pool.db" admin --gpus 1 --provider fake
	chg_ok --store "sqlite:$WORLD/shared/pool.db" reserve
	assert_equal "$(find "$WORLD/shared" -type f ! -perm 660)" ''
	assert_equal "$(find "$WORLD/shared" -type f ! -gid 4242)" ''
}

@test "URLs that name no store are usage errors" {
	for url in nonsense mysql:/x postgres://x sqlite sqlite: SQLITE:/x/pool.db '' /var/lib/pool.db sqlite:/tmp/; do
		chg --store "$url" status
		assert_error 2 ''
		[[ $stderr == *store* ]]
	done
	world_set CANHAZGPU_STORE=nonsense
	chg status
	assert_error 2 nonsense
}

@test "no pool yet: every command names the way, and makes nothing" {
	for command in status 'status --json' reserve release 'run -- true' events 'events --explain 17'; do
		# shellcheck disable=SC2086
		chg $command
		assert_error 1 ''
		assert_stderr "Error: GPU pool not initialized. Run 'canhazgpu admin' first (for example: canhazgpu admin --gpus 8)"
	done
	assert_equal "$(databases)" ''
	chg --store "sqlite:$WORLD/a/b/c/pool.db" reserve
	assert_error 1 'not initialized'
	[ ! -e "$WORLD/a" ]
	chg_ok --store "sqlite:$WORLD/a/b/c/pool.db" admin --gpus 1 --provider fake
	assert_equal "$(databases)" a/b/c/pool.db
}

# Every command says the same of the store, in one line.
every_command_fails() {
	local command
	for command in status 'status --json' reserve release 'admin --gpus 2 --provider fake' \
		'admin --gpus 2 --provider fake --force' 'run -- true'; do
		# shellcheck disable=SC2086
		chg $command
		assert_error 1 "$1"
	done
}

@test "a file that is no database: said so, and left alone" {
	for content in 'this is no database, and long enough to be read as one: it goes on and on and on' 'short'; do
		printf '%s\n' "$content" >"$WORLD/pool.db"
		every_command_fails "$WORLD/pool.db is not a database"
		assert_equal "$(cat "$WORLD/pool.db")" "$content"
	done
}

@test "a database of another program: said so, and left alone" {
	db 'CREATE TABLE songs(name); INSERT INTO songs VALUES (1)'
	before=$(db .dump)
	every_command_fails 'is a database of another program'
	assert_equal "$(db .dump)" "$before"
}

@test "a database of a newer version: said so, and left alone" {
	pool 2
	db 'PRAGMA user_version = 99'
	before=$(db .dump)
	every_command_fails 'was created by a newer canhazgpu (format 99'
	assert_equal "$(db .dump)" "$before"
}

@test "a damaged database is named as such" {
	pool 4
	dd if=/dev/urandom of="$WORLD/pool.db" bs=1 seek=4096 count=8192 conv=notrunc status=none
	chg status
	assert_error 1 "$WORLD/pool.db"
	chg reserve
	assert_error 1 "$WORLD/pool.db"
}

@test "paths that cannot be: a directory, something behind a file, a place that may not be written" {
	mkdir "$WORLD/folder"
	chg --store "sqlite:$WORLD/folder" status
	assert_error 1 'is not a regular file'
	touch "$WORLD/file"
	chg --store "sqlite:$WORLD/file/pool.db" status
	assert_error 1 'Not a directory'
	chg --store "sqlite:$WORLD/file/pool.db" admin --gpus 1 --provider fake
	assert_error 1 'Not a directory'
	chg --store sqlite:/proc/pool.db admin --gpus 1 --provider fake
	assert_error 1 /proc/pool.db
}

@test "a pool that one may not read or write: who may, and the way to one's own" {
	need_root
	pool 1
	chmod 0755 "$WORLD" "$WORLD/tmp"
	cp "$CANHAZGPU_BIN" "$WORLD/tmp/canhazgpu"
	other=(setpriv --reuid 1 --regid 1 --clear-groups "$WORLD/tmp/canhazgpu")
	for command in status reserve release; do
		status=0
		in_world "${other[@]}" "$command" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
		stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
		assert_error 1 'permission denied: it belongs to the group '
		assert_stderr_has --store
	done
	# Only to be read: status could recover nothing, but there is nothing to recover.
	chmod 0644 "$WORLD"/pool.db*
	status=0
	in_world "${other[@]}" reserve >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	assert_error 1 'permission denied'
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
}

# Mounts a tiny file system and goes on there, in a mount namespace of its own: `on_tiny_disk KB SCRIPT`.
on_tiny_disk() {
	mkdir -p "$WORLD/disk"
	in_world unshare --mount --propagation private sh -euc "
		mount -t tmpfs -o size=${1}k tmpfs '$WORLD/disk'
		export CANHAZGPU_STORE=sqlite:$WORLD/disk/pool.db
		$2"
}

@test "a full disk: reserve fails clearly, nothing is lost, status and what comes after work" {
	need_root
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	# shellcheck disable=SC2016
	on_tiny_disk 256 '
		canhazgpu admin --gpus 64 --provider fake
		canhazgpu reserve --gpus 2 --user alice
		cat /dev/zero >"$HOME/../disk/filler" 2>/dev/null || true
		tried=0
		while canhazgpu reserve --note "$(printf "n%.0s" $(seq 1000))" >/dev/null 2>"$HOME/err"; do
			tried=$((tried + 1))
			[ "$tried" -lt 60 ]
		done
		echo "$tried" >"$HOME/granted"
		canhazgpu status --json >"$HOME/full.json"
		canhazgpu status >"$HOME/full.txt"
		rm "$HOME/../disk/filler"
		canhazgpu reserve --short >"$HOME/after"
		canhazgpu status --json >"$HOME/after.json"
		sqlite3 "$HOME/../disk/pool.db" "PRAGMA integrity_check" >"$HOME/integrity"'
	home=$WORLD/home
	assert_equal "$(cat "$home/err")" "Error: cannot write $WORLD/disk/pool.db: the disk is full"
	granted=$(cat "$home/granted")
	assert_equal "$(jq 'map(select(.status == "IN_USE")) | length' "$home/full.json")" $((granted + 2))
	assert_equal "$(jq 'map(select(.user == "alice")) | length' "$home/full.json")" 2
	assert_equal "$(wc -l <"$home/full.txt")" 66
	[[ $(cat "$home/after") =~ ^[0-9]+$ ]]
	assert_equal "$(jq 'map(select(.status == "IN_USE")) | length' "$home/after.json")" $((granted + 3))
	assert_equal "$(cat "$home/integrity")" ok
}

@test "a read-only file system: status works, the others say so" {
	need_root
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	# shellcheck disable=SC2016
	on_tiny_disk 1024 '
		canhazgpu admin --gpus 2 --provider fake
		canhazgpu reserve --user alice
		mount -o remount,ro tmpfs "$HOME/../disk"
		canhazgpu status --json >"$HOME/status" 2>"$HOME/warnings"
		! canhazgpu reserve >"$HOME/out" 2>"$HOME/err"'
	assert_equal "$(jq -r 'map(.user) | join(" ")' "$WORLD/home/status")" 'alice '
	assert_equal "$(cat "$WORLD/home/warnings")" ''
	assert_equal "$(wc -l <"$WORLD/home/err")" 1
	[[ $(cat "$WORLD/home/err") == "Error: cannot open $WORLD/disk/pool.db"*': the file system is read-only' ]]
}

# Somebody who was stopped inside the gate, and is not about to leave it: $holder.
stop_inside_gate() {
	start_background holder flock "$WORLD/pool.db.lock" sleep 1000
	holder=$background_pid
	wait_until '[ -n "$(cat "/proc/$holder/task/$holder/children")" ]' # it has the lock, then
	kill -STOP "$holder"
}

@test "a stopped process that holds the gate is named, and afterwards all goes on" {
	pool 2
	stop_inside_gate
	wait_until '[ "$(awk "/^State/ { print \$2 }" /proc/$holder/status)" = T ]'
	world_set CANHAZGPU_TEST_WAIT_MS=300
	chg reserve
	assert_error 1 "$WORLD/pool.db.lock is locked by pid $holder (flock), which is stopped"
	assert_stderr_has "kill -CONT $holder"
	# shellcheck disable=SC2046
	kill -KILL $(cat "/proc/$holder/task/$holder/children") "$holder"
	world_unset CANHAZGPU_TEST_WAIT_MS
	chg_ok reserve
	assert_equal "${stdout%%$'\n'*}" 'Reserved 1 GPU(s): [0] for 8h 0m 0s'
}

@test "who only reads does not wait for somebody who is stopped inside the gate" {
	pool 2
	chg_ok reserve --gpu-ids 1
	stop_inside_gate
	# Far longer than this test may take: whoever waits for the gate at all does not come back.
	world_set CANHAZGPU_TEST_WAIT_MS=600000
	for given in status 'status --summary' 'status --json'; do
		# shellcheck disable=SC2086
		in_world timeout 50 canhazgpu $given >"$WORLD/stdout" 2>"$WORLD/stderr"
		assert_equal "$given: $(cat "$WORLD/stderr")" "$given: "
	done
	assert_json 'map(.status) | join(" ")' 'AVAILABLE IN_USE'
}

@test "who finds something to record, and cannot, shows it all the same and says why" {
	pool 1
	chg_ok reserve --duration 1ms
	expiry=$(db 'SELECT expiry_ns FROM reservations')
	wait_until '[ "${EPOCHREALTIME/./}000" -gt "$expiry" ]'
	stop_inside_gate
	world_set CANHAZGPU_TEST_WAIT_MS=300
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
	assert_stderr_has "ended reservations could not be recorded: gave up after 0 s: $WORLD/pool.db.lock is locked by pid $holder"
	chg_ok report
	assert_stderr_has 'ended reservations could not be recorded: '
}

@test "a canhazgpu that Ctrl-Z stops stands in nobody's way: not inside the gate" {
	pool 64
	# Each in its own process group, as an interactive shell does it: else they do not stop.
	for i in $(seq 1 16); do
		start_background "r$i" python3 -c \
			'import os; os.setpgid(0, 0); os.execvp("canhazgpu", ["canhazgpu", "reserve", "--short"])'
		wait_until '[ "$(cat "/proc/$background_pid/comm" 2>/dev/null || echo canhazgpu)" = canhazgpu ]'
		kill -TSTP "$background_pid" 2>/dev/null || true # it may have ended
	done
	for _ in 1 2 3; do
		chg_ok reserve --short
	done
	for i in $(seq 1 16); do
		kill -CONT "${background_pids[r$i]}" 2>/dev/null || true
		wait_background "r$i"
		assert_equal "$i: $status $(cat "$WORLD/r$i.err")" "$i: 0 "
	done
	assert_equal "$(sort -un "$WORLD"/r*.out | wc -l)" 16
	chg_ok status --json
	assert_json 'map(select(.status == "IN_USE")) | length' 19
}

@test "somebody with a lock of SQLite's own is waited for, with a limit, and named" {
	pool 1
	mkfifo "$WORLD/sql"
	start_background shell sh -c 'exec sqlite3 -batch "$0" <"$1"' "$WORLD/pool.db" "$WORLD/sql"
	exec 8>"$WORLD/sql"
	echo 'BEGIN EXCLUSIVE; SELECT 1;' >&8
	wait_until '[ -s "$WORLD/shell.out" ]'
	world_set CANHAZGPU_TEST_WAIT_MS=300
	chg reserve
	assert_error 1 "$WORLD/pool.db is locked by pid $background_pid (sqlite3)"
	echo 'ROLLBACK; SELECT 2;' >&8
	wait_until '[ "$(wc -l <"$WORLD/shell.out")" = 2 ]'
	chg_ok reserve
	exec 8>&-
}

@test "migrate tells of requests that go on waiting on the old store" {
	pool 1
	chg_ok migrate --from "sqlite:$WORLD/pool.db" --to "sqlite:$WORLD/first.db"
	assert_stderr ''
	chg_ok reserve
	start_background waiter canhazgpu reserve --wait
	wait_until 'grep -q "^Waiting: " "$WORLD/waiter.err"' 30
	chg_ok migrate --from "sqlite:$WORLD/pool.db" --to "sqlite:$WORLD/new.db"
	assert_stderr_has 'Warning: 1 requests are still waiting on the old store.'
	# As it says.
	world_set CANHAZGPU_STORE="sqlite:$WORLD/new.db"
	chg_ok release
	chg reserve
	assert_error 1 'others are waiting for 1 more'
	chg_ok queue --json
	chg_ok cancel "$(json_get '.entries[0].id')"
	chg_ok reserve --short
	assert_stdout 0
}

@test "a file size limit is an error that names it, and the command gets the signal as it was" {
	need_sqlite
	pool 2
	chg_ok reserve
	for limit in 0 5000 20000 24000; do
		chg_limited "$limit" reserve
		assert_error 1 'ulimit -f'
		chg_limited "$limit" run -- true
		assert_error 1 'ulimit -f'
	done
	chg_ok status --json
	assert_json '[.[].status] | join(" ")' 'IN_USE AVAILABLE'
	# shellcheck disable=SC2016
	chg_ok run -- sh -c 'ulimit -c 0; ulimit -f 1; head -c 10000 /dev/zero >"$HOME/big"; kill -l $?'
	assert_stdout XFSZ
}

# Like chg, where files must not become larger than that. Standard error is a pipe: as a file it would be cut, too.
chg_limited() {
	status=0 stdout=
	stderr=$(in_world prlimit --core=0 --fsize="$1" canhazgpu "${@:2}" 2>&1 >/dev/null) || status=$?
}
