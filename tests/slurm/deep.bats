#!/usr/bin/env bats
# What takes longer on a real cluster: its accounting, a crowd, a controller that hangs.

load helpers

setup_file() {
	cluster_open --accounting
}

teardown_file() {
	cluster_close
}

setup() {
	[ -e "$cluster/c/slurm.conf" ] || skip 'there is no cluster'
}

teardown() {
	end_test
}

@test "50 runs at once on 12 GPUs: each gets what it has asked for, and no GPU is given twice" {
	local i pids=() failed=0
	# shellcheck disable=SC2016
	for ((i = 0; i < 50; i++)); do
		chg_begin "crowd$i" run --wait --gpus $((i % 3 + 1)) -- sh -c '
			for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , " "); do
				mkdir "$0/$SLURMD_NODENAME-$gpu" || exit 9
			done
			sleep 0.2
			for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , " "); do
				rmdir "$0/$SLURMD_NODENAME-$gpu"
			done
			echo "$CUDA_VISIBLE_DEVICES"' "$cluster/home"
		pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=$((failed + 1))
	done
	[ $failed = 0 ]
	for ((i = 0; i < 50; i++)); do
		[ "$(tr , '\n' <"$cluster/crowd$i.out" | wc -l)" = $((i % 3 + 1)) ]
	done
}

@test "report: GPU hours of runs and reservations, from the accounting" {
	chg run --gpus 2 -- sleep 2
	chg reserve --gpus 1 --slurm --mem=50
	chg release
	# The accounting is late by seconds. The runs of the other tests are in it, too.
	wait_until 'chg report --json | jq -e ".users[0] | .run_count >= 1 and .manual_count == 1 and .gpu_hours > 0.001"'
	run -2 chg report --by gpu
	[[ $output == *'its accounting does not say'* ]]
	run chg doctor
	[[ $output == *'slurmdbd, with GPUs'* ]]
}

@test "srun killed: its request leaves the queue, its job or step is ended" {
	local i job
	chg_begin job run --gpus 3 -- sleep 100
	wait_until 'grep -q "^Reserved" "$cluster/job.err"'
	pkill -KILL -P $pid -x srun
	fails wait $pid
	wait_until is_quiet
	job=$(chg reserve --gpus 4 --short --slurm --mem=50)
	chg_begin step run -- sleep 100
	wait_until 'grep -q "^Using" "$cluster/step.err"'
	pkill -KILL -P $pid -x srun
	fails wait $pid
	wait_until '[ -z "$(slurm squeue -h -s -j '"$job"' -o %i | grep "^'"$job"'\.[0-9]")" ]'
	[ "$(slurm squeue -h -t R -o %A)" = "$job" ]
	quiet
	for i in 1 2 3; do
		slurm salloc --no-shell --nodes=1 --gres=gpu:4 --time=60 --mem=50 2>/dev/null
	done
	chg_begin pending run --wait -- true
	wait_until 'grep -q "^Waiting" "$cluster/pending.err"'
	pkill -KILL -P $pid -x srun
	fails wait $pid
	wait_until '[ -z "$(slurm squeue -h -t PD -o %A)" ]'
}

@test "a request is given up in seconds, also where the controller hangs, and says what it may have left" {
	local i pids=() id
	for i in 1 2 3; do
		slurm salloc --no-shell --nodes=1 --gres=gpu:4 --time=60 --mem=50 2>/dev/null
	done
	chg_begin hung-run run --wait -- true
	pids+=($pid)
	chg_begin hung-reserve reserve --wait --slurm --mem=50
	pids+=($pid)
	for i in run reserve; do
		wait_until 'grep -q Waiting "$cluster/hung-'$i'.err"'
	done
	id=$(cat "$cluster/c/run/slurmctld")
	kill -STOP "$id"
	kill -INT "${pids[@]}"
	for i in run reserve; do
		wait_until 'grep -q "^Warning: Slurm does not answer: squeue took too long; if it has got the request, " "$cluster/hung-'$i'.err"'
	done
	kill -CONT "$id"
	for pid in "${pids[@]}"; do
		fails wait $pid
	done
	# As it says, unless Slurm hears now what it was told then.
	eval "$(sed -n "s/.*'\(scancel --me --name=[^']*\)'.*/slurm \1/p" "$cluster"/hung-run.err)"
	chg cancel || [ -z "$(slurm squeue -h -t PD -o %A)" ]
	wait_until '[ -z "$(slurm squeue -h -t PD -o %A)" ]'
	[ "$(slurm squeue -h -t R -o %A | wc -l)" = 3 ]
}

