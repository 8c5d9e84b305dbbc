# shellcheck shell=bash
# More words for the tests of `run` (`load run_helpers`), on top of helpers.bash.
#
# A run in the background becomes its command, so the pid that start_background gives is the
# command's. Its supervisor is found by what it watches: it has a pidfd of the command.

load helpers

# ---- doing ----

# start_run NAME [OPTIONS...] -- COMMAND...: starts `canhazgpu run`; ${background_pids[NAME]} is the
# command, once it runs.
start_run() {
	local name=$1
	shift
	start_background "$name" canhazgpu run "$@"
}

# in_shell SHELL SCRIPT: a script by that shell, like chg: $status, $stdout, $stderr.
in_shell() {
	command -v "$1" >/dev/null || skip "no $1"
	status=0
	in_world "$1" -c "$2" >"$WORLD/stdout" 2>"$WORLD/stderr" </dev/null || status=$?
	stdout=$(cat "$WORLD/stdout")
	stderr=$(cat "$WORLD/stderr")
}

# hold NAME [OPTIONS...]: a run in the background that lasts until it is killed, with a supervisor
# that watches it: $command and $supervisor.
hold() {
	start_run "$@" -- sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep'
	supervisor=$(supervisor_of "$command")
}

# past_run SECONDS: a finished run of this account in the history, so long.
past_run() {
	local seconds=$1 now id
	now=$(date +%s)
	id=$(</proc/sys/kernel/random/uuid)
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis zadd canhazgpu:usage_history_sorted "$now" "$(jq -nc --arg me "$(id -un)" --arg id "$id" \
			--argjson from $((now - seconds)) --argjson to "$now" \
			'{user: $me, actual_user: $me, gpu_id: 0, start_time: $from, "end_time": $to,
				duration_seconds: ($to - $from), reservation_type: "run", reservation_id: $id}')" >/dev/null
	else
		db "INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor) VALUES ($now * 1000000000, abs(random()), '$id', '$(id -un)', '$(id -un)',
			$(id -u), 'run', 0, ($now - $seconds) * 1000000000, 'released', NULL)"
	fi
}

# A pool of N fake GPUs that people with other accounts can use, too: as_user UID COMMAND...
# runs something in the world as that account (they share the group 4300). Needs root.
shared_pool() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	rm "$WORLD/bin/canhazgpu"
	cp "$CANHAZGPU_BIN" "$WORLD/bin/canhazgpu"
	chmod 0755 "$WORLD" "$WORLD/bin"
	chmod 1777 "$WORLD/tmp" "$WORLD/home" "$WORLD/state"
	install -d -m 2770 -g 4300 "$WORLD/store"
	[ "${E2E_STORE:-sqlite}" != sqlite ] || world_set "CANHAZGPU_STORE=sqlite:$WORLD/store/pool.db"
	as_user 4301 canhazgpu admin --gpus "$1" --provider fake
}

as_user() {
	in_world setpriv --reuid "$1" --regid 4300 --clear-groups "${@:2}"
}

# The same in the background: start_as_user UID NAME COMMAND...
start_as_user() {
	start_background "$2" setpriv --reuid "$1" --regid 4300 --clear-groups "${@:3}"
}

# hold_as UID NAME [OPTIONS]: like hold, as that account.
hold_as() {
	start_as_user "$1" "$2" canhazgpu run "${@:3}" -- sleep 1000
	command=$background_pid
	wait_until 'is_called "$command" sleep'
	supervisor=$(supervisor_of "$command")
}

# Kills processes and waits until they are gone.
kill_now() {
	local pid
	kill -KILL "$@"
	for pid in "$@"; do
		wait_until "is_gone $pid"
	done
}

# Stops a process, and waits until it is: before that it may still do what it is about to do.
stop_now() {
	wait_until "stop_outside_locks $1"
}

# One that holds the gate, or a lock of the database, when it is stopped would be in everybody's way.
stop_outside_locks() {
	kill -STOP "$1"
	wait_until "[ \"\$(process_field $1 3)\" = T ]"
	grep -qE "^[0-9]+: [A-Z]+ +[A-Z]+ +[A-Z]+ $1 " /proc/locks || return 0
	kill -CONT "$1"
	return 1
}

