#!/usr/bin/env bats
# Who tells what to whom is agreed in the store: each event is told once. Needs root, to be others.
# stores: each

load tell_helpers

@test "a pass that is killed at any point, or runs beside others, tells everything once" {
	people a:4312:620
	ok user reserve --short
	ok root canhazgpu release --user user
	for ms in 4 6 8 10 12 14 16 20; do
		ok user reserve --short
		root timeout --signal KILL "0.0$(printf %02d "$ms")" canhazgpu release --user user
		ok user release
	done
	ok user reserve --short
	ok user reserve --short
	gid=0 set_as 0
	start_background one "${as[@]}" canhazgpu release --gpu-ids 0
	start_background two "${as[@]}" canhazgpu release --gpu-ids 1
	wait_background one
	wait_background two
	reserve_and_release
	# Every release by root is one line; which of them have happened the store knows.
	in_world canhazgpu events --json --kind released >"$WORLD/stdout"
	expected=$(json_get '[.events[] | select(.actor == "root")] | length')
	[ "$expected" -ge 4 ]
	wait_until '[ "$(grep -c "root released" "$folder/a")" = "$expected" ]' || fail_with "expected $expected: $(cat -v "$folder/a")"
	pause 0.3
	assert_equal "$(grep -c 'root released' "$folder/a")" "$expected"
}

@test "reserve --notify leaves a wish, which goes when the end of the reservation is old news" {
	pool 3
	use_clock
	wishes() {
		if [ "${E2E_STORE:-sqlite}" = redis ]; then
			redis --raw hkeys canhazgpu:marks | grep -c '^notify ' || true
		else
			db "SELECT count(*) FROM marks WHERE key LIKE 'notify %'"
		fi
	}
	chg_ok reserve --notify=mail --short
	chg_ok reserve --short
	assert_equal "$(wishes)" 1
	chg_ok release --gpu-ids 0
	chg_ok reserve --notify --gpus 2 --short
	assert_equal "$(wishes)" 2
	set_clock 0 3700
	chg_ok release
	chg_ok reserve --notify --short
	assert_equal "$(wishes)" 2
	chg reserve --notify=smoke
	assert_error 2 'usual|terminal|mail|command'
}

@test "what administrators do that are not root is told by the next pass, and root of a user namespace takes nothing away" {
	people a:4312:620
	on_host 4311 unshare --user --map-root-user true
	[ "$status" -eq 0 ] || skip 'no user namespaces here'
	host_config "admin.group: gpu-admins"
	# What an administrator who is not root does is told by the next pass of root.
	ok user reserve --short
	ok admin release --user user
	on_host 4311 canhazgpu reserve --short
	on_host 4311 unshare --user --map-root-user canhazgpu release
	assert_status 0
	reserve_and_release
	wait_until 'has_text "$folder/a" "root released"'
	has_text "$folder/a" 'admin released GPU'
}
