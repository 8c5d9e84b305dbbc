#!/usr/bin/env bats
# Completion in the three shells, asked of the shells themselves. Where a shell is not installed its
# tests are skipped.
# stores: any

load helpers

ASK=$BATS_TEST_DIRNAME/completion

# The words that bash offers, on one line.
ask_bash() {
	[ -e /usr/share/bash-completion/bash_completion ] || skip 'bash-completion is not installed'
	in_world bash "$ASK/ask.bash" "$@" | sed 's/ *$//' | sort -u | paste -sd ' '
}

ask_fish() {
	command -v fish >/dev/null || skip 'fish is not installed'
	in_world fish "$ASK/ask.fish" "$1" | sort -u | paste -sd ' '
}

# The line that zsh makes of one.
ask_zsh() {
	command -v zsh >/dev/null || skip 'zsh is not installed'
	in_world zsh -f "$ASK/ask.zsh" "$1"
}

# The providers that can be chosen, as completion lists them.
providers() {
	in_world canhazgpu admin --help | sed -n 's/.*\[--provider \([^]]*\)\].*/\1/p' | tr '|' '\n' | sort | paste -sd ' '
}

@test "bash: commands, also behind global options and their values" {
	assert_equal "$(ask_bash canhazgpu re)" 'release report reserve restore'
	assert_equal "$(ask_bash canhazgpu stat)" status
	assert_equal "$(ask_bash chg --memory-threshold 5 stat)" status
	assert_equal "$(ask_bash canhazgpu --store sqlite : /x stat)" status
}

@test "bash: options of the command, and the global ones" {
	assert_equal "$(ask_bash canhazgpu run --gp)" '--gpu-ids --gpus'
	assert_equal "$(ask_bash canhazgpu status --memory)" '--memory-threshold'
	assert_equal "$(ask_bash canhazgpu status --gp)" ''
}

@test "bash: ids of the pool's GPUs" {
	assert_equal "$(ask_bash canhazgpu run --gpu-ids '')" ''
	pool 3
	assert_equal "$(ask_bash canhazgpu run --gpu-ids '')" '0 1 2'
	assert_equal "$(ask_bash canhazgpu run --gpu-ids 1,)" '1,0 1,1 1,2'
	assert_equal "$(ask_bash canhazgpu run --gpu-ids =)" '0 1 2'
	assert_equal "$(ask_bash canhazgpu run --gpu-ids = 2)" '2'
}

@test "bash: durations, choices and files" {
	assert_equal "$(ask_bash canhazgpu reserve --duration 3)" '3d 3h 3m'
	assert_equal "$(ask_bash canhazgpu admin --provider '')" "$(providers)"
	touch "$WORLD/home/my.yaml"
	assert_equal "$(ask_bash canhazgpu --config "$WORLD/home/m")" "$WORLD/home/my.yaml"
	assert_equal "$(ask_bash canhazgpu completion '')" 'bash fish zsh'
}

@test "bash: the command line behind run is the command's own" {
	assert_equal "$(ask_bash canhazgpu run --gpus 2 -- truncat)" truncate
	assert_equal "$(ask_bash canhazgpu run truncat)" truncate
	assert_equal "$(ask_bash canhazgpu run --gpus 2 -- chmod --recurs)" '--recursive'
	assert_equal "$(ask_bash canhazgpu run -- chmod --gp)" ''
}

@test "bash, zsh, fish: the file of a backup" {
	touch "$WORLD/home/pool.db"
	assert_equal "$(ask_bash canhazgpu backup "$WORLD/home/p")" "$WORLD/home/pool.db"
	assert_equal "$(ask_bash canhazgpu restore --force "$WORLD/home/p")" "$WORLD/home/pool.db"
	assert_equal "$(ask_bash canhazgpu restore "$WORLD/home/pool.db" "$WORLD/home/p")" ''
	if command -v zsh >/dev/null; then
		assert_equal "$(ask_zsh "canhazgpu restore $WORLD/home/p")" "<canhazgpu restore $WORLD/home/pool.db >"
	fi
	if command -v fish >/dev/null; then
		assert_equal "$(ask_fish "canhazgpu restore $WORLD/home/p")" "$WORLD/home/pool.db"
	fi
}

