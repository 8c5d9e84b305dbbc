#!/usr/bin/env bats
# tests/run must count what really happened: a program that crashes, hangs or says too little has failed.

setup() {
	# shellcheck source=tests/run
	source "$BATS_TEST_DIRNAME/../run"
	out=$BATS_TEST_TMPDIR/check
	mkdir -p "$out/sanitizer"
	: >"$out/stages.tap"
	JOBS=2 TESTS=
	started=0
}

# counts PROTOCOL SCRIPT SUMMARY: a program that is this script gives this last line.
counts() {
	program one 60 "$1" bash -c "$2"
	wait
	run tally
	[ "$output" = "$3" ]
}

@test "results are counted by kind, and success is success" {
	counts tap 'printf "1..3\nok 1 - a\nok 2 - b\nok 3 # SKIP c\n"' '2 passed, 0 failed, 1 skipped'
	[ "$status" -eq 0 ]
}

@test "a skipped test in the words of cmocka is skipped, not failed" {
	counts tap 'printf "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"' '1 passed, 0 failed, 1 skipped'
	[ "$status" -eq 0 ]
}

@test "one failed test fails the whole" {
	counts tap 'printf "1..2\nok 1 - a\nnot ok 2 - b\n"; exit 1' '1 passed, 1 failed'
	[ "$status" -ne 0 ]
}

@test "a crash behind the last result is a failure" {
	counts tap 'printf "1..1\nok 1 - a\n"; kill -SEGV $$' '1 passed, 1 failed'
}

@test "fewer results than planned are a failure" {
	counts tap 'printf "1..2\nok 1 - a\n"' '1 passed, 1 failed'
}

@test "no plan at all is a failure" {
	counts tap 'true' '0 passed, 1 failed'
}

@test "a program that hangs is stopped and is a failure" {
	local seconds
	# A busy machine may need more time until it has said something.
	for seconds in 0.2 2 20; do
		program one $seconds tap bash -c 'printf "1..1\nok 1 - a\n"; sleep 1000'
		wait
		! grep -q '^ok' "$out/one.tap" || break
	done
	run tally
	[ "$output" = '1 passed, 1 failed' ]
}

@test "an exit status alone counts as one test, 77 as skipped" {
	counts exitcode 'true' '1 passed, 0 failed'
	counts exitcode 'exit 3' '0 passed, 1 failed'
	counts exitcode 'exit 77' '0 passed, 0 failed, 1 skipped'
	[ "$status" -ne 0 ]
}

@test "no result at all is a failure" {
	run tally
	[ "$output" = '0 passed, 0 failed' ]
	[ "$status" -ne 0 ]
}

@test "a failed stage is a failed test, with its output" {
	stage format sh -c 'echo this is why; exit 1'
	run tally
	[ "$output" = '0 passed, 1 failed' ]
	run show_failures
	[[ $output == *'not ok - format'*'# this is why'* ]]
}

@test "a report of a sanitizer is a failure, whoever it was that wrote it" {
	echo 'heap-use-after-free' >"$out/sanitizer/report.1"
	collect_sanitizer_reports
	run tally
	[ "$output" = '0 passed, 1 failed' ]
}

@test "what a sanitizer says of a process that was killed meanwhile is no failure" {
	: >"$out/sanitizer/report.1"
	echo '==canhazgpu==12==Unable to get registers from thread 11.' >"$out/sanitizer/report.2"
	echo 'ok - one' >"$out/one.tap"
	collect_sanitizer_reports
	run tally
	[ "$output" = '1 passed, 0 failed' ]
	echo '==11==ERROR: LeakSanitizer: detected memory leaks' >>"$out/sanitizer/report.2"
	collect_sanitizer_reports
	run tally
	[ "$output" = '1 passed, 1 failed' ]
}

@test "a stage that has nothing to run is a failure" {
	STAGES=unit
	failed_stages=' build-gcc '
	group unit build-gcc start_unit unit build-gcc 1
	run tally
	[ "$output" = '0 passed, 1 failed' ]
}

# A copy of the runner in a tree where nothing is built, so that it cannot touch the results of this run.
bare_tree() {
	mkdir -p "$BATS_TEST_TMPDIR/tree/tests"
	cp tests/run "$BATS_TEST_TMPDIR/tree/tests/run"
	runner=$BATS_TEST_TMPDIR/tree/tests/run
}

@test "a stage that does not exist is refused with the list of those that do" {
	bare_tree
	STAGES='unit untit' run "$runner"
	[ "$status" -eq 2 ]
	[[ $output == *"unknown stage 'untit' (there are: format "*' unit unit-sanitized '* ]]
	[ ! -e "$BATS_TEST_TMPDIR/tree/build" ]
	for STAGES in $all_stages; do
		check_stages
	done
}

@test "a stage whose build is missing says which stage builds it" {
	bare_tree
	STAGES='unit e2e-sanitized' run "$runner"
	[ "$status" -eq 1 ]
	[[ $output == *'not ok - unit: no build-gcc: add the stage build-gcc'* ]]
	[[ $output == *'not ok - e2e-sanitized: no build-clang: add the stage build-clang'* ]]
	[ "${lines[-1]}" = '0 passed, 2 failed' ]
}

@test "a name that no program has is a failure, not less to do" {
	bare_tree
	STAGES=house TESTS=smok run "$runner"
	[ "$status" -eq 1 ]
	[[ $output == *"no program of these stages has 'smok' in its name"* ]]
}

@test "what a failed program said on standard error is shown with the failure" {
	program one 60 tap bash -c 'printf "1..1\nnot ok 1 - a\n"; echo "ERROR: why it failed" >&2; exit 1'
	program two 60 tap bash -c 'printf "1..1\nok 1 - b\n"; echo "ERROR: nobody cares" >&2'
	wait
	run show_failures
	[[ $output == *'one.tap: not ok 1 - a'*'one.err:'*'# ERROR: why it failed'* ]]
	[[ $output != *'nobody cares'* ]]
}

@test "fuzz targets run 20 seconds each in CI, a moment elsewhere, and as long as one says" {
	seconds() {
		env -u CI -u FUZZ_SECONDS "$@" bash -c 'source tests/run && echo "$FUZZ_SECONDS"'
	}
	[ "$(seconds)" -lt 10 ]
	[ "$(seconds CI=true)" = 20 ]
	[ "$(seconds CI=true FUZZ_SECONDS=7)" = 7 ]
}
