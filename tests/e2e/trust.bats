#!/usr/bin/env bats
# What one account cannot do to the others of a pool, by whatever way. Needs root, to be others.
# stores: each

load run_helpers

# The account that made the pool, and with it owns the database, is 4301; 4302 is one of its users.

# What a run tells its supervisor, caught on the way: $orders. That run starts another supervisor, and ends.
# (It reads the fake state from a pipe, and so waits until its supervisor is stopped.)
catch_orders() {
	local supervisor before
	mkfifo -m 0666 "$WORLD/slow.json"
	before=$(supervisors)
	start_as_user 4302 caught env CANHAZGPU_FAKE_STATE="$WORLD/slow.json" canhazgpu run -- true
	wait_until '[ "$(supervisors)" != "$before" ]'
	supervisor=$(grep -vxF "${before:-none}" <<<"$(supervisors)")
	stop_now "$supervisor"
	echo '{}' >"$WORLD/slow.json"
	orders=$(cat "/proc/$supervisor/fd/0")
	rm "$WORLD/slow.json" # the next one is not to wait for somebody who writes
	echo '{}' >"$WORLD/slow.json"
	kill -CONT "$supervisor"
	wait_background caught
	assert_equal "$status" 0
	# The other one has yet to release, and to write what was used.
	wait_until '[ -z "$(grep -vxF "${before:-none}" <<<"$(supervisors)")" ]'
}

# forge UID NAME JQ-FILTER: that account starts a supervisor with changed orders, to watch its process $bait.
forge() {
	start_as_user "$1" "$2-bait" sleep 1000
	bait=$background_pid
	wait_until 'is_called "$bait" sleep'
	jq -c --argjson pid "$bait" --arg start "$(process_field "$bait" 22)" --arg fake "$FAKE_STATE" \
		".reservation.command = \$pid | .reservation.command_start = (\$start | tonumber) | .pool.fake = \$fake |
		$3" <<<"$orders" >"$WORLD/$2.orders"
	start_as_user "$1" "$2" sh -c 'exec canhazgpu __supervise <"$1"' sh "$WORLD/$2.orders"
	forged=$background_pid
	wait_until 'supervisor_of "$bait" || is_gone "$forged"'
	assert_alive "$forged"
}

# Has failed to release, and pauses before it tries again. (Some kernels do not tell where a process waits: 0.)
pauses() {
	[[ "$(cat "/proc/$1/wchan")" =~ nanosleep|^0$ ]]
}

pool_file() {
	sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" "$@"
}

# ---- reservations ----

@test "nobody ends another account's reservation by a supervisor with forged orders" {
	shared_pool 2
	hold_as 4301 victim
	reservation=$(reservation_of 0)
	catch_orders
	same=".reservation.id = \"$reservation\" | .reservation.account = \"uid 4301\""
	forge 4302 forged "$same"
	kill_now "$bait"
	wait_until 'is_gone "$forged" || pauses "$forged"'
	assert_equal "$(reservation_of 0)" "$reservation"
	assert_alive "$command"
	# The very same orders do it for the account whose reservation it is.
	forge 4301 own "$same"
	kill_now "$bait"
	wait_until '[ -z "$(reserved)" ]'
}

@test "orders of another time make no reservation of long ago" {
	shared_pool 2
	catch_orders
	start_as_user 4302 bait sleep 1000
	bait=$background_pid
	wait_until 'is_called "$bait" sleep'
	jq -c --argjson pid "$bait" --arg start "$(process_field "$bait" 22)" \
		'.reservation.command = $pid | .reservation.command_start = ($start | tonumber)
			| .reservation.start = 1577836800000000000 | .heartbeat = 100000000' <<<"$orders" >"$WORLD/old.orders"
	start_as_user 4302 old sh -c 'exec canhazgpu __supervise <"$1"' sh "$WORLD/old.orders"
	old=$background_pid
	wait_until 'is_gone "$old"'
	wait_background old
	assert_equal "$status" 1
	assert_equal "$(reservation_of 0)" ''
}

