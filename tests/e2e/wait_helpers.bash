# shellcheck shell=bash
# More words for the tests of waiting in line (`load wait_helpers`), on top of run_helpers.bash.

load run_helpers

# wait_run NAME [OPTIONS...]: a run that waits for its GPUs, under that display name; its command lasts
# until it is killed. Returns when it stands in line, or runs.
wait_run() {
	local name=$1
	shift
	start_background "$name" canhazgpu run --user "$name" --wait "$@" -- \
		sh -c 'echo "started $CUDA_VISIBLE_DEVICES"; exec sleep 1000'
	wait_until "waits $name || runs $name" 30
}

# Whether it has said that it waits.
waits() {
	has_line "$WORLD/$1.err" 'Waiting: '
}

# Whether its command has started.
runs() {
	has_line "$WORLD/$1.out" started
}

# Waits until its command has started, or fails with what it said.
wait_for_start() {
	wait_until "runs $1" 30 || {
		cat "$WORLD/$1.err" >&2
		return 1
	}
}

# Fails if one runs that has to wait.
assert_waits() {
	! runs "$1" || fail_with "$1 runs"
	assert_alive "${background_pids[$1]}"
}

# Whose requests stand in line, in its order: "a b".
line() {
	local id
	if [ "${E2E_STORE:-sqlite}" = sqlite ]; then
		db 'SELECT user FROM queue ORDER BY enqueued_ns, id'
	else
		for id in $(redis --raw zrange canhazgpu:queue 0 -1); do
			redis --raw get "canhazgpu:queue:entry:$id" | jq -r .user
		done
	fi | paste -sd ' '
}

# A word to all who wait that something has happened: a request that is refused, or a short use.
stir() {
	chg run --note stir -- true
}

# The end of a run's command, by kill, and of its supervisor before it.
kill_both() {
	kill_now "$(supervisor_of "${background_pids[$1]}")"
	kill_now "${background_pids[$1]}"
}

# Fails where a file holds control characters other than the ends of its lines.
assert_no_controls() {
	[ "$(LC_ALL=C tr -d '\n' <"$1" | LC_ALL=C tr -dc '\0-\37\177' | wc -c)" -eq 0 ] ||
		fail_with "control characters: $(cat -v "$1")"
}

helpers_end
