#!/usr/bin/env bats
# A real cluster: the rows of the table in docs/slurm.md, and what must not be left behind.

load helpers

setup_file() {
	cluster_open
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

@test "status shows each GPU of each node, by node and number" {
	run -0 chg status
	[[ ${lines[0]} == 'GPU   STATUS'* ]]
	[ "$(grep -c '^n[1-3]:[0-3]  AVAILABLE .* free .* unknown$' <<<"$output")" = 12 ]
	run -0 chg status --json
	[ "$(jq -r '.[5] | "\(.gpu_id) \(.node) \(.node_gpu) \(.status) \(.validation)"' <<<"$output")" = '5 n2 1 AVAILABLE unknown' ]
	run -0 chg status --summary
	[ "${lines[0]}" = 'Available GPUs: 12 out of 12' ]
}

@test "run: exit status, signals, 126 and 127 are those of the command" {
	local row
	run -3 --separate-stderr chg run --slurm --ntasks=2 -- sh -c 'exit 3'
	[[ $stderr != *srun* ]]
	# squeue would take a comma for the end of a name.
	as_user ln -sf "$(command -v sh)" "$cluster/a,b 'c"$'\n\xff'
	run -4 --separate-stderr chg run -- "$cluster/a,b 'c"$'\n\xff' -c 'echo "$SLURM_JOB_NAME"; exit 4'
	[[ $output =~ ^abc\.[0-9a-f]{8}$ ]]
	for row in '0 true' '3 exit 3' '255 exit 255' '137 kill -KILL $$' '143 kill -TERM $$'; do
		run chg run -- sh -c "${row#* }"
		echo "$row: $status $output"
		[ "$status" = "${row%% *}" ]
		[[ $output != *srun* ]]
	done
	# Also for a caller that wants to know nothing of its children.
	run -3 as_user timeout 60 env --ignore-signal=CHLD "$CANHAZGPU_BIN" run -- sh -c 'exit 3'
	run -127 chg run -- no-such-command
	run -126 chg run -- /etc/passwd
}

@test "run: standard input, error, directory, mask and environment pass; nothing of ours is among them" {
	printf '#!/bin/sh\ncat; echo "$X:$(pwd):$(umask):$CUDA_VISIBLE_DEVICES"; echo wrong >&2; printf end >&2\n' >"$cluster/script"
	chmod 755 "$cluster/script"
	(
		umask 027
		echo in | X='a b' chg run --gpus 2 -- "$cluster/script" >"$cluster/out" 2>"$cluster/err"
	)
	[ "$(cat "$cluster/out")" = "in
a b:$cluster:0027:0,1" ]
	grep -qE '^Reserved 2 GPU\(s\) on n[1-3]: \[0,1\] for command execution \(job [0-9]+\)$' "$cluster/err"
	[ "$(tail -n 2 "$cluster/err")" = 'wrong
end' ]
	fails grep -q 'canhazgpu:' "$cluster/err"
}

# on_terminal ARGS: runs the program with a terminal of its own.
on_terminal() {
	as_user timeout 60 python3 -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$CANHAZGPU_BIN" "$@" </dev/null 3>&-
}

@test "run with its output elsewhere, or without: it runs, and its time limit counts" {
	local option
	for option in --output= --err=; do
		run -3 chg run --slurm $option"$cluster/file" -- sh -c 'echo said >&2; exit 3'
		[ "$(cat "$cluster/file")" = said ]
	done
	run -0 --separate-stderr chg run --slurm --label -- echo said
	[ "$output" = '0: said' ]
	run -130 chg run --timeout 1s --slurm --output="$cluster/file" -- sleep 100
	run -3 as_user timeout 20 sh -c 'exec "$0" run -- sh -c "cat; echo said; exit 3" <&- >&- 2>&-' "$CANHAZGPU_BIN" 3>&-
}

@test "run on a terminal has one" {
	run -4 on_terminal run -- sh -c 'test -t 0 && test -t 1 && echo is a terminal; exit 4'
	[[ $output == *'is a terminal'* ]]
}

@test "a command that srun has not started is a failure, whatever srun says" {
	mkdir -p "$cluster/bin"
	printf '#!/bin/sh\necho "srun: error: task 0 launch failed: Slurmd could not execve job" >&2\nexit 0\n' >"$cluster/bin/srun"
	chmod 755 "$cluster/bin/srun"
	PATH=$cluster/bin:$PATH run -1 chg run -- true
	[ "$output" = 'Error: Slurm: task 0 launch failed: Slurmd could not execve job' ]
	printf '#!/bin/sh\nexit 0\n' >"$cluster/bin/srun"
	PATH=$cluster/bin:$PATH run -1 chg run -- true
	[[ $output == *'the command has not run'* ]]
	run -1 chg run --slurm --bogus -- true
	[ "${lines[-1]}" = "Error: Slurm: unrecognized option '--bogus'" ]
}

@test "reserve, run inside it, status, release" {
	run -0 chg reserve --gpus 2 --duration 1h --note $'my "note"\nGPU \033[31m' --slurm --mem=50
	[[ ${lines[0]} =~ ^'Reserved 2 GPU(s) for 1h 0m 0s: job '([0-9]+)$ ]]
	local job=${BASH_REMATCH[1]}
	run -0 chg status
	[[ $output == *"MANUAL"*"job $job [my \"note\"\\x0aGPU \\x1b[31m]"* ]]
	run -0 --separate-stderr chg run -- sh -c 'echo "$SLURM_JOB_ID"'
	[ "$output" = "$job" ]
	[[ $stderr == *"Using 1 GPU(s) on "*" that you hold, until that ends (job $job)"* ]]
	# One that is too small is not enough.
	run -0 --separate-stderr chg run --gpus 3 -- sh -c 'echo "$SLURM_JOB_ID"'
	[ "$output" != "$job" ]
	run -0 chg release
	[ "$output" = "Released 2 GPU(s): job $job" ]
	run -0 chg release
	[ "$output" = 'No manually reserved GPUs found for current user' ]
}

@test "reserve --short and --export are for scripts" {
	run -0 chg reserve --short --slurm --mem=50
	[[ $output =~ ^[0-9]+$ ]]
	quiet
	eval "$(chg reserve --export --slurm --mem=50 2>/dev/null)"
	run -0 --separate-stderr chg run -- sh -c 'echo "$SLURM_JOB_ID"'
	[ "$output" = "$SLURM_JOB_ID" ]
	unset SLURM_JOB_ID SLURM_GPUS_ON_NODE
}

@test "a reservation whose salloc does not say so is found, and taken back where salloc has failed" {
	run -0 chg reserve --short --slurm --mem=50 --quiet
	[[ $output =~ ^[0-9]+$ ]]
	[ "$(slurm squeue -h -o %A)" = "$output" ]
	local end
	mkdir -p "$cluster/bin"
	for end in 'kill -KILL $$' 'exit 1'; do
		printf '#!/bin/sh\n"%s" "$@" 2>/dev/null\n%s\n' "$(command -v salloc)" "$end" >"$cluster/bin/salloc"
		chmod 755 "$cluster/bin/salloc"
		PATH=$cluster/bin:$PATH run -1 chg reserve --slurm --mem=50
		[[ $output == 'Error: salloc ended with status '* ]]
	done
	rm "$cluster/bin/salloc"
	# What another process has reserved stays.
	[ "$(slurm squeue -h -t R | wc -l)" = 1 ]
}

@test "what a user has set for Slurm's own programs changes nothing that is read" {
	local SQUEUE_FORMAT=x SQUEUE_FORMAT2=y SQUEUE_STATES=FAILED SQUEUE_USERS=root SQUEUE_SORT=i SQUEUE_PARTITION=none \
		SQUEUE_ARRAY=1 SINFO_FORMAT=x SINFO_PARTITION=none SINFO_SORT=x SLURM_TIME_FORMAT=relative SLURM_BITSTR_LEN=3 \
		SLURM_CLUSTERS=none SLURM_DEBUG=quiet SLURM_EXIT_ERROR=77 SLURM_EXIT_IMMEDIATE=78 SLURM_NTASKS=3 SLURM_NNODES=2 \
		SLURM_GRES=gpu:4 SLURM_IMMEDIATE=1 SLURM_LABELIO=1 SLURM_STDERRMODE=none SLURM_JOB_NAME=x SLURM_TEST_EXEC=1 \
		SALLOC_IMMEDIATE=1 SALLOC_GRES=gpu:4 SALLOC_DEBUG=quiet SALLOC_TIMELIMIT=1 SALLOC_NO_BELL=1 \
		SCANCEL_INTERACTIVE=1 SCANCEL_STATE=PENDING SCANCEL_VERBOSE=1 SLURM_HINT=nomultithread
	# These are what requests are to be of.
	local SALLOC_PARTITION=main SLURM_PARTITION=main
	export "${!SQUEUE_@}" "${!SINFO_@}" "${!SALLOC_@}" "${!SCANCEL_@}" SLURM_TIME_FORMAT SLURM_BITSTR_LEN SLURM_CLUSTERS \
		SLURM_DEBUG SLURM_EXIT_ERROR SLURM_EXIT_IMMEDIATE SLURM_NTASKS SLURM_NNODES SLURM_GRES SLURM_IMMEDIATE \
		SLURM_LABELIO SLURM_STDERRMODE SLURM_JOB_NAME SLURM_TEST_EXEC SLURM_HINT SLURM_PARTITION
	run -0 chg reserve --gpus 2 --duration 2h --slurm --mem=50
	[[ ${lines[0]} == 'Reserved 2 GPU(s) for 2h 0m 0s: job '* ]]
	run -0 chg status
	[ "$(grep -c 'MANUAL .* expires in [12]h' <<<"$output")" = 2 ]
	run -3 --separate-stderr chg run --gpus 2 -- sh -c 'echo said; exit 3'
	[ "$output" = said ]
	run -0 chg release
	[[ $output == 'Released 2 GPU(s): job '* ]]
	run -3 --separate-stderr chg run --gpus 2 -- sh -c 'echo said; exit 3'
	[ "$output" = said ]
	run -0 chg queue
	[ "$output" = 'No requests are waiting.' ]
	SLURM_PARTITION=none run -1 chg run -- true
	[[ $output == 'Error: Slurm: '*'partition'* ]]
	SALLOC_PARTITION=none run -1 chg reserve
	[[ $output == 'Error: Slurm: '*'partition'* ]]
}

@test "status --mine, release --user, and cancel of a job that runs" {
	local job
	job=$(chg reserve --short --gpus 2 --slurm --mem=50)
	run -0 chg status --mine
	[ "$(grep -c '^n[1-3]:' <<<"$output")" = 2 ]
	[ "$(grep -c "job $job" <<<"$output")" = 2 ]
	run -0 chg release --user "$(as_user id -un)"
	[ "$output" = "Released 2 GPU(s): job $job" ]
	chg_begin victim run -- sleep 100
	wait_until 'grep -q Reserved "$cluster/victim.err"'
	job=$(sed -n 's/.*(job \([0-9]*\))$/\1/p' "$cluster/victim.err")
	run -0 chg cancel "$job"
	[ "$output" = "Ended job $job" ]
	fails wait $pid
}

@test "however many watch, Slurm is asked once in 10 s, also when it does not answer" {
	local i mode pids begin turn
	mkdir -p "$cluster/bin"
	rm -f "$cluster"/home/.cache/canhazgpu/slurm-*
	run -0 chg status
	for mode in 'sleep 0.2; exec "$0" "$@"' 'exit 1'; do
		printf '#!/bin/sh\necho asked >>"%s/home/asked"\nset -- "%s" "$@"\nexec sh -c '"'%s'"' "$@"\n' "$cluster" \
			"$(command -v squeue)" "$mode" >"$cluster/bin/squeue"
		chmod 755 "$cluster/bin/squeue"
		rm -f "$cluster/home/asked" "$cluster"/home/.cache/canhazgpu/slurm-*.asked
		# The answer is there, and too old.
		as_user touch -d '-1 minute' "$cluster"/home/.cache/canhazgpu/slurm-*
		pids=()
		begin=$SECONDS
		for i in 1 2 3 4; do
			PATH=$cluster/bin:$PATH chg_begin "watch$i" status --watch=1
			pids+=("$pid")
		done
		for i in 1 2 3 4; do
			wait_until 'grep -q "^n3:3" "$cluster/watch'$i'.out"'
		done
		# More than the second that was asked for.
		sleep 1.2
		kill "${pids[@]}"
		# Where all of that has taken so long they have asked once more.
		[ $((SECONDS - begin)) -lt 9 ] || continue
		[ "$(wc -l <"$cluster/home/asked")" = 1 ]
		[ "$(cat "$cluster"/watch[1-4].out | grep -c '^n3:3')" = 4 ]
	done
	[ "$(cat "$cluster"/watch[1-4].err | grep -c '^Warning: .*; this is what it said at .* ago$')" -ge 4 ]
	[ "$(cat "$cluster"/watch[1-4].err | grep -c '^Warning: Slurm has not answered another process of this account; ')" -ge 3 ]
	rm "$cluster/bin/squeue"
	# Whoever has the lock but does not ask, because it is stopped (Ctrl-Z), keeps nobody from asking.
	as_user touch -d '-1 minute' "$cluster"/home/.cache/canhazgpu/slurm-*
	exec {turn}>>"$(ls "$cluster"/home/.cache/canhazgpu/slurm-*.asked)"
	flock $turn
	chg_begin stuck status --watch=1
	wait_until 'grep -q "^n3:3" "$cluster/stuck.out"'
	exec {turn}>&-
	kill $pid
	[ ! -s "$cluster/stuck.err" ]
}

# All GPUs, in one job for each node.
fill() {
	local i
	for i in 1 2 3; do
		slurm salloc --no-shell --nodes=1 --gres=gpu:4 --time=60 --mem=50 -J "filler"$'\n'"12|0|R" 2>/dev/null
	done
}

@test "queue: what waits, why, in words and as JSON; cancel takes it out" {
	fill
	chg_begin waiting run --wait --gpus 3 --note 'for "you"' -- true
	wait_until 'grep -q "Waiting for 3 GPUs: job" "$cluster/waiting.err"'
	run -0 chg queue
	[[ ${lines[2]} =~ ^'1 '.*' 3 '.*' run  '.*'GPUs, CPUs or memory that other jobs have'$ ]]
	run -0 --separate-stderr chg queue --json
	[ "$(jq -r '.entries[] | "\(.requested) \(.type) \(.note)"' <<<"$output")" = '3 run for "you"' ]
	local id
	id=$(jq -r '.entries[0].id' <<<"$output")
	run -0 chg queue --explain "$id"
	[[ $output == "Job $id of "*' is waiting for 3 GPUs in the partition main'*"(Slurm's reason: Resources)"* ]]
	run -0 chg cancel
	[ "$output" = "Cancelled request $id" ]
	fails wait $pid
	run -1 chg cancel 99999
	[[ $output == *'there is no job 99999'* ]]
	run -2 chg cancel x1
}

@test "GPUs that are not free: at once, and after the time of --wait" {
	fill
	# It takes its 5 seconds, the others meanwhile.
	chg_begin busy run -- true
	run -75 chg run --wait 1s -- true
	[[ ${lines[-1]} == 'Error: gave up:'* ]]
	run -75 on_terminal run --wait 1s -- true
	[[ ${lines[-1]} == 'Error: gave up:'* ]]
	run -1 chg run --gpus 5 -- true
	[[ $output == 'Error: Slurm: Requested node configuration is not available' ]]
	local rc=0
	wait $pid || rc=$?
	[ $rc = 1 ]
	[ "$(cat "$cluster/busy.err")" = "Error: no 1 free GPU within 5 seconds; --wait queues, and 'canhazgpu status' shows who has them" ]
	[ -z "$(slurm squeue -h -t PD)" ]
}

@test "--timeout stops a command by SIGINT, in seconds, --signal-before warns it" {
	run -5 chg run --timeout 2s --signal-before 1s -- sh -c 'trap "echo warned" USR1
		trap "echo told; exit 5" INT; while :; do sleep 0.1; done'
	[[ $output == *$'\nwarned\n'*told ]]
}

@test "what does not end at --timeout is killed, and a second Ctrl-C ends the job" {
	CANHAZGPU_RUN_GRACE=500ms run -137 chg run --timeout 1s -- sh -c 'trap "" INT; while :; do sleep 0.1; done'
	chg_begin stubborn run -- sh -c 'trap "echo told" INT; echo up; while :; do sleep 0.1; done'
	wait_until 'grep -q up "$cluster/stubborn.out" && grep -q Reserved "$cluster/stubborn.err"'
	kill -INT $pid
	wait_until 'grep -q told "$cluster/stubborn.out"'
	kill -INT $pid
	wait_until '! kill -0 $pid 2>/dev/null'
}

@test "SIGTERM and Ctrl-C reach the command, which decides" {
	local signal
	for signal in TERM INT; do
		chg_begin "told$signal" run -- sh -c "trap 'echo told; exit 6' $signal; echo up; while :; do sleep 0.1; done"
		wait_until 'grep -q up "$cluster/told'$signal'.out" && grep -q Reserved "$cluster/told'$signal'.err"'
		kill -$signal $pid
		local rc=0
		wait $pid || rc=$?
		[ $rc = 6 ]
		grep -q told "$cluster/told$signal.out"
	done
}

@test "killed while it runs, or while it waits: nothing is left" {
	chg_begin killed run -- sleep 100
	wait_until 'grep -q Reserved "$cluster/killed.err"'
	kill -KILL $pid
	wait_until is_quiet
	fill
	local signal pids=()
	for signal in KILL INT TERM; do
		chg_begin "pending$signal" run --wait -- true
		pids+=("$pid")
	done
	for signal in KILL INT TERM; do
		wait_until 'grep -q Waiting "$cluster/pending'$signal'.err"'
		kill -$signal "${pids[0]}"
		fails wait "${pids[0]}"
		pids=("${pids[@]:1}")
	done
	wait_until '[ -z "$(slurm squeue -h -t PD -o %A)" ]'
}

@test "a drained node and a node that is down are out of service, with the reason" {
	slurm scontrol update nodename=n2 state=drain reason='bad fan'
	slurm scontrol update nodename=n3 state=down reason='no power'
	run -0 chg status
	[ "$(grep -c '^n2:.*DRAINED.*node drained: bad fan' <<<"$output")" = 4 ]
	[ "$(grep -c '^n3:.*DRAINED.*node down: no power' <<<"$output")" = 4 ]
	slurm scontrol update nodename=n2,n3 state=resume
	wait_until '[ "$(slurm sinfo -hN -o %t | grep -c "^idle$")" = 3 ]'
}

@test "what Slurm cannot do is refused in one line, with its own way" {
	run -2 chg extend 1h
	[[ $output == "Error: 'extend' does not work with Slurm: only an administrator"*scontrol* ]]
	run -2 chg release --gpu-ids 1
	[[ $output == 'Error: --gpu-ids does not work with Slurm: a job is released as a whole'* ]]
	run -2 chg admin --gpus 4
	[[ $output == "Error: 'admin' does not work with Slurm"* ]]
	run -1 chg report
	[[ $output == *'its accounting is not set up'* ]]
}

@test "doctor looks at programs, controller, GPUs and accounting" {
	run chg doctor
	[[ $output == *'ok '*'slurm controller '*'12 on 3 nodes'*'note '*'slurm accounting'* ]]
}

@test "without the controller: one line within 3 s, status as it was; and it comes back" {
	rm -f "$cluster"/home/.cache/canhazgpu/slurm-*
	run -0 chg status
	local ctld begin
	ctld=$(cat "$cluster/c/run/slurmctld")
	kill -KILL "$ctld"
	begin=${EPOCHREALTIME/./}
	# All at once: each waits for its limit.
	chg_begin dead-run run -- true
	local run_pid=$pid
	chg_begin dead-reserve reserve
	local reserve_pid=$pid
	run -0 chg status
	[[ ${lines[0]} == 'Warning: '*'; this is what it said at '*' ago' ]]
	[ "$(grep -c AVAILABLE <<<"$output")" = 12 ]
	fails wait $run_pid
	fails wait $reserve_pid
	[ $((${EPOCHREALTIME/./} - begin)) -lt 8000000 ]
	local name
	for name in run reserve; do
		[ "$(wc -l <"$cluster/dead-$name.err")" = 1 ]
		grep -q '^Error: Slurm does not answer' "$cluster/dead-$name.err"
	done
	as_user bash -c 'setsid slurmctld -D >/dev/null 2>&1 </dev/null 3>&- & echo $! >"$0"' "$cluster/c/run/slurmctld"
	# A client that it does not answer yet would try again after seconds.
	wait_until '(exec 4<>"/dev/tcp/127.0.0.1/$(sed -n s/^SlurmctldPort=//p "$SLURM_CONF")") 2>/dev/null'
	# What it had saved may be older than the last test: jobs of that come back, and drained nodes.
	# The other nodes are unknown to it at first, which the next tests would see.
	wait_until 'slurm scancel --user="$(as_user id -un)"; slurm scontrol update nodename=n[1-3] state=resume 2>/dev/null
		[ "$(slurm sinfo -hN -o %t 2>/dev/null | grep -c "^idle$")" = 3 ]'
	run -0 --separate-stderr chg run -- echo back
	[ "$output" = back ]
}

@test "what really runs is told by the web server of a node, which hosts names" {
	local node=$cluster/node url
	as_user mkdir -p "$node"
	jq -n '{gpus: [
		{index: 0, device_minor: 3, memory_used_mb: 700, processes: [{pid: 1, name: "x", memory_mb: 700}]},
		{index: 1, device_minor: 0}, {index: 2, device_minor: 1}, {index: 3, device_minor: 2}]}' >"$node/fake.json"
	export CANHAZGPU_FAKE_STATE=$node/fake.json CANHAZGPU_STORE=sqlite:$node/db CANHAZGPU_MEMORY_THRESHOLD=500
	CANHAZGPU_ENGINE=pool chg admin --gpus 4 --provider fake
	CANHAZGPU_ENGINE=pool chg_begin node web --host 127.0.0.1 --port 0
	wait_until 'grep -q "^Serving" "$cluster/node.out" "$cluster/node.err"'
	url=$(grep -ho 'http://[^ ]*' "$cluster/node.out" "$cluster/node.err" | head -n 1)
	# n2 is named, too, and nothing listens there.
	export CANHAZGPU_HOSTS="n1 url=$url, n2 url=http://127.0.0.1:1, other url=http://127.0.0.1:1"
	run -0 chg status
	echo "$output"
	[ "$(grep -c '^n1:[0-2]  AVAILABLE .* free .* 0MB used$' <<<"$output")" = 3 ]
	grep -q '^n1:3  UNRESERVED .*700MB used' <<<"$output"
	[ "$(grep -c '^n2:[0-3]  AVAILABLE .* unknown: n2: ' <<<"$output")" = 4 ]
	[ "$(grep -c '^n3:[0-3]  AVAILABLE .* unknown$' <<<"$output")" = 4 ]
	kill $pid
	wait $pid
}

@test "web shows the cluster: status, queue, metrics and what runs" {
	local job
	job=$(chg reserve --short --gpus 2 --slurm --mem=50)
	rm -f "$cluster"/home/.cache/canhazgpu/slurm-*
	chg_begin web web --host 127.0.0.1 --port 0
	wait_until 'grep -q "^Serving" "$cluster/web.out" "$cluster/web.err"'
	local url
	url=$(grep -ho 'http://[^ ]*' "$cluster/web.out" "$cluster/web.err" | head -n 1)
	run -0 curl -sSf --max-time 20 "${url}api/status"
	[ "$(jq -r --arg job "$job" '[.[] | select(.job_id == $job) | "\(.node) \(.type)"] | unique | .[]' <<<"$output")" != '' ]
	[ "$(jq length <<<"$output")" = 12 ]
	run -0 curl -sSf --max-time 20 "${url}api/host"
	[ "$(jq '.provider == "slurm" and .interval_seconds == 10' <<<"$output")" = true ]
	run -0 curl -sSf --max-time 20 "${url}metrics"
	[[ $output == *'canhazgpu_gpu_info{gpu="5",model="GPU",uuid="",node="n2",node_gpu="1"} 1'* ]]
	run -0 curl -sSf --max-time 20 "${url}api/timeline"
	[ "$(jq '[.gpus[].intervals[]] | length' <<<"$output")" = 2 ]
	[[ $(jq -r .note <<<"$output") == 'Slurm does not keep which GPUs a job has had: '* ]]
	# Nothing would be a lie.
	run -0 curl -sS --max-time 20 "${url}api/events/log"
	[[ $(jq -r .error <<<"$output") == 'there are no events with Slurm: '* ]]
	run -0 curl -sS --max-time 20 "${url}api/report"
	[[ $(jq -r .error <<<"$output") == "'report' does not work with Slurm here: its accounting is not set up"* ]]
	kill $pid
	wait $pid
}
