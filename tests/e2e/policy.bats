#!/usr/bin/env bats
# What the host's administrator decides in /etc/canhazgpu/config.yaml: limits, GPUs out of service, and who may act for others.
# Needs root, to be others and to have an /etc of one's own.
# stores: each

load host_helpers

# refused TEXT ARGUMENTS...: as user, with status 1, and nothing has changed.
refused() {
	local before
	before=$(reserved)
	user "${@:2}"
	assert_error 1 "$1"
	assert_reserved "$before"
}

# What was released by force: GPU, whose it was, by whom.
forced() {
	if [ "${E2E_STORE:-sqlite}" = redis ]; then
		redis_history | jq -r 'select(.reason == "forced") | "\(.gpu_id) \(.actual_user) \(.actor)"' | sort
	else
		sqlite3 -cmd '.timeout 10000' "$WORLD/store/pool.db" \
			"SELECT gpu || ' ' || account || ' ' || actor FROM usage_history WHERE reason = 'forced' ORDER BY gpu"
	fi
}

# ---- limits ----

@test "a limit of GPUs per user; not for root and administrators" {
	host_pool 6 $'policy.max-gpus: 3\nadmin.group: gpu-admins'
	refused 'limit of 3 GPUs per user on this host (policy.max-gpus): you hold 0 and ask for 4' reserve --gpus 4
	ok user reserve --gpus 2
	over='limit of 3 GPUs per user on this host (policy.max-gpus): you hold 2 and ask for 2 - queue with --wait until you release some'
	refused "$over" reserve --gpus 2
	refused "$over" run --gpus 2 -- true
	# More than the limit at once is never possible.
	refused 'you hold 2 and ask for 4' run --wait --gpus 4 -- true
	assert_equal "$stderr" 'Error: limit of 3 GPUs per user on this host (policy.max-gpus): you hold 2 and ask for 4'
	ok admin reserve --gpus 4 --duration 1h
	ok admin release
	on_host 0 canhazgpu reserve --gpus 4
	assert_status 0
}

@test "at the limit --wait waits until the account is under it; others are served meanwhile, and its place is kept" {
	host_pool 3 'policy.max-gpus: 1'
	ok user reserve --short
	assert_stdout 0
	start_on_host 4302 own canhazgpu run --wait -- sh -c 'echo "own $CUDA_VISIBLE_DEVICES"; exec sleep 1000'
	wait_for_text "$WORLD/own.err" 'passed over: its account holds 1 GPU, and its limit is 1 (policy.max-gpus)'
	# Not yet scanned is not unknown.
	[[ $(<"$WORLD/own.err") != *'use unknown'* ]] || fail_with 'told before it was scanned'
	in_world canhazgpu queue --json >"$WORLD/queue"
	assert_equal "$(jq -r '.entries[0].estimated_start != null' "$WORLD/queue")" true # with the end of what it holds
	assert_equal "$(jq -r '.entries[0] | "\(.state) \(.passed_over) \(.allocated | length)"' "$WORLD/queue")" \
		'absent its account holds 1 GPU, and its limit is 1 (policy.max-gpus) 0'
	chg_ok queue --explain "$(jq -r '.entries[0].id' "$WORLD/queue")"
	assert_stdout_has 'It is passed over: its account holds 1 GPU, and its limit is 1 (policy.max-gpus). It keeps its place, but others are served meanwhile.'
	# Nobody behind it is held up, waiting or not.
	on_host 4301 canhazgpu reserve --short
	assert_status 0
	on_host 4303 canhazgpu reserve --wait 20s --short
	assert_status 0
	start_on_host 4301 behind canhazgpu run --wait -- sh -c 'echo "behind $CUDA_VISIBLE_DEVICES"; exec sleep 1000'
	wait_for_text "$WORLD/behind.err" 'aiting'
	# What the account releases is its own again: it was first. (The other one is at its limit, too.)
	ok user release
	assert_stdout_has 'Released 1 GPU(s): [0]'
	wait_for_text "$WORLD/own.out" 'own 0'
	# With a higher limit it goes on.
	host_config 'policy.max-gpus: 2'
	on_host 4303 canhazgpu release
	wait_for_text "$WORLD/behind.out" 'behind'
}

