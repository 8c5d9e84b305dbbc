#!/usr/bin/env bats
# canhazgpu extend: manual reservations end later.
# stores: each

load run_helpers

ME=$(id -un)

# When the reservation of a GPU ends, in seconds from now, rounded to minutes: "60".
minutes_left() {
	in_world canhazgpu status --json | jq -r --argjson now "$(date +%s)" \
		".[$1].details | capture(\"expires in (?<h>[0-9]+)h (?<m>[0-9]+)m (?<s>[0-9]+)s\") |
			((.h | tonumber) * 60 + (.m | tonumber) + (.s | tonumber) / 60 | ceil)"
}

@test "the duration is added to the expiry, of all that one holds" {
	pool 4
	chg_ok reserve --gpu-ids 0,1 --duration 1h
	chg_ok reserve --gpu-ids 3 --duration 2h
	world_set TZ=UTC
	chg extend --duration 30m
	assert_status 0
	assert_stderr ''
	[[ $stdout =~ ^Extended\ GPU\(s\)\ \[0,\ 1\]\ to\ ([0-9]{4}-[0-9]{2}-[0-9]{2}\ [0-9:]{5})\ \(0h\ 30m\ 0s\ more\)$'\n'Extended\ GPU\(s\)\ \[3\]\ to\ ([0-9 :-]{16})\ \(0h\ 30m\ 0s\ more\)$ ]] ||
		fail_with 'other words'
	# Within two minutes of what was asked for; the test may be slow.
	until=$(($(date -u -d "${BASH_REMATCH[1]}" +%s) - $(date +%s)))
	[ "$until" -le 5400 ] && [ "$until" -gt 5100 ] || fail_with "ends in $until s"
	[ "$(minutes_left 0)" -gt 85 ]
	[ "$(minutes_left 0)" -le 90 ]
	[ "$(minutes_left 3)" -gt 145 ]
	[ "$(minutes_left 3)" -le 150 ]
	# The same reservations: nothing has ended.
	assert_equal "$(usage_history)" ''
	chg_ok extend
	assert_stdout_has '(8h 0m 0s more)'
	[ "$(minutes_left 1)" -gt 565 ]
}

@test "by id: that reservation alone, named whole" {
	pool 4
	chg_ok reserve --gpus 2 --duration 1h
	chg_ok reserve --gpus 2 --duration 1h
	chg_ok extend --gpu-ids 2,3 --duration 1h
	assert_equal "$(cut -d ' ' -f 1-4 <<<"$stdout")" 'Extended GPU(s) [2, 3]'
	[ "$(minutes_left 0)" -le 60 ]
	[ "$(minutes_left 2)" -gt 100 ]
	chg extend --gpu-ids 0,2,3 --duration 1h
	assert_error 1 'GPU 0 is reserved together with others: extend all of them (--gpu-ids 0,1), or release the others first'
	[ "$(minutes_left 2)" -le 120 ]
	chg_ok release --gpu-ids 1
	chg_ok extend -G 0 --duration 1h
	[ "$(minutes_left 0)" -gt 100 ]
}

@test "nothing held, nothing reserved, a run, an expired one, and nonsense are errors" {
	pool 3
	chg extend
	assert_error 1 "you hold no manually reserved GPUs"
	chg extend --gpu-ids 1
	assert_error 1 'GPU 1 is not reserved'
	chg extend --gpu-ids 3
	assert_error 1 'GPU ID 3 does not exist (the pool has 0 to 2)'
	chg extend --gpu-ids 1,1
	assert_error 2 'given twice'
	chg extend --duration 0s
	assert_error 2 --duration
	chg extend 1h
	assert_error 1 'you hold no manually reserved GPUs: there is nothing to extend'
	chg extend 1h 2h
	assert_error 2 "unexpected argument '2h', did you mean '--duration 2h'?"
	hold job --gpu-ids 0
	chg extend
	assert_error 1 "you hold no manually reserved GPUs"
	chg extend --gpu-ids 0
	assert_error 1 'GPU 0 is held by a run, which ends when its command does: there is nothing to extend'
	chg_ok reserve --gpu-ids 1 --duration 1ms
	chg_ok reserve --gpu-ids 2 --duration 10m
	wait_until '[ "$(reserved)" = "0 2" ]'
	chg extend --gpu-ids 1
	assert_error 1 'GPU 1 is not reserved'
	chg extend --duration 3650d
	assert_error 1 'must end within 3650 days from now'
	chg_ok extend --duration 3000d
}

@test "refused for GPUs that somebody waits for, all or none; root may with --force" {
	pool 3
	chg_ok reserve --gpu-ids 0 --duration 1h
	chg_ok reserve --gpu-ids 1 --duration 1h
	start_background waiter canhazgpu reserve --gpu-ids 1 --wait --user bob
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	chg extend --duration 1h
	assert_error 1 "GPU 1 cannot be extended: bob ($ME) is waiting for it (request "
	assert_stderr_has 'only administrators can override that, with --force)'
	[ "$(minutes_left 0)" -le 60 ]
	chg_ok extend --gpu-ids 0 --duration 1h
	[ "$(minutes_left 0)" -gt 100 ]
	if [ "$(id -u)" -eq 0 ]; then
		chg_ok extend --force --duration 1h
		[ "$(minutes_left 1)" -gt 100 ]
	fi
	chg_ok cancel "$(sed -n 's/.*as request \([0-9a-f]*\) .*/\1/p' "$WORLD/waiter.err")"
	wait_background waiter
	chg_ok extend --gpu-ids 1 --duration 1h
}

@test "another account's is not yours to lengthen, and root's to lengthen" {
	shared_pool 2
	as_user 4301 canhazgpu reserve --gpu-ids 0 --duration 1h
	as_user 4302 canhazgpu reserve --gpu-ids 1 --duration 1h
	status=0
	as_user 4302 canhazgpu extend --gpu-ids 0 >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 1
	assert_equal "$(cat "$WORLD/stderr")" 'Error: GPU 0 is reserved by uid 4301, not by you'
	as_user 4302 canhazgpu extend --duration 1h >"$WORLD/stdout"
	assert_equal "$(cut -d ' ' -f 1-3 "$WORLD/stdout")" 'Extended GPU(s) [1]'
	[ "$(minutes_left 0)" -le 60 ]
	start_as_user 4302 waiter canhazgpu run --gpu-ids 0 --wait -- true
	wait_for_text "$WORLD/waiter.err" 'queued as request'
	status=0
	as_user 4301 canhazgpu extend --force --duration 1h >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	assert_status 1
	grep -qF 'GPU 0 cannot be extended: uid 4302 is waiting for it' "$WORLD/stderr"
	chg_ok extend --gpu-ids 0 --force --duration 1h
	[ "$(minutes_left 0)" -gt 100 ]
}