# What the database says to a statement (for what no command shows or does).
database() {
	sqlite3 -cmd '.timeout 10000' "$WORLD/pool.db" "$1"
}

needs_database() {
	[ "${E2E_STORE:-sqlite}" = sqlite ] || skip 'looks into the SQLite database'
}

# ---- looking ----

# Ended; a zombie that nobody has waited for yet, too.
is_gone() {
	local state
	state=$(process_field "$1" 3)
	[[ -z $state || $state == [ZX] ]]
}

# Has not ended.
assert_alive() {
	! is_gone "$1" || fail_with "process $1 has ended"
}

is_called() {
	local file_text
	read_file "/proc/$1/comm" && [ "$file_text" = "$2" ]
}

# A field of /proc/<pid>/stat, numbered as in proc(5), from the third on; nothing if it is gone.
process_field() {
	local file_text
	read_file "/proc/$1/stat" || return 0
	# shellcheck disable=SC2086
	set -- "$2" ${file_text##*) }
	shift "$(($1 - 2))"
	echo "$1"
}

# All supervisors of this world. (What they fork to work the store looks like them, and has their handles.)
supervisors() {
	local pid
	for pid in $(world_processes); do
		! is_supervisor "$pid" || is_supervisor "$(process_field "$pid" 4)" || echo "$pid"
	done
}

is_supervisor() {
	local words
	mapfile -d '' -t words 2>/dev/null <"/proc/$1/cmdline" && [ "${words[*]}" = 'canhazgpu __supervise' ]
}

# The supervisor that watches a process (the command, or who uses its GPUs after its end).
supervisor_of() {
	local pid
	for pid in $(supervisors); do
		if grep -qsx "Pid:[[:space:]]*$1" "/proc/$pid/fdinfo/"*; then
			echo "$pid"
			return 0
		fi
	done
	return 1
}

# The ids of the GPUs that are reserved: "0 1".
reserved() {
	gpus_in_use "$(in_world canhazgpu status --json)"
}

# The reservation of a GPU; nothing if it has none.
reservation_of() {
	in_world canhazgpu status --json | jq -r ".[$1].reservation_id // empty"
}

assert_reserved() {
	assert_equal "$(reserved)" "$1"
}

# The ends that were recorded, in their order: "released holder-died".
ends() {
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		database 'SELECT reason FROM usage_history ORDER BY end_ns, key'
	else
		redis_history | jq -r .reason
	fi | paste -sd ' '
}

# Waits until a file holds a text.
wait_for_text() {
	local path=$1 expected=$2
	wait_until 'has_text "$path" "$expected"' "${3:-30}"
}

# Waits until a file holds a line, and prints it: a pid that a command has written, say.
wait_for_line() {
	wait_until "[ -s '$1' ]"
	head -n 1 "$1"
}

# A supervisor works the store from children. Waits until it has waited for N more of them: only
# then does the time of its children (minor faults: cminflt) grow.
wait_for_renewals() {
	local supervisor=$1 before left=$2
	for (( ; left > 0; left--)); do
		before=$(process_field "$supervisor" 11)
		wait_until "[ \"\$(process_field $supervisor 11)\" != '$before' ]"
	done
}

# Waits until a supervisor has looked at all processes once more: it reads much of /proc then, and
# sleeps. What it has read when it sleeps belongs to no look that is under way, so one more is enough; it
# looks 0.25, 1.25, 5.25, 21.25 and 81.25 seconds after its start.
wait_for_look() {
	local supervisor=$1 before settled
	wait_until "has_settled $supervisor"
	before=$settled
	wait_until "[ \"\$(characters_read $supervisor)\" != '$before' ]" 70
	wait_until "has_settled $supervisor"
}

characters_read() {
	local file_text
	read_file "/proc/$1/io" || return 0
	file_text=${file_text#rchar: }
	echo "${file_text%%$'\n'*}"
}

# Sleeps, and has read nothing for a moment: it stands at $settled.
has_settled() {
	settled=$(characters_read "$1")
	pause 0.02
	[ "$(process_field "$1" 3)" = S ] && [ "$(characters_read "$1")" = "$settled" ]
}

helpers_end
