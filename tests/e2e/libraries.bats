#!/usr/bin/env bats
# Which shared libraries a command loads: those that it needs, so that the others start without their cost.
# stores: any

load helpers

setup() {
	world_open
	# A file of fake GPUs is JSON.
	world_unset CANHAZGPU_FAKE_STATE
	in_world env LD_DEBUG=files LD_DEBUG_OUTPUT="$WORLD/probe" true
	grep -qs 'calling init' "$WORLD"/probe.* || skip 'another loader than that of the GNU C library'
}

# loaded COMMAND...: the libraries that it and the processes that it starts load, of those that canhazgpu loads when
# it needs them.
loaded() {
	rm -f "$WORLD"/loader.*
	world_set LD_DEBUG=files
	world_set LD_DEBUG_OUTPUT="$WORLD/loader"
	chg "$@"
	world_unset LD_DEBUG
	world_unset LD_DEBUG_OUTPUT
	[ "$status" -eq 0 ] || echo "$stderr"
	sed -n 's/.*calling init: //p' "$WORLD"/loader.* | grep -oE 'lib(hiredis|jansson|yaml|ssl)' | sort -u | paste -sd ' '
}

# The store's own.
of_store() {
	[ "${E2E_STORE:-sqlite}" = sqlite ] || echo 'libhiredis libjansson'
}

# break_library NAME...: the loader finds something else in their place.
break_library() {
	local name
	mkdir -p "$WORLD/broken"
	for name; do
		touch "$WORLD/broken/$(grep -aoE "lib${name}[-.][-.0-9]*so[.0-9]*" "$CANHAZGPU_BIN" | head -n 1)"
	done
	world_set LD_LIBRARY_PATH="$WORLD/broken"
}

@test "a command loads the libraries of its store, and no others" {
	pool 4
	for command in --version --help 'help run'; do
		assert_equal "$(loaded $command)" ''
	done
	for command in status queue report 'reserve --gpus 2' status 'release --gpu-ids 0' release; do
		assert_equal "$command: $(loaded $command)" "$command: $(of_store)"
	done
}

@test "JSON is loaded by who shows it, or reads it" {
	pool 2
	for command in 'status --json' 'queue --json'; do
		assert_equal "$(loaded $command)" "$(of_store | grep . || echo libjansson)"
	done
	echo '{"memory": {"threshold": 300}}' >"$WORLD/home/.canhazgpu.json"
	assert_equal "$(loaded status)" "$(of_store | grep . || echo libjansson)"
}

@test "YAML is loaded where there is a YAML file" {
	pool 2
	echo 'memory: {threshold: 300}' >"$WORLD/home/.canhazgpu.yaml"
	assert_equal "$(loaded status)" "$(echo $(of_store) libyaml)"
}

@test "a run, its supervisor and its command load no YAML, and of Redis nothing without it" {
	pool 2
	need_sqlite
	run loaded run -- true
	assert_equal "$status" 0
	[[ $output != *hiredis* && $output != *yaml* ]]
}

@test "a library that is not there is an error with its name, and only for who needs it" {
	need_sqlite
	pool 2
	break_library hiredis jansson yaml
	chg_ok status
	chg status --json
	assert_equal "$status" 1
	assert_stdout ''
	[[ $stderr =~ ^'Error: libjansson.so.'[.0-9]*' is needed: install the package of jansson ('[^$'\n']*')'$ ]]
	chg --store unix:///none status
	assert_equal "$status" 1
	[[ $stderr =~ ^'Error: libhiredis.so.'[.0-9]*' is needed: install the package of hiredis ('[^$'\n']*')'$ ]]
	echo 'memory: {threshold: 300}' >"$WORLD/home/.canhazgpu.yaml"
	chg status
	assert_equal "$status" 2
	[[ $stderr == "Error: $WORLD/home/.canhazgpu.yaml: libyaml-"*' is needed: install the package of libyaml ('*')' ]]
}
