#!/usr/bin/env bats
# canhazgpu config, and the configuration itself: which source counts, and what is said of mistakes.
# stores: any

bats_require_minimum_version 1.5.0
load helpers

# from KEY, value KEY: what `config --json` says.
from() {
	json_get ".\"$1\".from"
}

value() {
	json_get ".\"$1\".value | tojson"
}

# assert_setting KEY VALUE FROM
assert_setting() {
	chg_ok config --json
	assert_equal "$(value "$1") $(from "$1")" "$2 $3"
}

# The same settings in three formats.
write_formats() {
	cat >"$WORLD/config.yaml" <<-'END'
		memory:
		  threshold: 512
		no-color: true
		run:
		  gpus: 2
		  gpu-ids: [1, 3]
		  timeout: 1h30m
		  note: "with: colon"
		reserve.duration: 2d
		report: {days: 7, by: gpu}
	END
	cat >"$WORLD/config.json" <<-'END'
		{"memory": {"threshold": 512}, "no-color": true, "report": {"days": 7, "by": "gpu"},
		 "run": {"gpus": 2, "gpu-ids": [1, 3], "timeout": "1h30m", "note": "with: colon"},
		 "reserve.duration": "2d"}
	END
	cat >"$WORLD/config.toml" <<-'END'
		no-color = true
		reserve.duration = "2d"
		memory.threshold = 512
		[run]
		gpus = 2
		gpu-ids = [1, 3]
		timeout = "1h30m"
		note = "with: colon"
		[report]
		days = 7
		by = "gpu"
	END
}

@test "without any source everything is a default, and needs no pool" {
	world_unset CANHAZGPU_STORE
	world_unset CANHAZGPU_FAKE_STATE
	chg_ok config
	assert_stderr ''
	[[ $stdout =~ (^|$'\n')"memory.threshold "+"1024 "+"default"\ +-($|$'\n') ]]
	[[ $stdout =~ (^|$'\n')"run.timeout "+"- "+"default"\ +-($|$'\n') ]]
	chg_ok config --json
	assert_json '[.[].from] | unique | join(",")' 'default,flag --json'
	# The store has no fixed default: it is the one that would be used.
	assert_equal "$(value store)" "\"sqlite:$WORLD/state/canhazgpu/canhazgpu.db\""
	[ ! -e "$WORLD/state/canhazgpu" ]
}

@test "flag before environment before file before default" {
	assert_setting memory.threshold 1024 default
	printf 'memory:\n  threshold: 300\n' >"$WORLD/home/.canhazgpu.yaml"
	assert_setting memory.threshold 300 "$WORLD/home/.canhazgpu.yaml:2:14"
	world_set CANHAZGPU_MEMORY_THRESHOLD=400
	assert_setting memory.threshold 400 'environment CANHAZGPU_MEMORY_THRESHOLD'
	chg_ok config --json --memory-threshold 500
	assert_equal "$(value memory.threshold) $(from memory.threshold)" '500 flag --memory-threshold'
	chg_ok --memory-threshold 500 config --json
	assert_equal "$(value memory.threshold)" 500
	# Empty counts as unset.
	world_set CANHAZGPU_MEMORY_THRESHOLD=
	assert_setting memory.threshold 300 "$WORLD/home/.canhazgpu.yaml:2:14"
}

@test "what config shows is what commands use" {
	pool 2
	fake_state '{"gpus": [{"index": 0, "memory_used_mb": 450}]}'
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
	printf 'memory: {threshold: 400}\n' >"$WORLD/home/.canhazgpu.yml"
	chg_ok status --json
	assert_json '.[0].status' UNRESERVED
	world_set CANHAZGPU_MEMORY_THRESHOLD=500
	chg_ok status --json
	assert_json '.[0].status' AVAILABLE
	chg_ok status --json --memory-threshold 100
	assert_json '.[0].status' UNRESERVED
}

