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
	stage build-gcc false
	group unit build-gcc start_unit unit build-gcc 1
	run tally
	[ "$output" = '0 passed, 2 failed' ]
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
	for STAGES in $plain_stages $deep_stages; do
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

@test "seconds are told of each program, of the slowest, and per stage" {
	program unit/quick 60 exitcode true
	program unit/slow 60 exitcode sleep 0.3
	program e2e-sqlite/busy 60 exitcode bash -c 'end=$((${EPOCHREALTIME/./} + 800000)); until [ ${EPOCHREALTIME/./} -ge $end ]; do :; done'
	wait
	run grep -c . "$out/seconds"
	[ "$output" = 3 ]
	run show_seconds
	# In which order depends on what else the machine does.
	for name in e2e-sqlite/busy unit/slow unit/quick; do
		[[ $output == *$'The slowest '*$'\n'"$name "*'Sum per stage'* ]]
	done
	# The slow one waits, the busy one works.
	[ "$(awk '$1 == "unit/slow" { print ($3 < $2 / 2) }' "$out/seconds")" = 1 ]
	[ "$(awk '$1 == "e2e-sqlite/busy" { print ($3 > 0) }' "$out/seconds")" = 1 ]
	[ "$(sed -n '/^Sum per stage/,$p' <<<"$output" | awk '/^unit / && $2 >= 0.3 { print "both" }')" = both ]
}

@test "the ten slowest programs are shown, not all, and no stage among them" {
	for ((i = 1; i <= 12; i++)); do
		echo "unit/program-$i $((i * 1000)) 0" >>"$out/seconds"
	done
	echo 'build-gcc 99000 99000' >>"$out/seconds"
	run show_seconds
	[ "$(grep -c '^unit/program' <<<"$output")" = 10 ]
	[[ $output == *'program-12 '*'program-3 '* && $output != *'program-2 '* ]]
	[ "$(grep -c '^build-gcc' <<<"$output")" = 1 ]
}