@test "loops, xargs and make keep within the limit by waiting" {
	host_pool 4 'policy.max-gpus: 2'
	cat >"$WORLD/job" <<-'END'
		#!/bin/sh
		# How many run at once, by directories that exist while one does.
		mkdir "$1/run.$2"
		ls "$1" | grep -c '^run' >>"$1/counts"
		rmdir "$1/run.$2"
		echo "$CUDA_VISIBLE_DEVICES" >>"$1/done"
	END
	chmod 0755 "$WORLD/job"
	mkdir -m 0777 "$WORLD/at"
	printf 'all: %s\n%s:\n\tcanhazgpu run --wait -- %s %s m$@\n' 'a b c d' 'a b c d' "$WORLD/job" "$WORLD/at" >"$WORLD/Makefile"
	chmod 0644 "$WORLD/Makefile"
	# shellcheck disable=SC2016
	on_host 4302 sh -euc 'for i in 1 2 3 4 5; do canhazgpu run --wait -- "$0/job" "$0/at" "l$i" & done; wait
		seq 6 | xargs -P 6 -I {} canhazgpu run --wait -- "$0/job" "$0/at" "x{}"
		make -s -j 4 -f "$0/Makefile"' "$WORLD"
	assert_status 0
	assert_equal "$(wc -l <"$WORLD/at/done")" 15
	assert_equal "$(sort -nr "$WORLD/at/counts" | head -n 1 | awk '{ print ($1 <= 2) }')" 1
	assert_no_processes
}

@test "one run after the other keeps within a limit" {
	host_pool 2 'policy.max-gpus: 1'
	# shellcheck disable=SC2016
	on_host 4302 sh -euc 'for i in 1 2 3 4 5 6 7 8; do canhazgpu run -- true; done'
	assert_status 0
	assert_no_processes
}

@test "nobody gets more than the limit by asking many times at once" {
	host_pool 12 'policy.max-gpus: 3'
	for round in 1 2 3; do
		# shellcheck disable=SC2016
		on_host 4302 sh -uc 'for i in 1 2 3 4 5 6 7 8 9 10; do canhazgpu reserve --gpu-ids $i & done; wait'
		assert_equal "$round: $(grep -c '^Reserved' <<<"$stdout") $(grep -c 'limit of 3 GPUs' <<<"$stderr")" "$round: 3 7"
		assert_equal "$(reserved | wc -w)" 3
		ok user release
	done
}

@test "the longest manual reservation: asked for, by default, and extended" {
	host_pool 2 'policy.max-duration: 2h'
	refused 'limit of 2h 0m 0s per manual reservation on this host (policy.max-duration): you ask for 3h 0m 0s' reserve --duration 3h
	ok user reserve
	assert_stdout_has 'for 2h 0m 0s'
	refused 'limit of 2h 0m 0s per manual reservation on this host (policy.max-duration): GPU 0 would be reserved for' extend --duration 1h
	ok user release
	ok user reserve --duration 30m
	ok user extend --duration 1h
	on_host 0 canhazgpu extend --gpu-ids 0 --duration 9h
	assert_status 0
	# A run ends when its command does.
	ok user run --timeout 5h -- true
}

@test "the longest wait: asked for, and by default" {
	host_pool 1 'policy.max-wait: 1s'
	on_host 0 canhazgpu reserve
	refused 'limit of 0h 0m 1s of waiting on this host (policy.max-wait): you ask for 0h 1m 0s' reserve --wait 1m
	user reserve --wait
	assert_status 75
	assert_stderr_has 'Waiting for at most 0h 0m 1s (policy.max-wait)'
}

