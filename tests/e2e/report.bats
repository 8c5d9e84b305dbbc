#!/usr/bin/env bats
# canhazgpu report: what counts and what does not. How it is shown is tests/unit/test_view_report.c.
# stores: each

load helpers

ME=$(id -un)

# usage ID LABEL ACCOUNT TYPE GPU START END: a usage record; times in seconds from now, or from $moment.
usage() {
	local now=${moment:-$(date +%s)}
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis zadd canhazgpu:usage_history_sorted $((now + $7)) "$(jq -nc --arg id "$1" --arg shown "$2" \
			--arg account "$3" --arg type "$4" --argjson gpu "$5" --argjson since $((now + $6)) \
			--argjson until $((now + $7)) '{reservation_id: $id, user: $shown, actual_user: $account,
				reservation_type: $type, gpu_id: $gpu, start_time: $since, end_time: $until}')" >/dev/null
		return
	fi
	usage_key=$((${usage_key:-0} + 1))
	db "INSERT INTO usage_history(end_ns, key, reservation_id, user, account, uid, type, gpu, start_ns, reason, actor) VALUES (($now + $7) * 1000000000, -$usage_key, '$1',
		'${2//\'/\'\'}', '${3//\'/\'\'}', NULL, '$4', $5, ($now + $6) * 1000000000,
		'released', NULL)"
}

# The history of the specification's example: account, seconds, run, manual.
example() {
	local account seconds run manual count i
	pool 2
	while read -r account seconds run manual; do
		count=$((run + manual))
		for ((i = 0; i < count; i++)); do
			# The first one takes what does not divide.
			usage "$account-$i" "$account" "$account" \
				"$([ $i -lt "$run" ] && echo run || echo manual)" 0 \
				$((-seconds / count - (i == 0 ? seconds % count : 0) - 100)) -100
		done
	done <<-'END'
		alice 88200 12 8
		bob 54900 6 15
		charlie 16560 3 2
	END
}

@test "the example of the specification, to the character" {
	world_set TZ=UTC0
	example
	chg_ok report
	assert_stderr ''
	to=$(sed -n '2s/.* to \([0-9-]*\) .*/\1/p' "$WORLD/stdout")
	from=$(date -u -d "$to - 30 days" +%F)
	assert_stdout "=== GPU Reservation Report ===
Period: $from to $to (30 days)
User                       GPU Hours      Percentage        Run     Manual
---------------------------------------------------------------------------
alice                          24.50          55.2%         12          8
bob                            15.25          34.4%          6         15
charlie                         4.60          10.4%          3          2
---------------------------------------------------------------------------
TOTAL                          44.35         100.0%         21         25
Total reservations: 46
Unique users: 3"
}

@test "records are cut to the period, and what lies before it is left out" {
	pool 2
	usage a alice alice run 0 -90000 -82800 # 25 h to 23 h ago
	usage b bob bob run 0 -180000 -172800
	# In tenths of an hour: the period goes on while the test runs.
	chg_ok report --days 1 --json
	assert_json '.users[] | [.name, (.gpu_hours * 10 | round)] | @csv' '"alice",10'
	chg_ok report --days 2 --json
	assert_json '.users[] | [.name, (.gpu_hours * 10 | round)] | @csv' '"alice",20'
	chg_ok report --days 3 --json
	assert_json '[.users[] | .gpu_hours | round]' "$(jq -n '[2, 2]')"
}

@test "a reservation of two GPUs counts once, its hours twice, also when released apart" {
	pool 2
	usage a alice alice run 0 -7200 -3600
	usage b bob bob run 0 -3600 -3000
	usage a alice alice run 1 -7200 -10
	chg_ok report --json
	assert_json '.users[0] | [.run_count, (.gpu_hours * 100 | round)] | @csv' '1,300'
	assert_json '.total_reservations' 2
	# A part of it may still be running.
	need_sqlite
	pool_sql="INSERT INTO reservations(id, user, account, type, start_ns, heartbeat_ns, expiry_ns, deadline_ns,
		command_pid, command_start_ticks, supervisor_pid, supervisor_start_ticks) VALUES ('a', 'alice', 'alice',
		'manual', (unixepoch() - 7200) * 1000000000, 0, (unixepoch() + 9000) * 1000000000, 0, 0, 0, 0, 0);
	UPDATE gpus SET reservation_id = 'a' WHERE id = 1;
	DELETE FROM usage_history WHERE reservation_id = 'a' AND gpu = 1;
	UPDATE usage_history SET type = 'manual'"
	db "$pool_sql"
	chg_ok report --json
	assert_json '.users[0] | [.manual_count, (.gpu_hours * 10 | round)] | @csv' '1,30'
}