@test "the names of what failed stand at the end, too, and not more than one can read" {
	printf 'ok 1 - fine\nnot ok 2 - a name\n' >"$out/e2e-sqlite.one.tap"
	for ((i = 1; i <= 16; i++)); do
		echo "not ok $i - other" >>"$out/two.tap"
	done
	run show_failed_names "$out"
	[ "${lines[0]}" = 'failed: e2e-sqlite.one: 2 - a name' ]
	[ "${lines[-1]}" = 'failed: 2 more' ]
	[ ${#lines[@]} -eq 16 ]
	rm "$out"/*.tap
	echo 'ok 1 - fine' >"$out/one.tap"
	run show_failed_names "$out"
	[ "$output" = '' ]
}

# A tree with these end-to-end tests: NAME "LINE" ...
e2e_tree() {
	mkdir -p "$BATS_TEST_TMPDIR/tree/tests/e2e"
	cd "$BATS_TEST_TMPDIR/tree" || return 1
	while [ $# -gt 0 ]; do
		printf '#!/usr/bin/env bats\n# What it is about.\n%b\n' "$2" >"tests/e2e/$1.bats"
		shift 2
	done
}

@test "end-to-end tests run on the stores that they are about, the longest first" {
	e2e_tree a '# stores: any' b '# stores: each\n# seconds: 5' c '# stores: redis\n# seconds: 30' d '# stores: sqlite\n\n\n'
	rows() {
		e2e_rows "$1" | sed -E 's|([a-z]+) tests/e2e/(.)\.bats|\2-\1|' | paste -sd ' '
	}
	[ "$(rows plain)" = 'c-redis b-redis b-sqlite d-sqlite a-sqlite' ]
	[ "$(rows rest)" = 'a-redis' ]
	[ "$(rows all)" = 'c-redis b-redis b-sqlite d-sqlite a-redis a-sqlite' ]
	E2E_STORES=redis
	[ "$(rows plain)" = 'c-redis b-redis a-redis' ]
	[ "$(rows rest)" = '' ]
}

@test "every file of end-to-end tests says which stores it is about" {
	run e2e_files_without_stores tests/e2e/*.bats
	[ "$output" = '' ]
}

@test "one that does not say it, or says nonsense, or says it twice, is found" {
	e2e_tree a '# stores: any' b '' c '# stores: some' d '# stores: any\n# stores: each' e "$(printf '\\n%.0s' {1..20})# stores: any"
	run e2e_files_without_stores tests/e2e/*.bats
	[ "$output" = $'tests/e2e/b.bats\ntests/e2e/c.bats\ntests/e2e/d.bats\ntests/e2e/e.bats' ]
}

@test "what is to run with sanitizers is there" {
	for name in $sanitized_files; do
		[ -e "tests/e2e/$name.bats" ]
	done
}

@test "behind the deadline no program is started, which is told and is no failure" {
	deadline=0
	STAGES=unit
	starts() {
		program unit/late 60 exitcode false
		program unit/later 60 exitcode false
	}
	group unit - starts
	deadline=
	program unit/last 60 exitcode true
	wait
	run show_not_run
	[[ $output == *'2 programs (unit/late unit/later)' ]]
	run tally
	[ "$output" = '1 passed, 0 failed' ]
}

@test "summaries are added, and one that is missing is a failure" {
	cd "$BATS_TEST_TMPDIR"
	echo '3 passed, 0 failed' >a
	echo '10 passed, 0 failed, 4 skipped' >b
	echo '1 passed, 2 failed' >c
	run add_summaries a b
	[ "$status" -eq 0 ]
	[ "$output" = '13 passed, 0 failed, 4 skipped' ]
	run add_summaries a c b
	[ "$status" -ne 0 ]
	[ "$output" = '14 passed, 2 failed, 4 skipped' ]
	run add_summaries a none
	[ "$status" -ne 0 ]
	[ "$output" = '3 passed, 1 failed, 0 skipped' ]
	run add_summaries none
	[ "$status" -ne 0 ]
}

# A checkout whose make writes these summaries ("": none) and ends with these statuses.
ci_tree() {
	bare_tree
	cd "$BATS_TEST_TMPDIR/tree" || return 1
	mkdir -p .ci bin build/check build/check-deep
	cp "$OLDPWD/.ci/run" .ci/run
	printf '#!/bin/bash\ncase $1 in check) out=build/check summary="%s" status=%s ;; *) out=build/check-deep summary="%s" status=%s ;; esac
echo "$1 $DEEP_SECONDS" >>calls\n[ -z "$summary" ] || echo "$summary" >$out/summary\nexit $status\n' "$@" >bin/make
	chmod +x bin/make
}

@test "CI checks, then what there is time for, and tells of both in the last line" {
	ci_tree '5 passed, 0 failed' 0 '2 passed, 0 failed, 1 skipped' 0
	# Whatever limit these tests themselves run under.
	unset DEEP_SECONDS
	PATH=$PWD/bin:$PATH run .ci/run
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = '7 passed, 0 failed, 1 skipped' ]
	[[ $(cat calls) == 'check '*$'\ncheck-deep 1'??? ]]
}

@test "CI fails where either part does, or one says nothing" {
	ci_tree '4 passed, 1 failed' 2 '2 passed, 0 failed' 0
	PATH=$PWD/bin:$PATH run .ci/run
	[ "$status" -ne 0 ]
	[ "${lines[-1]}" = '6 passed, 1 failed, 0 skipped' ]
	cd "$OLDPWD"
	ci_tree '4 passed, 0 failed' 0 '2 passed, 3 failed' 2
	PATH=$PWD/bin:$PATH run .ci/run
	[ "$status" -ne 0 ]
	[ "${lines[-1]}" = '6 passed, 3 failed, 0 skipped' ]
	cd "$OLDPWD"
	ci_tree '4 passed, 0 failed' 0 '' 2
	echo '9 passed, 0 failed' >build/check-deep/summary
	PATH=$PWD/bin:$PATH run .ci/run
	[ "$status" -ne 0 ]
	[ "${lines[-1]}" = '4 passed, 1 failed, 0 skipped' ]
}