# Two requests that wait: $mine and $others.
requests_wait() {
	pool 1
	chg_ok reserve
	for user in me someone; do
		start_background "$user" canhazgpu reserve --user "$user" --wait
		wait_until "grep -q '^Waiting: ' '$WORLD/$user.err'" 30
	done
	mine=$(request_of me) others=$(request_of someone)
}

request_of() {
	in_world canhazgpu queue --json | jq -r ".entries[] | select(.user == \"$1\") | .id[:8]"
}

@test "bash, zsh, fish: ids of requests that wait" {
	requests_wait
	both=$(printf '%s\n' "$mine" "$others" | sort | paste -sd ' ')
	assert_equal "$(ask_bash canhazgpu cancel '')" "$both"
	assert_equal "$(ask_bash canhazgpu cancel "$mine" '')" "$both"
	assert_equal "$(ask_bash canhazgpu cancel "${mine:0:7}")" "$mine"
	assert_equal "$(ask_bash canhazgpu queue --explain '')" "$both"
	if command -v zsh >/dev/null; then
		assert_equal "$(ask_zsh "canhazgpu cancel ${mine:0:7}")" "<canhazgpu cancel $mine >"
		assert_equal "$(ask_zsh "canhazgpu queue --explain ${mine:0:7}")" \
			"<canhazgpu queue --explain $mine >"
	fi
	if command -v fish >/dev/null; then
		assert_equal "$(ask_fish 'canhazgpu cancel ')" "$both"
		assert_equal "$(ask_fish 'canhazgpu queue --explain ')" "$both"
	fi
}

@test "fish: commands, options, values" {
	pool 3
	assert_equal "$(ask_fish 'canhazgpu stat')" status
	assert_equal "$(ask_fish 'chg --memory-threshold 5 stat')" status
	assert_equal "$(ask_fish 'canhazgpu run --gp')" '--gpu-ids --gpus'
	assert_equal "$(ask_fish 'canhazgpu run --gpu-ids ')" '0 1 2'
	assert_equal "$(ask_fish 'canhazgpu run --gpu-ids 1,')" '1,0 1,1 1,2'
	assert_equal "$(ask_fish 'canhazgpu reserve --duration 3')" '3d 3h 3m'
	assert_equal "$(ask_fish 'canhazgpu admin --provider ')" "$(providers)"
	assert_equal "$(ask_fish 'canhazgpu completion ')" 'bash fish zsh'
}

@test "fish: the command line behind run is the command's own" {
	assert_equal "$(ask_fish 'canhazgpu run --gpus 2 -- truncat')" truncate
	assert_equal "$(ask_fish 'canhazgpu run truncat')" truncate
	assert_equal "$(ask_fish 'canhazgpu run -- canhazgpu stat')" status
	assert_equal "$(ask_fish 'canhazgpu run chmod --gp')" ''
}

@test "zsh: commands, options, values" {
	pool 2
	assert_equal "$(ask_zsh 'canhazgpu stat')" '<canhazgpu status >'
	assert_equal "$(ask_zsh 'chg --memory-threshold 5 stat')" '<chg --memory-threshold 5 status >'
	assert_equal "$(ask_zsh 'canhazgpu run --gpu-i')" '<canhazgpu run --gpu-ids=>'
	# The comma behind it goes when something else is typed.
	assert_equal "$(ask_zsh 'canhazgpu run --gpu-ids 1,')" '<canhazgpu run --gpu-ids 1,0,>'
	assert_equal "$(ask_zsh 'canhazgpu admin --provider nv')" '<canhazgpu admin --provider nvidia >'
}

@test "zsh: the command line behind run is the command's own" {
	assert_equal "$(ask_zsh 'canhazgpu run --gpus 2 -- truncat')" \
		'<canhazgpu run --gpus 2 -- truncate >'
	assert_equal "$(ask_zsh 'canhazgpu run truncat')" '<canhazgpu run truncate >'
	assert_equal "$(ask_zsh 'canhazgpu run -- chmod --recurs')" \
		'<canhazgpu run -- chmod --recursive >'
}

@test "a shell that has no completion is a usage error" {
	chg completion tcsh
	assert_error 2 tcsh
}