@test "what runs is billed until now, what is over only until its end, and is recorded" {
	pool 3
	need_sqlite
	chg_ok reserve --gpus 2 --duration 8h
	chg_ok reserve --gpus 1 --duration 1h
	db "UPDATE reservations SET start_ns = start_ns - 7200 * 1000000000,
		expiry_ns = expiry_ns - 7200 * 1000000000"
	chg_ok report --json
	assert_json '.users[0] | [.name, .manual_count, (.gpu_hours * 10 | round)] | @csv' "\"$ME\",2,50"
	assert_equal "$(usage_history)" "2 manual expired $ME"
	chg_ok report --json
	assert_json '.users[0] | [.manual_count, (.gpu_hours * 10 | round)] | @csv' '2,50'
}

@test "a run counts while it runs and after it, once" {
	pool 2
	start_background job canhazgpu run --gpus 2 -- sleep 1000
	wait_until 'chg report --json; [ "$(json_get .total_reservations)" = 1 ]'
	assert_json '.users[0].run_count' 1
	kill "$background_pid"
	wait_background job
	chg_ok report --json
	assert_json '.users[0].run_count, .total_reservations' $'1\n1'
	wait_until 'chg status --json; [ "$(json_get "[.[].status] | unique[]")" = AVAILABLE ]'
	chg_ok report --json
	assert_json '.users[0].run_count, .total_reservations' $'1\n1'
}

@test "by GPU" {
	pool 3
	usage a alice alice run 0 -7200 -3600
	usage a alice alice run 2 -7200 -3600
	usage b bob bob manual 2 -3600 -1800
	chg_ok report --by gpu
	assert_equal "$(sed -n '3p;5,7p;9,$p' "$WORLD/stdout")" "\
GPU                        GPU Hours      Percentage        Run     Manual
0                               1.00          40.0%          1          0
1                               0.00           0.0%          0          0
2                               1.50          60.0%          1          1
TOTAL                           2.50         100.0%          1          1
Total reservations: 2
Unique users: 2"
	chg_ok report --by gpu --json
	assert_json '.gpus[2]' "$(jq -n '{account: null, gpu_id: 2, gpu_hours: 1.5, percentage: 60.0, run_count: 1, manual_count: 1}')"
	assert_json '.users' null
	chg_ok report --by gpu --csv
	assert_equal "$(sed -n '1p;4p' "$WORLD/stdout")" $'gpu_id,gpu_hours,percentage,run_count,manual_count\n2,1.500000,60.0000,1,1'
}

@test "by day, with the days of the local calendar" {
	pool 1
	# Around the UTC midnight before the last one: a day more or less since then does not matter.
	moment=$(($(date +%s) / 86400 * 86400 - 86400))
	usage a alice alice run 0 -3600 1 # ends a second into the day
	world_set TZ=UTC0
	chg_ok report --by day --days 4 --json
	assert_json '[.dates[] | select(.gpu_hours > 0) | .date, .run_count, (.gpu_hours * 3600 | round)] | @csv' \
		"\"$(date -u -d "@$((moment - 1))" +%F)\",1,3600,\"$(date -u -d "@$moment" +%F)\",0,1"
	assert_json '.dates | length' 5
	# Noon in the zone: the same hour lies in one day.
	world_set TZ=XXX-12
	chg_ok report --by day --days 4 --json
	assert_json '[.dates[] | select(.run_count > 0) | .gpu_hours * 3600 | round] | @csv' 3601
	chg_ok report --by day --days 4
	assert_stdout_has 'Day                        GPU Hours'
}

@test "history older than history.days goes, record by record" {
	pool 2
	usage a alice alice run 0 $((-91 * 86400)) $((-90 * 86400 - 300))
	usage b bob bob run 0 $((-91 * 86400)) $((-90 * 86400 + 300))
	# A report shows what is there, and then tidies up.
	chg_ok report
	assert_equal "$(usage_history | wc -l)" 1
	chg_ok report --days 365 --json
	assert_json '[.users[].name] | @csv' '"bob"'
	world_set CANHAZGPU_HISTORY_DAYS=3
	usage c carol carol run 0 $((-2 * 86400)) $((-2 * 86400 + 60))
	chg_ok report
	chg_ok report --days 365 --json
	assert_json '[.users[].name] | @csv' '"carol"'
}

@test "the number of days is checked" {
	pool 1
	for days in 0 -1 36501 x 1.5 ''; do
		chg report "--days=$days"
		assert_error 2 --days
	done
	chg_ok report --days 36500
	assert_stdout_has '(36500 days)'
	chg report --json --csv
	assert_error 2 '--json and --csv'
	chg report --by hour
	assert_error 2 'user|gpu|day'
	chg report extra
	assert_error 2 extra
}

@test "days and grouping can be configured" {
	pool 1
	world_set CANHAZGPU_REPORT_DAYS=7
	printf 'report:\n  by: gpu\n  days: 3\n' >"$WORLD/home/.canhazgpu.yaml"
	chg_ok report --json
	assert_json '.days, (.gpus | length)' $'7\n1'
	chg_ok report --json --days 9
	assert_json .days 9
}