@test "a note where one is required" {
	host_pool 2 'policy.require-note: true'
	refused 'a note is required on this host (policy.require-note): use --note to say what the GPUs are for' reserve
	refused 'a note is required on this host' run --note ' ' -- true
	ok user run --note 'a test' -- true
	on_host 0 canhazgpu reserve
	assert_status 0
}

# ---- where they stand ----

@test "no display names" {
	host_pool 2 'policy.no-display-name: true'
	refused 'display names are not used on this host (policy.no-display-name): leave out --user' reserve --user boss
	refused 'display names are not used on this host (policy.no-display-name): leave out --user' run --wait --user boss -- true
	ok user reserve --user user
	# An administrator may, but nobody is called like somebody else.
	on_host 0 canhazgpu reserve --user boss
	assert_status 0
	on_host 0 canhazgpu reserve --user user
	assert_error 2 "--user 'user' is the name of another account"
}

@test "users cannot set, lift or leave out what the administrator decides" {
	host_pool 2 'policy.max-gpus: 1'
	printf 'policy.max-gpus: 2\n' >"$WORLD/home/.canhazgpu.yaml"
	user reserve --gpus 2
	assert_error 2 "$WORLD/home/.canhazgpu.yaml:1:1: policy.max-gpus counts only in /etc/canhazgpu/config.yaml, where root sets it"
	mv "$WORLD/home/.canhazgpu.yaml" "$WORLD/named.yaml"
	chmod 0644 "$WORLD/named.yaml"
	user --config "$WORLD/named.yaml" reserve --gpus 2
	assert_error 2 "$WORLD/named.yaml:1:1: policy.max-gpus counts only in"
	on_host 4302 env CANHAZGPU_POLICY_MAX_GPUS=2 canhazgpu reserve --gpus 2
	assert_error 2 'environment variable CANHAZGPU_POLICY_MAX_GPUS: policy.max-gpus counts only in'
	user --policy-max-gpus 2 reserve --gpus 2
	assert_error 2 'policy.max-gpus counts only in'
	# Another file in place of the host's does not take the limit away.
	echo '{}' >"$WORLD/named.yaml"
	user --config "$WORLD/named.yaml" reserve --gpus 2
	assert_error 1 'limit of 1 GPU per user'
	on_host 4302 env HOME=/nonexistent USER=root LOGNAME=root canhazgpu reserve --gpus 2
	assert_error 1 'limit of 1 GPU per user'
	ok user --config "$WORLD/named.yaml" config --json
	assert_json '.["policy.max-gpus"] | "\(.value) \(.from)"' '1 /etc/canhazgpu/config.yaml:1:18'
}

@test "without the administrator's file nobody gets a GPU by naming another" {
	host_pool 2 $'policy:\n  max-gpus: many'
	echo '{}' >"$WORLD/named.yaml"
	chmod 0644 "$WORLD/named.yaml"
	for command in reserve 'run -- true' release 'admin --drain 0' 'extend'; do
		# shellcheck disable=SC2086
		user --config "$WORLD/named.yaml" $command
		assert_error 2 '/etc/canhazgpu/config.yaml:2:13: policy.max-gpus'
	done
	assert_reserved ''
	host_config '{}'
	chmod 0600 "$WORLD/etc/canhazgpu/config.yaml"
	user --config "$WORLD/named.yaml" reserve
	assert_error 2 '/etc/canhazgpu/config.yaml'
	chmod 0700 "$WORLD/etc/canhazgpu"
	user --config "$WORLD/named.yaml" reserve
	assert_error 2 '/etc/canhazgpu/config'
	assert_reserved ''
}

