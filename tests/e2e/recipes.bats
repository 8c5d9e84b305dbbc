#!/usr/bin/env bats
# The recipes of docs/recipes.md, as they stand there, with stand-ins for the programs that they start.
# stores: any
# seconds: 20

load run_helpers

RECIPES=$BATS_TEST_DIRNAME/../../docs/recipes.md

# recipe NAME: the block of that name.
recipe() {
	awk -v mark="<!-- recipe: $1 -->" '
		$0 == mark { found = 1; next }
		found && /^```sh$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside' "$RECIPES"
}

# cook NAME [SHELL]: runs it in the home directory of the world.
cook() {
	recipe "$1" >"$WORLD/recipe"
	[ -s "$WORLD/recipe" ] || fail_with "there is no recipe $1"
	status=0
	(cd "$WORLD/home" && in_world "${2:-bash}" "$WORLD/recipe") >"$WORLD/stdout" 2>"$WORLD/stderr" </dev/null || status=$?
	stdout=$(cat "$WORLD/stdout")
	stderr=$(cat "$WORLD/stderr")
}

# stand_in NAME [LINES]: a program that writes how it was called, and with which GPUs, into $WORLD/calls, and does what the lines say.
stand_in() {
	cat >"$WORLD/bin/$1" <<-END
		#!/bin/bash
		echo "\$CUDA_VISIBLE_DEVICES: ${1##*/} \$*" >>"$WORLD/calls"
		${2:-}
	END
	chmod +x "$WORLD/bin/$1"
}

calls() {
	sort "$WORLD/calls"
}

@test "every recipe has a test, and every test a recipe" {
	named=$(sed -n 's/^<!-- recipe: \(.*\) -->$/\1/p' "$RECIPES" | sort)
	[ -n "$named" ]
	# Each block is named, or nobody would run it.
	assert_equal "$(grep -c '^```sh$' "$RECIPES")" "$(wc -l <<<"$named")"
	assert_equal "$(sed -n 's/^\t*cook \([a-z]*\).*/\1/p; s/^\tline=$(recipe \([a-z]*\)).*/\1/p' "$BATS_TEST_FILENAME" | sort -u)" "$named"
}

@test "a job array: every job once, on one GPU, and no two at once on one" {
	pool 2
	# A lock of the GPU that it has: it is free, or somebody else is using it.
	stand_in python 'mkdir "'"$WORLD"'/gpu$CUDA_VISIBLE_DEVICES" || echo clash; sleep 0.05; rmdir "'"$WORLD"'/gpu$CUDA_VISIBLE_DEVICES"'
	cook array
	assert_status 0
	assert_equal "$(calls | sed 's/^[01]: //' | sort -V)" "$(seq 1 12 | sed 's/^/python train.py --seed /')"
	[[ $(cat "$WORLD"/home/train.*.log) != *clash* ]] || fail_with 'two on one GPU'
	wait_until '[ "$(held)" = "" ]'
}

@test "a sweep: every point of the grid, and its status" {
	pool 2
	stand_in python
	cook sweep
	assert_status 0
	assert_equal "$(calls | sed 's/^[01]: //' | sort)" "$(for rate in 1e-3 1e-4; do
		for batch in 16 32 64; do echo "python train.py --lr $rate --batch-size $batch"; done
	done | sort)"
	stand_in python 'exit 3'
	cook sweep
	assert_status 123
}

@test "a notebook kernel: its command is what the notebook starts" {
	pool 1
	stand_in python
	cook kernel
	assert_status 0
	mapfile -t words < <(jq -r '.argv[]' "$WORLD/home/.local/share/jupyter/kernels/gpu/kernel.json")
	in_world "${words[@]/\{connection_file\}/kernel-1.json}" 2>/dev/null
	assert_equal "$(calls)" '0: python -m ipykernel_launcher -f kernel-1.json'
}

@test "VS Code: its Python takes a GPU, and the file is good JSON" {
	pool 1
	stand_in python 'echo "$@"; exit 4'
	cook vscode
	assert_status 0
	assert_equal "$(jq -r '.configurations[0].python' "$WORLD/home/.vscode/launch.json")" '${env:HOME}/bin/gpu-python'
	status=0
	in_world "$WORLD/home/bin/gpu-python" -m debugpy 'two words' >"$WORLD/stdout" 2>/dev/null || status=$?
	assert_equal "$status $(cat "$WORLD/stdout")" '4 -m debugpy two words'
	assert_equal "$(calls)" '0: python -m debugpy two words'
}

@test "a shell: what it sets, and that a refusal sets nothing" {
	pool 1
	cook shell
	assert_equal "$stderr" 'Reserved 1 GPU(s): [0] for 4h 0m 0s'
	cook shell
	assert_stderr_has 'no GPU'
	assert_status 0
}

