#!/usr/bin/env bats
# What the compiler and the linker do against those who find a hole: the built programs have it.
# stores: any

load helpers

setup() {
	need_sqlite
	! grep -q __asan_init "$CANHAZGPU_BIN" || skip 'a build with sanitizers has other means'
	command -v readelf >/dev/null || skip 'needs binutils'
	programs=("$CANHAZGPU_BIN" "$(dirname "$(readlink -f "$CANHAZGPU_BIN")")/canhazgpu-web")
	[ -e "${programs[1]}" ] || unset 'programs[1]'
}

teardown() {
	:
}

# every PROGRAM-TEXT-COMMAND: succeeds for each program.
every() {
	local program
	for program in "${programs[@]}"; do
		"$@" "$program" || {
			echo "not so: $program"
			return 1
		}
	done
}

is_pie() { readelf -hW "$1" | grep -qE 'Type: +DYN'; }
has_relro() { readelf -lW "$1" | grep -q GNU_RELRO; }
binds_now() { readelf -dW "$1" | grep -qE 'BIND_NOW|FLAGS_1.*NOW'; }
has_protector() { readelf -sW --dyn-syms "$1" | grep -q __stack_chk_fail; }
is_fortified() { readelf -W --dyn-syms "$1" | grep -qE '__(v?snprintf|fprintf|printf|memcpy|poll)_chk'; }
stack_is_data() { readelf -lW "$1" | grep GNU_STACK | grep -qE ' RW +0x'; }
has_no_rpath() { ! readelf -dW "$1" | grep -qE 'RPATH|RUNPATH'; }
nothing_writable_runs() { ! readelf -lW "$1" | grep LOAD | grep -q 'RWE'; }

@test "the programs are position-independent" {
	every is_pie
}

@test "their tables are read-only from the start: full RELRO" {
	every has_relro
	every binds_now
}

@test "the stack is protected, and nothing on it, or writable at all, can be run" {
	every has_protector
	every stack_is_data
	every nothing_writable_runs
}

@test "the C library checks lengths: FORTIFY" {
	every is_fortified
}

@test "libraries are looked for nowhere but in the system" {
	every has_no_rpath
}
