# shellcheck shell=bash
# What every end-to-end test loads (`load helpers`): a private world per test, and words to act and
# look in it. tests/run starts the .bats files; by hand: CANHAZGPU_BIN=$PWD/build/canhazgpu bats tests/e2e
#
# A world is a temporary directory with its own home, store and fake GPUs. Whatever is started in it
# gets an environment of its own (nothing of the caller's but the sanitizers' options) that carries
# the marker CANHAZGPU_TEST_WORLD, so that teardown finds and kills every process that is left.
#
# After `chg ...`: $status, $stdout, $stderr (also byte for byte in $WORLD/stdout and $WORLD/stderr).

setup() {
	world_open
}

teardown() {
	world_close
}

# ---- the world ----

world_open() {
	local name
	trace_test_file_only
	[ -x "${CANHAZGPU_BIN:-}" ] || {
		echo "CANHAZGPU_BIN must name the program under test" >&2
		return 1
	}
	WORLD=$(mktemp -d "${TMPDIR:-/tmp}/chg.XXXXXX")
	mkdir "$WORLD/home" "$WORLD/state" "$WORLD/tmp" "$WORLD/bin"
	ln -s "$CANHAZGPU_BIN" "$WORLD/bin/canhazgpu"
	start_redis
	FAKE_STATE=$WORLD/fake.json
	echo '{}' >"$FAKE_STATE"
	world_environment=(
		PATH="$WORLD/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
		HOME="$WORLD/home" XDG_STATE_HOME="$WORLD/state" TMPDIR="$WORLD/tmp"
		LANG=C.UTF-8 TERM=xterm
		CANHAZGPU_STORE="$(store_url)" CANHAZGPU_FAKE_STATE="$FAKE_STATE"
		CANHAZGPU_TEST_WORLD="$WORLD"
		CANHAZGPU_TEST_ROOT="$WORLD/root" # what the kernel tells of cards: nothing of this machine's
		CANHAZGPU_TEST_WAIT_MS=30000 # for the gate: on a busy machine somebody may stand inside for seconds
	)
	for name in ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS; do
		[ -z "${!name:-}" ] || world_environment+=("$name=${!name}")
	done
	declare -gA background_pids=()
}

# The store of this world. The whole suite runs once per value of E2E_STORE; another store is one
# more case here (and what it needs to be started and stopped, in world_open and world_close).
store_url() {
	case ${E2E_STORE:-sqlite} in
	sqlite) echo "sqlite:$WORLD/pool.db" ;;
	redis) echo "unix://$WORLD/redis/socket?db=0&timeout=30s" ;;
	*) echo "unknown E2E_STORE '$E2E_STORE'" >&2 && return 1 ;;
	esac
}