@test "nobody renews another account's reservation, nor puts a process in its command's place" {
	shared_pool 2
	hold_as 4301 victim
	kill_now "$supervisor"
	reservation=$(reservation_of 0)
	heartbeat() {
		in_world canhazgpu status --json | jq -r '.[0].last_heartbeat'
	}
	before=$(heartbeat)
	catch_orders
	same=".reservation.id = \"$reservation\" | .reservation.account = \"uid 4301\" | .heartbeat = 100000000"
	forge 4302 forged "$same"
	wait_for_text "$WORLD/forged.err" "reservation $reservation is not yours"
	assert_equal "$(heartbeat)" "$before"
	forge 4301 own "$same"
	wait_until '[ "$(heartbeat)" != "$before" ]'
	# It is the command that counts, not what pretends to belong to it.
	kill_now "$command"
	wait_until '[ -z "$(reserved)" ]'
}

# ---- history ----

# A record of 10 days ago, made by the owner of the pool.
make_old_record() {
	pool_file 'DELETE FROM usage_history'
	as_user 4301 canhazgpu run -- true 2>/dev/null
	assert_no_processes
	pool_file 'UPDATE usage_history SET start_ns = start_ns - 864000000000000, end_ns = end_ns - 864000000000000'
}

old_records() {
	pool_file "SELECT count(*) FROM usage_history WHERE end_ns < (strftime('%s') - 864000 + 3600) * 1000000000"
}

# Runs and reports as an account, which both drop what is too old.
use_as() {
	as_user "$1" "${@:2}" run -- true 2>/dev/null
	as_user "$1" "${@:2}" report >/dev/null
	assert_no_processes
}

@test "a history.days of one's own does not shorten what others have in the history; the owner's does" {
	need_sqlite
	shared_pool 1
	echo 'history.days: 1' >"$WORLD/days.yaml"
	for way in environment file option; do
		make_old_record
		set -- canhazgpu
		case $way in
		environment) set -- env CANHAZGPU_HISTORY_DAYS=1 canhazgpu ;;
		file) cp "$WORLD/days.yaml" "$WORLD/home/.canhazgpu.yaml" ;;
		option) set -- canhazgpu --config "$WORLD/days.yaml" ;;
		esac
		use_as 4302 "$@"
		assert_equal "$way: $(old_records)" "$way: 1"
		use_as 4301 "$@"
		assert_equal "$way: $(old_records)" "$way: 0"
		rm -f "$WORLD/home/.canhazgpu.yaml"
	done
}

@test "nor does a supervisor with forged orders" {
	need_sqlite
	shared_pool 2
	catch_orders
	make_old_record
	for personal in false true; do # what it passes for the setting of the host, or for one's own
		forge 4302 "forged-$personal" ".pool.history = 1 | .pool.personal = $personal"
		kill_now "$bait"
		wait_until 'is_gone "$forged"'
		assert_equal "$personal: $(old_records)" "$personal: 1"
	done
	forge 4301 own '.pool.history = 1 | .pool.personal = true'
	kill_now "$bait"
	wait_until 'is_gone "$forged"'
	assert_equal "$(old_records)" 0
}

@test "the history.days of the host counts as it is at the end, whoever it is whose run ends" {
	need_sqlite
	shared_pool 1
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	make_old_record
	mkdir -p "$WORLD/etc/canhazgpu"
	cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache "$WORLD/etc"
	mkfifo -m 0666 "$WORLD/gate"
	for days in 11 9; do
		echo "history.days: $((20 - days))" >"$WORLD/etc/canhazgpu/config.yaml"
		# shellcheck disable=SC2016
		start_background run unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../etc" /etc
			exec setpriv --reuid 4302 --regid 4300 --clear-groups canhazgpu run -- sh -c "read x <\"$HOME/../gate\""'
		exec 7>"$WORLD/gate" # opens when the command reads
		echo "history.days: $days" >"$WORLD/etc/canhazgpu/config.yaml"
		exec 7>&-
		assert_no_processes
		assert_equal "$days: $(old_records)" "$days: $((days == 11))"
	done
}

# ---- the pool ----

@test "only root and the owner of the database make a pool anew" {
	need_sqlite
	shared_pool 2
	as_user 4301 canhazgpu reserve --gpus 2 --short
	reservation=$(reservation_of 0)
	status=0
	as_user 4302 canhazgpu admin --gpus 1 --provider fake --force >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	assert_error 1 'only root and the owner of the pool may recreate it'
	assert_equal "$(reservation_of 0)" "$reservation"
	assert_reserved '0 1'
	assert_equal "$(pool_file 'SELECT count(*) FROM usage_history')" 0
	as_user 4301 canhazgpu admin --gpus 3 --provider fake --force
	assert_reserved ''
	chg_ok admin --gpus 4 --provider fake --force
	assert_stdout 'Initialized 4 GPUs (IDs 0 to 3)'
}