@test "a controller that hangs is told within 3 s" {
	run -0 chg status
	kill -STOP "$(cat "$cluster/c/run/slurmctld")"
	local begin=${EPOCHREALTIME/./} end
	run -0 chg status
	end=${EPOCHREALTIME/./}
	run -1 chg run -- true
	kill -CONT "$(cat "$cluster/c/run/slurmctld")"
	echo "$((end - begin)) us"
	[ $((end - begin)) -lt 3000000 ]
	[[ $output == 'Error: Slurm does not answer: squeue took too long' ]]
}

@test "a reservation that is interrupted at any moment is either told or taken back" {
	local ms told=0 back=0 rc
	# The last one is not interrupted.
	for ms in 005 010 015 020 025 030 040 050 060 070 080 100 150 200 300 whole; do
		chg_begin "early$ms" reserve --short --slurm --mem=50
		if [ $ms != whole ]; then
			sleep "0.$ms"
			kill -INT $pid 2>/dev/null || true
		fi
		rc=0
		wait $pid || rc=$?
		if [ -s "$cluster/early$ms.out" ]; then
			[ $rc = 0 ]
			[ "$(slurm squeue -h -t R -o %A)" = "$(cat "$cluster/early$ms.out")" ]
			told=$((told + 1))
			quiet
		else
			[ $rc != 0 ]
			wait_until is_quiet
			back=$((back + 1))
		fi
	done
	echo "told $told, taken back $back"
	[ $told -gt 0 ] && [ $back -gt 0 ]
}

@test "reserve killed while it waits leaves nothing in the queue" {
	local i signal
	for i in 1 2 3; do
		slurm salloc --no-shell --nodes=1 --gres=gpu:4 --time=60 --mem=50 2>/dev/null
	done
	for signal in KILL INT TERM HUP; do
		chg_begin "waits$signal" reserve --wait --slurm --mem=50
		wait_until 'grep -q Waiting "$cluster/waits'$signal'.err"'
		kill -$signal $pid
		fails wait $pid
		wait_until '[ -z "$(slurm squeue -h -t PD -o %A)" ]'
	done
	[ "$(slurm squeue -h -t R -o %A | wc -l)" = 3 ]
}

@test "web: who has the page open hears of a job that starts, and the report comes from the accounting" {
	local url stream job changes
	chg_begin web web --host 127.0.0.1 --port 0
	wait_until 'grep -q "^Serving" "$cluster/web.out" "$cluster/web.err"'
	url=$(grep -ho 'http://[^ ]*' "$cluster/web.out" "$cluster/web.err" | head -n 1)
	curl -sSN --max-time 60 "${url}api/events" >"$cluster/stream" 3>&- &
	stream=$!
	curl -sSf --max-time 20 -o "$cluster/before" "${url}api/status"
	[ "$(jq '[.[] | select(.status == "IN_USE")] | length' "$cluster/before")" = 0 ]
	# What the first refresh has changed.
	sleep 0.5
	changes=$(grep -c '^event: change' "$cluster/stream" || true)
	job=$(chg reserve --short --gpus 2 --slurm --mem=50)
	wait_until '[ "$(grep -c "^event: change" "$cluster/stream")" -gt '"$changes"' ]'
	kill $stream
	wait_until '[ "$(curl -sSf --max-time 20 "${url}api/status" | jq --arg job "$job" "[.[] | select(.job_id == \$job)] | length")" = 2 ]'
	run -0 curl -sSf --max-time 20 "${url}api/report?days=1"
	[ "$(jq '.users | length > 0' <<<"$output")" = true ]
	run -0 curl -sSf --max-time 20 "${url}api/timeline"
	[[ $(jq -r .note <<<"$output") == 'Slurm does not keep which GPUs a job has had'* ]]
	kill $pid
	wait $pid
}