@test "without a pool the way to make one is named" {
	chg report
	assert_error 1 'canhazgpu admin'
}

@test "the history outlives a new pool, and the driver is not needed" {
	pool 4
	usage a alice alice run 3 -7200 -3600
	chg_ok admin --gpus 2 --provider fake --force
	fake_state 'not JSON'
	chg_ok report --by gpu --json
	assert_json '[.gpus[] | .gpu_hours | round] | @csv' 0,0,0,1
}

@test "a random history, against an independent computation" {
	need_sqlite
	pool 8
	world_set TZ=CET-1CEST,M3.5.0,M10.5.0/3
	now=$(date +%s)
	python3 "$BATS_TEST_DIRNAME/programs/report_history.py" sql "$now" | db
	for arguments in '--days 30' '--days 3 --by gpu' '--days 60 --by day'; do
		# shellcheck disable=SC2086
		chg_ok report --json $arguments
		cp "$WORLD/stdout" "$WORLD/ours"
		# shellcheck disable=SC2086
		in_world python3 "$BATS_TEST_DIRNAME/programs/report_history.py" check "$now" \
			$arguments <"$WORLD/ours"
	done
}

@test "--month, --from and --to: what is cut at their ends, by the local calendar" {
	world_set TZ=CET-1CEST,M3.5.0,M10.5.0/3
	pool 2
	echo 'history: {days: 3650}' >"$WORLD/home/.canhazgpu.yaml"
	# At midnight on both sides of October 2025, of which the 26th has 25 hours.
	moment=$(date -d 2025-10-01T00:00:00+02:00 +%s) usage a alice alice run 0 -3600 7200
	moment=$(date -d 2025-10-26T00:00:00+02:00 +%s) usage b bob bob manual 1 0 90000
	moment=$(date -d 2025-11-01T00:00:00+01:00 +%s) usage c alice alice run 0 -3600 36000
	chg_ok report --month 2025-10 --by user,day --csv
	assert_stderr ''
	assert_stdout 'user,date,gpu_hours,percentage,run_count,manual_count,account
bob,2025-10-26,25.000000,89.2857,0,1,bob
alice,2025-10-01,2.000000,7.1429,1,0,alice
alice,2025-10-31,1.000000,3.5714,1,0,alice'
	chg_ok report --from 2025-10-01 --to 2025-10-31 --user alice
	assert_stdout_has 'Period: 2025-10-01 to 2025-10-31 (31 days)'
	assert_stdout_has 'alice                           3.00         100.0%          2          0'
	[[ $stdout != *bob* ]] || fail_with 'somebody else'
	chg_ok report --from 2025-11 --to 2025-11-01 --by user,gpu --json
	assert_json '[.users_gpus[] | "\(.account) \(.gpu_id) \(.gpu_hours)"] | join(",")' 'alice 0 10'
	chg_ok report --month 2025-09 --json
	assert_json '[.start_date, .end_date, .days, .total_gpu_hours] | join(" ")' '2025-09-01 2025-09-30 30 1'
}

@test "a month that the history does not reach back to is said to be incomplete" {
	pool 1
	chg_ok report --month last
	assert_stderr ''
	month=$(date -d '-200 days' +%Y-%m)
	chg_ok report --month "$month"
	[[ $stderr == 'Warning: the history is kept for 90 days (history.days): what ended before '*' may be missing' ]] || fail_with 'other words'
}

@test "this month lasts until now, also for what is running" {
	pool 1
	chg_ok reserve
	chg_ok report --month --json
	assert_json '[.start_date, .end_date, .total_reservations] | join(" ")' "$(date +%Y-%m)-01 $(date +%F) 1"
	chg_ok report --month last --json
	assert_json .total_reservations 0
}

@test "periods that contradict each other, or make no sense, are refused" {
	pool 1
	while IFS='|' read -r options expected; do
		# shellcheck disable=SC2086
		chg report $options
		assert_error 2 "$expected"
	done <<-'LIST'
		--month --days 3|only one of --days, --month, and --from with --to
		--month 2025-10 --from 2025-10-01|only one of --days, --month, and --from with --to
		--to 2025-10-01|--to needs --from
		--month 2199-01|has not begun yet
		--month 2025-10-03|'2025-10-03' is a day, not a month
		--from 2025-11 --to 2025-10|ends before it begins
		--from 2025-02-30|invalid date '2025-02-30'
		--by day,user|is not one of user|gpu|day|user,day|user,gpu
	LIST
	chg report --user nosuchaccount
	assert_status 0
	assert_equal "$stderr" "Warning: there is no account 'nosuchaccount', and no usage of one in that period"
	chg report --user ''
	assert_error 2 '--user needs an account'
}