# The redis-server of this world, where the store is Redis, or where a test asks for one with more
# options: `start_redis --port 0`. It does not carry the world's marker: it is no process under test.
start_redis() {
	[ "${E2E_STORE:-sqlite}" = redis ] || [ $# -gt 0 ] || return 0
	mkdir -p "$WORLD/redis"
	(exec redis-server --port 0 --unixsocket "$WORLD/redis/socket" --unixsocketperm 777 \
		--dir "$WORLD/redis" --save '' "$@" >>"$WORLD/redis/log" 2>&1 3>&- 4>&- 6>&-) &
	redis_pid=$!
	wait_until '[ -S "$WORLD/redis/socket" ] && [[ $(redis ping 2>/dev/null) == *@(PONG|NOAUTH)* ]]' 30
}

stop_redis() {
	[ -n "${redis_pid:-}" ] || return 0
	kill -KILL "$redis_pid" 2>/dev/null || true
	wait "$redis_pid" 2>/dev/null || true
	redis_pid=
}

# What redis-cli says to some words.
redis() {
	redis-cli -s "$WORLD/redis/socket" "$@"
}

# The usage records in Redis, oldest end first, one JSON text per line.
redis_history() {
	redis --raw zrange canhazgpu:usage_history_sorted 0 -1
}

# Kills everything that was started in the world, also what it started meanwhile, and removes it.
world_close() {
	local pids name
	[ -n "${WORLD:-}" ] || return 0
	# What start_background has just started may not carry the marker yet. (Who has ended is in no list of
	# jobs: its pid may be another's by now.)
	[ ${#background_pids[@]} -eq 0 ] || pids=$'\n'$(jobs -rp)$'\n'
	for name in "${!background_pids[@]}"; do
		[[ $pids != *$'\n'"${background_pids[$name]}"$'\n'* ]] || kill -KILL "${background_pids[$name]}" 2>/dev/null || true
	done
	while pids=$(world_processes) && [ -n "$pids" ]; do
		kill -KILL $pids 2>/dev/null || true
		pause 0.01
	done
	stop_redis
	rm -rf "$WORLD"
}

# Sets NAME=VALUE for what is started from now on; `world_unset NAME` takes it away.
world_set() {
	world_unset "${1%%=*}"
	world_environment+=("$1")
}

world_unset() {
	local name=$1 entry kept=()
	for entry in "${world_environment[@]}"; do
		[[ $entry == "$name="* ]] || kept+=("$entry")
	done
	world_environment=("${kept[@]}")
}

# The pids of all processes that carry this world's marker. (A zombie has no environment any more.)
world_processes() {
	local paths path
	mapfile -t paths < <(grep -lzxF "CANHAZGPU_TEST_WORLD=$WORLD" /proc/[0-9]*/environ 2>/dev/null)
	for path in "${paths[@]}"; do
		path=${path#/proc/}
		echo "${path%/environ}"
	done
}

# Fails, and lists them, if processes of the world are left after some seconds (30).
assert_no_processes() {
	local pids
	wait_until '[ -z "$(world_processes)" ]' "${1:-30}" 2>/dev/null && return 0
	pids=$(world_processes)
	{ echo "processes are left:" && ps -o pid,ppid,stat,args -p "${pids//[[:space:]]/,}"; } >&2
	return 1
}

# bats notes every command before it runs, to say which one failed, and that takes longer than most of them: from
# here on only for those of the test file itself, where the line is that counts.
trace_test_file_only() {
	set +T
	trace_others_than_helpers
}

trace_others_than_helpers() {
	local name names=()
	for name in $(compgen -A function); do
		[[ $helper_functions == *$'\n'"$name"$'\n'* ]] || names+=("$name")
	done
	declare -ft "${names[@]}"
}

# To be called at the end of a file of helpers: what there is so far is not the test file's.
helpers_end() {
	helper_functions=$'\n'$(compgen -A function)$'\n'
}

# ---- doing ----

# Runs a command in the world, in the foreground.
in_world() {
	env -i "${world_environment[@]}" "$@" 3>&- 4>&- 6>&-
}

# Runs canhazgpu in the world. Never fails itself: look at $status, or use chg_ok.
chg() {
	status=0
	in_world canhazgpu "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	read_file "$WORLD/stdout"
	stdout=$file_text
	read_file "$WORLD/stderr"
	stderr=$file_text
}

# Puts what is in a file into $file_text, without bytes that are zero and the newlines at its end; fails if it cannot
# be read. (Here and below: what is asked again and again starts no process.)
read_file() {
	local parts
	file_text=
	mapfile -d '' -t parts 2>/dev/null <"$1" || return 1
	printf -v file_text %s "${parts[@]}"
	while [[ $file_text == *$'\n' ]]; do
		file_text=${file_text%$'\n'}
	done
}

# Whether a file holds a text; whether a line of it begins with one.
has_text() {
	local file_text
	read_file "$1" && [[ $file_text == *"$2"* ]]
}

has_line() {
	local file_text
	read_file "$1" && [[ $'\n'$file_text == *$'\n'"$2"* ]]
}

# Like chg, and fails unless the exit status is 0.
chg_ok() {
	chg "$@"
	[ "$status" -eq 0 ] || fail_with "canhazgpu $* ended with status $status"
}

# A pool of N fake GPUs.
pool() {
	chg_ok admin --gpus "$1" --provider fake
}

# Takes the pool away, as if it had never been.
forget_pool() {
	case ${E2E_STORE:-sqlite} in
	sqlite) rm "$WORLD/pool.db" ;;
	redis) redis flushall >/dev/null ;;
	*) echo "unknown E2E_STORE '$E2E_STORE'" >&2 && return 1 ;;
	esac
}

# What the fake GPUs show from now on: '{"gpus":[{"index":0,"memory_used_mb":8452,...}]}'.
fake_state() {
	printf '%s\n' "$1" >"$FAKE_STATE.new"
	mv "$FAKE_STATE.new" "$FAKE_STATE"
}

# start_background NAME COMMAND...: starts a command in the world and goes on. Its output goes to
# $WORLD/NAME.out and $WORLD/NAME.err, its pid is ${background_pids[NAME]} and $background_pid.
# (Signals that an asynchronous list of a script ignores are reset, as a terminal would have them.)
start_background() {
	local name=$1
	shift
	(exec env -i --default-signal=INT,QUIT "${world_environment[@]}" "$@" \
		>"$WORLD/$name.out" 2>"$WORLD/$name.err" 3>&- 4>&- 6>&-) &
	background_pid=$!
	background_pids[$name]=$background_pid
}

# Waits for the end of what start_background started; its exit status is in $status.
wait_background() {
	status=0
	wait "${background_pids[$1]}" || status=$?
}

# wait_until 'CONDITION' [SECONDS]: looks until it is true, after 20 ms and then less and less often; fails after
# some seconds (30: nobody waits for them where all is well, and a busy machine may take a good part of them).
wait_until() {
	local condition=$1 seconds=${2:-30} end interval_ms=20 interval
	end=$((${EPOCHREALTIME/./} + seconds * 1000000))
	until eval "$condition"; do
		if [ "${EPOCHREALTIME/./}" -ge "$end" ]; then
			echo "not true within $seconds s: $condition" >&2
			return 1
		fi
		printf -v interval '0.%03d' "$interval_ms"
		pause "$interval"
		interval_ms=$((interval_ms * 5 / 4))
		[ "$interval_ms" -le 250 ] || interval_ms=250
	done
}

# Sleeps without a process for it: nobody ever writes into this pipe.
pause() {
	{ : <&6; } 2>/dev/null || exec 6<> <(:)
	read -r -t "$1" -u 6 || true
}

# Makes the nvidia provider answer from $WORLD/nvml.json (tests/stubs/nvml_stub.c tells its form).
use_nvml() {
	local folder
	folder=$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nvml
	[ -e "$folder/libnvidia-ml.so.1" ] || skip "no stub library in $folder"
	world_set LD_LIBRARY_PATH="$folder"
	world_set CANHAZGPU_STUB_NVML="$WORLD/nvml.json"
}

# What the stub library shows from now on: also where a scan has taken so long that it is still used.
nvml_state() {
	rm -f "$WORLD"/canhazgpu-scan-*[0-9a-f]
	printf '%s\n' "$1" >"$WORLD/nvml.json.new"
	mv "$WORLD/nvml.json.new" "$WORLD/nvml.json"
}

# A clock that the test can set, for all that is started from now on (tests/stubs/clock_stub.c).
use_clock() {
	local library
	library=$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/clock/libclock_stub.so
	[ -e "$library" ] || skip "no stub library $library"
	world_set LD_PRELOAD="$library"
	world_set CANHAZGPU_STUB_CLOCK="$WORLD/clock"
	set_clock 0 0
}

# set_clock SET [PASSED [SUSPENDED]]: the wall clock was set by so many seconds, also to programs that run, so many have
# passed besides, as all clocks show, and for so many more the host was suspended.
set_clock() {
	echo "$1" "${2:-0}" "${3:-0}" >"$WORLD/clock.new"
	mv "$WORLD/clock.new" "$WORLD/clock"
}

# Only nvidia-smi is of use; $WORLD/smi holds its answers, and $WORLD/smi/asked counts its calls.
use_smi() {
	use_nvml
	world_set LD_LIBRARY_PATH="$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/tests/stubs/nvml-broken"
	mkdir "$WORLD/smi"
	printf '#!/bin/sh\necho "$1" >>"%s/smi/asked"\nexec "%s" "$@"\n' "$WORLD" \
		"$BATS_TEST_DIRNAME/../stubs/nvidia-smi" >"$WORLD/bin/nvidia-smi"
	chmod +x "$WORLD/bin/nvidia-smi"
	world_set CANHAZGPU_STUB_SMI="$WORLD/smi"
}

# smi_gpus 'ROW'...: what nvidia-smi tells of the GPUs from now on.
smi_gpus() {
	printf '%s\n' "$@" >"$WORLD/smi/gpus.csv"
}

# An environment in which no NVIDIA driver is found, whatever this machine has.
hide_hardware() {
	use_nvml
	nvml_state '{"codes": {"nvmlInit": 9}}'
	[ ! -e /sys/class/kfd ] || skip 'this machine has AMD GPUs'
}

# ---- behind the program's back ----

need_root() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
}