@test "a file of the administrator that breaks while a request waits does not cost it its GPUs" {
	host_pool 1 'policy.max-gpus: 1'
	on_host 4301 canhazgpu reserve --short
	# shellcheck disable=SC2016
	start_on_host 4302 waiter canhazgpu run --wait -- sh -c 'echo "started $CUDA_VISIBLE_DEVICES"; exec sleep 1000'
	wait_until 'grep -q "^Waiting: " "$WORLD/waiter.err"' 20
	host_config 'policy: ['
	in_world setpriv --reuid 4301 --regid 4300 --clear-groups canhazgpu release # there the file is right
	wait_until 'grep -q "^started 0" "$WORLD/waiter.out" || is_gone "${background_pids[waiter]}"' 20
	assert_equal "$(cat "$WORLD/waiter.out")" 'started 0'
	assert_reserved 0
	# A new one is not let through by that.
	user reserve
	assert_error 2 '/etc/canhazgpu/config.yaml:'
}

# ---- administrators ----

@test "administrators release what others have, and the history says so; others cannot" {
	host_pool 6 'admin.group: gpu-admins'
	ok user reserve --gpus 2 --short
	start_on_host 4302 run canhazgpu run -- sleep 1000
	wait_until 'is_called "${background_pids[run]}" sleep' 20
	on_host 4301 canhazgpu reserve --short
	assert_reserved '0 1 2 3'
	mine='only root and the group '"'gpu-admins'"' (admin.group) may release what others hold'
	refused "$mine" release --user maker
	refused "$mine" release --user 4301
	refused "$mine" release --user root
	refused "there is no account 'no-such-account'" release --user no-such-account
	refused "$mine" release --all
	refused 'reserved by maker, not by you' release --gpu-ids 3
	# The group is the kernel's, whatever the environment says.
	on_host 4302 env USER=admin LOGNAME=admin HOME=/root canhazgpu release --all
	assert_error 1 "$mine"
	user release --all --user user
	assert_error 2 'only one of --gpu-ids, --id, --user and --all can be used'
	ok user release --user user
	assert_stdout 'Released 3 GPU(s): [0, 1, 2]'
	ok user reserve --gpus 2 --short
	ok admin release --user user
	assert_stdout 'Released 2 GPU(s): [0, 1]'
	ok admin release --user user
	assert_stdout 'No reserved GPUs found for user'
	ok admin release --all
	assert_stdout 'Released 1 GPU(s): [3]'
	assert_equal "$(forced)" $'0 user admin\n1 user admin\n3 maker admin'
	# Without the setting only root may.
	host_config ''
	on_host 4301 canhazgpu reserve --short
	admin release --all
	assert_error 1 'only root may release what others hold (admin.group in /etc/canhazgpu/config.yaml can name a group that may, too)'
	on_host 0 canhazgpu release --user maker
	assert_stdout 'Released 1 GPU(s): [3]'
}

@test "administrators make the pool anew, cancel and extend for others" {
	host_pool 2 'admin.group: gpu-admins'
	ok user reserve --gpus 2 --duration 1h
	on_host 4302 canhazgpu admin --gpus 1 --provider fake --force
	assert_error 1 "the group 'gpu-admins' (admin.group)"
	assert_reserved '0 1'
	ok admin extend --gpu-ids 0,1 --duration 1h
	start_on_host 4302 waiter canhazgpu run --wait -- true
	wait_for_text "$WORLD/waiter.err" 'aiting'
	on_host 4301 canhazgpu cancel "$(in_world canhazgpu queue --json | jq -r '.entries[0].id')"
	assert_error 1 'not to you'
	ok admin cancel "$(in_world canhazgpu queue --json | jq -r '.entries[0].id')"
	wait_background waiter
	assert_equal "$status" 1
	ok admin admin --gpus 3 --provider fake --force
	assert_stdout 'Initialized 3 GPUs (IDs 0 to 2)'
	assert_reserved ''
}

# ---- GPUs out of service ----