@test "three formats, the same values" {
	write_formats
	for format in yaml json toml; do
		chg_ok config --json --config "$WORLD/config.$format"
		assert_equal "$(from run.gpus | cut -d : -f 1)" "$WORLD/config.$format"
		json_get 'del(.config) | map_values(.value) | del(."config.json")' >"$WORLD/$format"
	done
	diff "$WORLD/yaml" "$WORLD/json"
	diff "$WORLD/yaml" "$WORLD/toml"
	assert_equal "$(jq -c '[."memory.threshold", ."no-color", ."run.gpu-ids", ."run.timeout",
		."run.note", ."reserve.duration", ."report.days", ."report.by"]' "$WORLD/yaml")" \
		'[512,true,[1,3],"1h30m","with: colon","2d",7,"gpu"]'
}

@test "every option of every command is a key, in files and in the environment" {
	chg_ok --help
	commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$WORLD/stdout")
	chg_ok config --json
	cp "$WORLD/stdout" "$WORLD/keys"
	number=0
	for command in $commands; do
		chg_ok help "$command"
		options=$(sed -nE '/^Options:/,/^$/s/^  (-[a-zA-Z], |    )--([a-z-]*).*/\2/p' "$WORLD/stdout")
		for option in $options; do
			[ "$option" != help ] || continue
			jq -e ".\"$command.$option\"" "$WORLD/keys" >"$WORLD/out" ||
				fail_with "no key $command.$option"
			number=$((number + 1))
		done
	done
	[ "$number" -ge 20 ]
	world_set CANHAZGPU_RUN_GPU_IDS=1,3
	assert_setting run.gpu-ids '[1,3]' 'environment CANHAZGPU_RUN_GPU_IDS'
	world_set CANHAZGPU_RESERVE_FORCE=yes
	assert_setting reserve.force true 'environment CANHAZGPU_RESERVE_FORCE'
}

