#!/usr/bin/env bats
# `run --host any` by 50 callers at once on 3 hosts with 12 GPUs: everybody gets what was asked for, nobody what another
# has. Part of the storms of `make check-deep`.

load ../e2e/helpers
load ../e2e/remote_helpers

CALLERS=${CALLERS:-50}

@test "$CALLERS callers of run --host any on 3 hosts with 12 GPUs" {
	local i n
	lab_open
	lab_host 1 4
	lab_host 2 4
	lab_host 3 4
	hosts '[gpu1, gpu2, gpu3]' 'host-timeout: 120s'
	mkdir "$WORLD/locks" "$WORLD/done"
	# Takes a lock for each GPU that it was given: a second one on the same GPU cannot.
	cat >"$WORLD/bin/job" <<-'END'
		#!/bin/bash
		# job WORLD NUMBER GPUS
		IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
		[ "${#gpus[@]}" = "$3" ] || echo "asked for $3 and got ${#gpus[@]}" >>"$1/wrong"
		for gpu in "${gpus[@]}"; do
			mkdir "$1/locks/$(hostname)-$gpu" 2>/dev/null || echo "$(hostname) $gpu twice" >>"$1/wrong"
		done
		sleep "0.$((RANDOM % 8 + 1))"
		for gpu in "${gpus[@]}"; do
			rmdir "$1/locks/$(hostname)-$gpu"
		done
		hostname >"$1/done/$2"
	END
	chmod +x "$WORLD/bin/job"
	for ((i = 1; i <= CALLERS; i++)); do
		n=$((i % 4 + 1))
		start_lab "caller$i" "$desk" canhazgpu run --host any --gpus "$n" --wait 10m -- job "$WORLD" "$i" "$n"
	done
	for ((i = 1; i <= CALLERS; i++)); do
		wait_background "caller$i"
		[ "$status" = 0 ] || fail_with "caller $i: $(cat "$WORLD/caller$i.err")"
	done
	[ ! -e "$WORLD/wrong" ] || fail_with "$(cat "$WORLD/wrong")"
	[ "$(find "$WORLD/done" -type f | wc -l)" = "$CALLERS" ]
	for i in 1 2 3; do
		on "$i" canhazgpu events --json --newest 5000 >"${KEEP:-$WORLD}/events$i"
	done
	python3 "$BATS_TEST_DIRNAME/hosts_queued.py" 4 "${KEEP:-$WORLD}"/events[123] >&3
	sort "$WORLD"/done/* | uniq -c >&3
	# Nothing is held any more, but what was kept for a caller for two minutes at most.
	for i in 1 2 3; do
		wait_until '[ -z "$(gpus_in_use "$(on '"$i"' canhazgpu status --json)")" ]' 10
	done
}