@test "a drained GPU: what is there goes on, nobody gets it any more, and it comes back to who waits" {
	host_pool 2 'admin.group: gpu-admins'
	ok user reserve --short
	refused "the group 'gpu-admins' (admin.group)" admin --drain 0
	ok admin admin --drain 0
	assert_stdout 'Drained 1 GPU(s): [0] (existing reservations continue to their end)'
	assert_reserved 0
	chg_ok status
	assert_stdout_has 'then out of service (drained by admin)'
	refused 'GPU 0 cannot be extended: it is going out of service (drained by admin)' extend --duration 1h
	ok user release
	chg_ok status --json
	assert_json '[.[0].status, .[0].drained_by, (.[0].drained_at | type), .[1].status, .[1].drained_by] | join(" ")' \
		'DRAINED admin string AVAILABLE '
	chg_ok status --summary
	assert_stdout_has 'Available GPUs: 1 out of 2'
	assert_stdout_has 'Out of service: 1 GPU'
	refused 'GPU 0 is out of service (drained by admin): ask for another one' reserve --gpu-ids 0 --force
	refused 'only 1 of the pool'"'"'s 2 are in service (GPU 0: drained by admin)' reserve --gpus 2 --wait
	ok user reserve --short
	assert_stdout 1
	start_on_host 4301 waiter canhazgpu reserve --wait --short
	wait_for_text "$WORLD/waiter.err" 'aiting'
	ok admin admin --undrain 0
	assert_stdout 'Put 1 GPU(s) back into service: [0]'
	wait_background waiter
	assert_equal "$status $(cat "$WORLD/waiter.out")" '0 0'
}

@test "who waits for a GPU that is drained keeps its place, and blocks nobody" {
	host_pool 3 'admin.group: gpu-admins'
	on_host 4301 canhazgpu reserve --gpu-ids 2 --short
	start_on_host 4302 all canhazgpu reserve --wait --gpus 3 --short
	wait_until '[ "$(in_world canhazgpu queue --json | jq -c ".entries[0].allocated")" = "[0,1]" ]' 20
	ok admin admin --drain 2
	# What it had collected is free for the others.
	wait_until '[ "$(reserved)" = 2 ]' 20
	ok user reserve --gpus 2 --short
	assert_stdout '0,1'
	on_host 4301 canhazgpu release
	ok user release
	assert_alive "${background_pids[all]}"
	ok admin admin --undrain 2
	wait_background all
	assert_equal "$status $(cat "$WORLD/all.out")" '0 0,1,2'
}

@test "GPUs that the configuration keeps out" {
	host_pool 3 'pool.exclude: [0, 2]'
	fake_state '{"gpus":[{"index":0,"memory_used_mb":4000}]}'
	on_host 0 canhazgpu status --json
	assert_json '[.[].status] | join(" ")' 'DRAINED AVAILABLE DRAINED'
	assert_json '"\(.[0].excluded) \(.[1].excluded) \(.[0].validation)"' 'true null 4000MB used'
	refused 'only 1 of the pool'"'"'s 3 are in service (GPU 0: kept out by pool.exclude; GPU 2: kept out by pool.exclude)' reserve --gpus 2
	refused 'GPU 2 is out of service (kept out by pool.exclude)' run --gpu-ids 2 -- true
	ok user run -- sh -c 'echo $CUDA_VISIBLE_DEVICES'
	assert_stdout 1
	wait_until '[ -z "$(reserved)" ]'
	# To be put back it has to go from there.
	on_host 0 canhazgpu admin --undrain 2
	assert_stdout 'GPU(s) [2] are already in service'
	refused 'GPU 2 is out of service' reserve --gpu-ids 2
}

@test "the owner of a pool of one's own drains its GPUs; a pool anew has all of them" {
	need_sqlite
	shared_pool 2
	as_user 4301 canhazgpu admin --drain 1
	status=0
	as_user 4302 canhazgpu admin --undrain 1 >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	assert_error 1 'only root and the owner of the pool may take GPUs out of service, or put them back'
	chg admin --drain 0 --gpus 2
	assert_error 2 '--drain and --undrain cannot be used with other options'
	chg admin --drain 2
	assert_error 1 'GPU ID 2 does not exist'
	chg_ok admin --gpus 2 --provider fake --force
	chg_ok status --json
	assert_json '[.[].status] | join(" ")' 'AVAILABLE AVAILABLE'
}