@test "the file of the host, and over it the one in the home directory" {
	[ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	mkdir -p "$WORLD/etc/canhazgpu"
	cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache "$WORLD/etc"
	printf 'run: {gpus: 4, timeout: 2h}\n' >"$WORLD/etc/canhazgpu/config.yaml"
	printf 'run: {gpus: 5}\n' >"$WORLD/home/.canhazgpu.yml"
	# shellcheck disable=SC2016
	in_world unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../etc" /etc
		exec canhazgpu config --json' >"$WORLD/stdout"
	stdout=$(cat "$WORLD/stdout")
	assert_equal "$(value run.gpus) $(from run.gpus)" "5 $WORLD/home/.canhazgpu.yml:1:13"
	assert_equal "$(value run.timeout) $(from run.timeout)" '"2h" /etc/canhazgpu/config.yaml:1:25'
	# A file that is named takes the place of both.
	printf 'report: {days: 7}\n' >"$WORLD/named.yaml"
	# shellcheck disable=SC2016
	in_world unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../etc" /etc
		exec canhazgpu config --json --config "$HOME/../named.yaml"' >"$WORLD/stdout"
	stdout=$(cat "$WORLD/stdout")
	assert_equal "$(value run.gpus) $(value run.timeout) $(value report.days)" '1 null 7'
	# What a user's file is only warned of is an error there: a mistyped limit would be no limit.
	printf 'run: {gpsu: 4}\n' >"$WORLD/etc/canhazgpu/config.yaml"
	status=0
	# shellcheck disable=SC2016
	in_world unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../etc" /etc
		exec canhazgpu config' >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
	assert_error 2 "/etc/canhazgpu/config.yaml:1:7: unknown key 'run.gpsu', did you mean 'run.gpus'?"
}

@test "settings of the web server, as the existing program's files have them" {
	printf 'web:\n  port: 9000\n  host: 127.0.0.1\n' >"$WORLD/home/.canhazgpu.yaml"
	assert_setting web.port 9000 "$WORLD/home/.canhazgpu.yaml:2:9"
	assert_setting web.host '"127.0.0.1"' "$WORLD/home/.canhazgpu.yaml:3:9"
	echo 'web.port: 70000' >"$WORLD/home/.canhazgpu.yaml"
	chg config
	assert_error 2 web.port
}

@test "a file that is named must be there" {
	chg status --config "$WORLD/none.yaml"
	assert_error 2 "$WORLD/none.yaml"
	chg --config "$WORLD/none.yaml" config
	assert_error 2 "$WORLD/none.yaml"
	chg config --config "$WORLD"
	assert_error 2 "$WORLD"
}

@test "mistakes in a file are told with file, line and column" {
	mistake() {
		printf '%b' "$2" >"$WORLD/$1"
		chg config --config "$WORLD/$1"
		assert_error 2 "$4"
		# shellcheck disable=SC2053
		[[ $stderr == "Error: $WORLD/$1:"$3": "* ]] || fail_with "expected $1:$3"
	}
	mistake b.yaml 'run:\n  gpus: two\n' 2:9 run.gpus
	mistake c.yaml 'run: {gpus: [1}\n' '1:*' ''
	mistake d.json '{"run":\n  {"gpus": 1,}}' '2:*' ''
	mistake e.json '{"run": {"gpus": 1}, "run": {"gpus": 2}}' '1:*' ''
	mistake f.toml 'run.gpus = 1\nrun.gpus = 2\n' '2:*' ''
	mistake g.toml '[run]\ntimeout = 30\n' 2:11 '"30s", "30m" or "30h"'
	mistake h.yaml 'report:\n  days: 0\n' 2:9 report.days
	mistake i.yaml 'no-color: 3\n' 1:11 'true or false'
	mistake j.yaml 'config: other.yaml\n' 1:1 config
}

@test "a key that nobody knows is told, and the rest of the file counts; --strict-config refuses it" {
	local file="$WORLD/home/.canhazgpu.yaml"
	printf 'memory:\n  treshold: 5\nrun: {note: kept}\n' >"$file"
	chg config --changed
	assert_status 0
	assert_equal "$stderr" "Warning: $file:2:3: unknown key 'memory.treshold', did you mean 'memory.threshold'? (ignored)"
	assert_stdout_has kept
	chg config --strict-config
	assert_error 2 "$file:2:3: unknown key 'memory.treshold', did you mean 'memory.threshold'?"
	world_set CANHAZGPU_STRICT_CONFIG=true
	chg config
	assert_error 2 "unknown key 'memory.treshold'"
}

@test "mistakes in the environment name the variable" {
	world_set CANHAZGPU_RUN_GPUS=two
	chg status
	assert_error 2 CANHAZGPU_RUN_GPUS
	world_unset CANHAZGPU_RUN_GPUS
	world_set CANHAZGPU_REPORT_BY=hour
	chg config
	assert_error 2 CANHAZGPU_REPORT_BY
}

@test "two files in the home directory are one too many" {
	echo 'run: {gpus: 2}' >"$WORLD/home/.canhazgpu.yaml"
	echo 'run.gpus = 3' >"$WORLD/home/.canhazgpu.toml"
	chg config
	assert_error 2 .canhazgpu.toml
	# Named, one is enough.
	chg_ok config --json --config "$WORLD/home/.canhazgpu.toml"
	assert_equal "$(value run.gpus)" 3
}

@test "values of others stay on their line" {
	printf 'run:\n  note: "x\\e[31m\\nrun.user"\n' >"$WORLD/home/.canhazgpu.yaml"
	chg_ok config
	assert_stdout_has 'x\x1b[31m\x0arun.user'
	[[ $stdout != *$'\e'* ]]
}

@test "what is not the default is marked with what that would be, and can be shown alone" {
	pool 1
	printf 'run: {gpus: 2}\nno-color: true\n' >"$WORLD/home/.canhazgpu.yaml"
	world_set CANHAZGPU_RESERVE_DURATION=8h
	chg_ok config
	assert_equal "$(grep -E '^(run.gpus|no-color|run.note|redis.port) ' "$WORLD/stdout" | tr -s ' ')" \
		"redis.port 6379 default -
no-color true $WORLD/home/.canhazgpu.yaml:2:11 false
run.gpus 2 $WORLD/home/.canhazgpu.yaml:1:13 1
run.note - default -"
	chg_ok config --changed
	assert_equal "$(tail -n +3 "$WORLD/stdout" | cut -d ' ' -f 1 | sort | paste -sd ' ')" \
		'fake.state no-color reserve.duration run.gpus store'
	chg_ok config --changed --json
	assert_json 'keys | join(" ")' 'fake.state no-color reserve.duration run.gpus store'
}