@test "every shell: all share one reservation" {
	pool 2
	recipe bashrc >"$WORLD/home/.bashrc"
	for shell in 1 2 3; do
		in_world bash -c '. ~/.bashrc; echo "$CUDA_VISIBLE_DEVICES"' >>"$WORLD/gpus" 2>/dev/null
	done
	assert_equal "$(sort -u "$WORLD/gpus")" 0
	assert_equal "$(held)" 0
	cook bashrc
	assert_status 0
}

@test "tmux: the session's command is a run" {
	pool 1
	stand_in tmux 'sh -c "${@: -1}"'
	stand_in python 'echo trained'
	cook tmux
	assert_status 0
	assert_equal "$(cat "$WORLD/home/train.log")" $'Reserved 1 GPU(s): [0] for command execution\ntrained'
	assert_equal "$(grep -c '^0: python train.py$' "$WORLD/calls")" 1
}

@test "conda, and module" {
	pool 1
	stand_in conda '[ "$1 $2 $3" = "run --no-capture-output -n" ] && exec "${@:5}"'
	stand_in python
	echo 'module() { [ "$1" = load ] && export LOADED=$2; }' >"$WORLD/home/.bash_profile"
	cook conda
	assert_status 0
	assert_equal "$(calls)" '0: conda run --no-capture-output -n research python train.py
0: python train.py'
	rm "$WORLD/calls"
	stand_in python 'echo "with $LOADED"'
	# A login shell has a PATH of its own.
	echo "PATH=$WORLD/bin:\$PATH" >>"$WORLD/home/.bash_profile"
	cook module
	assert_stdout 'with cuda/12.4'
	assert_equal "$(calls)" '0: python train.py'
}

@test "docker and podman: the container gets the GPUs of the run" {
	pool 2
	stand_in docker
	stand_in podman
	cook docker
	assert_status 0
	cook podman
	assert_status 0
	grep -q '^0,1: docker run --gpus "device=GPU-fake-0,GPU-fake-1" .*--rm pytorch/pytorch python train.py$' "$WORLD/calls"
	grep -q '^0,1: podman run --device nvidia.com/gpu=GPU-fake-0 --device nvidia.com/gpu=GPU-fake-1 .*--rm pytorch/pytorch python train.py$' "$WORLD/calls"
}

@test "torchrun: four processes on four GPUs; two nodes with two each, and their status" {
	pool 4
	stand_in torchrun
	cook torchrun
	assert_status 0
	assert_equal "$(calls)" '0,1,2,3: torchrun --standalone --nproc-per-node 4 train.py'
	rm "$WORLD/calls"
	cook nodes
	assert_status 0
	end='--nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint localhost:29500 train.py'
	assert_equal "$(calls)" "0,1: torchrun --nnodes 2 --node-rank 0 $end
2,3: torchrun --nnodes 2 --node-rank 1 $end"
	stand_in torchrun '[[ $* != *"--node-rank 0"* ]] || exit 7'
	cook nodes
	assert_status 7
}

@test "checkpoints: again after one, until it is done, and what else ends it" {
	pool 1
	RECIPES=$WORLD/recipes.md
	sed 's/--timeout 4h --signal-before 5m/--timeout 60s --signal-before 59.5s/' "$BATS_TEST_DIRNAME/../../docs/recipes.md" >"$RECIPES"
	cat >"$WORLD/home/train.sh" <<-'END'
		#!/bin/bash
		echo "$*" >>rounds
		[ ! -e checkpoint ] || exit "$(cat result)"
		trap 'touch checkpoint; exit 85' USR1
		while :; do sleep 0.05; done
	END
	chmod +x "$WORLD/home/train.sh"
	for result in 0 3; do
		echo "$result" >"$WORLD/home/result"
		rm -f "$WORLD/home/checkpoint" "$WORLD/home/rounds"
		cook checkpoint
		assert_status "$result"
		assert_equal "$(cat "$WORLD/home/rounds")" $'--resume checkpoint\n--resume checkpoint'
	done
}

@test "cron: the line, as cron runs it" {
	pool 1
	printf '#!/bin/sh\necho "nightly on $CUDA_VISIBLE_DEVICES"\n' >"$WORLD/home/nightly.sh"
	chmod +x "$WORLD/home/nightly.sh"
	line=$(recipe cron)
	[[ $line == '0 2 * * * /usr/bin/canhazgpu '* ]]
	line=${line#'0 2 * * * '}
	in_world PATH=/usr/bin:/bin /bin/sh -c "${line/\/usr\/bin\/canhazgpu/$WORLD/bin/canhazgpu}"
	assert_equal "$(tail -n 1 "$WORLD/home/nightly.log")" 'nightly on 0'
}
