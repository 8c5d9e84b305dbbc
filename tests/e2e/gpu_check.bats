#!/usr/bin/env bats
# scripts/gpu-check itself, with stubs of the driver's libraries: it passes where all is well, and
# fails where canhazgpu and nvidia-smi differ. What it says of a real GPU is not tested here.
# stores: any
# seconds: 12

load helpers

setup() {
	world_open
	need_sqlite
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BUILD=$(dirname "$(readlink -f "$CANHAZGPU_BIN")")
	[ -e "$BUILD/tests/stubs/cuda/libcuda.so.1" ] || skip "no stub libraries in $BUILD"
}

# The check with the stubs; its output is in $stdout.
check_stub() {
	status=0
	stdout=$(in_world env CANHAZGPU_GPU_CHECK_STUB="$BUILD" "$@" 2>&1) || status=$?
	stderr=
}

@test "the check passes with a driver that agrees, and says that it was a stub" {
	check_stub "$ROOT/scripts/gpu-check"
	assert_status 0
	assert_stdout_has ' 0 failed, 0 skipped'
	assert_stdout_has 'SELF-TEST WITH A STUB: no GPU was looked at'
	assert_stdout_has 'GPU 1 is GPU-bbbbbbbb-0000-4000-8000-0000000000bb'
	assert_no_processes
}

@test "the check fails, and names the row, where nvidia-smi says something else" {
	for lie in uuid:UUIDs name:names 'memory:used memory' process:processes; do
		check_stub CANHAZGPU_STUB_LIE="${lie%%:*}" "$ROOT/scripts/gpu-check"
		assert_status 1
		[[ $stdout == *"FAILED    nvidia-smi agrees: ${lie#*:} "* ]] || fail_with "${lie#*:}"
		assert_stdout_has ' 1 failed, 0 skipped'
	done
}

@test "without an NVIDIA GPU the check says that it was skipped" {
	[ ! -e /proc/driver/nvidia/gpus ] || skip 'this machine has one'
	status=0
	stdout=$(in_world "$ROOT/scripts/gpu-check" 2>&1) || status=$?
	assert_status 0
	assert_stdout 'skipped: no NVIDIA GPU here'
}

@test "the bundle has all that the check needs" {
	in_world env CANHAZGPU_GPU_CHECK_BUILD="$BUILD" "$ROOT/scripts/gpu-check-bundle" "$WORLD/bundle"
	check_stub PATH="$ROOT/tests/stubs/gpu-check:/usr/bin:/bin" "$WORLD/bundle/check"
	assert_status 0
	assert_stdout_has ' 0 failed, 0 skipped'
	ls "$WORLD"/bundle/lib/libsqlite3.so.*
	assert_no_processes
}