need_sqlite() {
	[ "${E2E_STORE:-sqlite}" = sqlite ] || skip 'is about the SQLite store'
}

# SQL in the world's database.
db() {
	sqlite3 -batch -cmd '.timeout 10000' "$WORLD/pool.db" "$@"
}

# What has ended, oldest first, one GPU per line: "0 manual released alice".
usage_history() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis_history | jq -r '"\(.gpu_id) \(.reservation_type) \(.reason) \(.user)"'
		return
	fi
	db "SELECT gpu || ' ' || type || ' ' || reason || ' ' || user FROM usage_history
		ORDER BY end_ns, gpu"
}

# ---- looking ----

# What a jq filter makes of the standard output of the last chg.
json_get() {
	jq -r "$1" "$WORLD/stdout"
}

# The ids of reserved GPUs, like "0 2".
held() {
	chg_ok status --json
	gpus_in_use "$stdout"
}

# The ids of the GPUs that are reserved in a document of `status --json`, without a process for it.
gpus_in_use() {
	local rest=$1 ids=
	while [[ $rest =~ \"gpu_id\":\ ([0-9]+),$'\n'\ +\"status\":\ \"([A-Z_]+)\" ]]; do
		[ "${BASH_REMATCH[2]}" != IN_USE ] || ids+=" ${BASH_REMATCH[1]}"
		rest=${rest#*"${BASH_REMATCH[0]}"}
	done
	echo "${ids# }"
}

# Prints what failed, with all that is known of the last chg.
fail_with() {
	{
		echo "$1"
		echo "status: ${status-}"
		echo "stdout: ${stdout-}"
		echo "stderr: ${stderr-}"
	} >&2
	return 1
}

assert_equal() {
	[ "$1" = "$2" ] || fail_with "got '$1', expected '$2'"
}

assert_status() {
	[ "$status" -eq "$1" ] || fail_with "expected status $1"
}

assert_stdout() {
	[ "$stdout" = "$1" ] || fail_with "expected on stdout: $1"
}

assert_stderr() {
	[ "$stderr" = "$1" ] || fail_with "expected on stderr: $1"
}

assert_stdout_has() {
	[[ $stdout == *"$1"* ]] || fail_with "stdout does not hold: $1"
}

assert_stderr_has() {
	[[ $stderr == *"$1"* ]] || fail_with "stderr does not hold: $1"
}

# assert_json FILTER EXPECTED: compares what a jq filter makes of the last standard output.
assert_json() {
	assert_equal "$(json_get "$1")" "$2"
}

# An error as promised: that exit status, nothing on stdout, one line "Error: ..." on stderr.
assert_error() {
	assert_status "$1"
	assert_stdout ''
	[[ $stderr == 'Error: '* && $stderr != *$'\n'* ]] || fail_with "expected one line 'Error: ...'"
	assert_stderr_has "$2"
}

helpers_end
