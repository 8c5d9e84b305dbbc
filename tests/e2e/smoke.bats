#!/usr/bin/env bats
# The first steps: help, version, and the mistakes that everybody makes once.
# stores: any

load helpers

@test "help lists the commands" {
	chg_ok --help
	assert_stderr ''
	assert_equal "$(head -n 1 "$WORLD/stdout")" 'Usage: canhazgpu [OPTIONS] COMMAND [ARGS]...'
	for command in admin release reserve run status; do
		[[ $stdout =~ (^|$'\n')"  $command "+[A-Z] ]] || fail_with "no row for $command"
	done
}

@test "every command in the list has a help of its own" {
	chg_ok --help
	commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$WORLD/stdout")
	[ -n "$commands" ]
	for command in $commands; do
		chg_ok "$command" --help
		assert_stderr ''
		[[ $stdout == "Usage: canhazgpu $command"* ]] || fail_with "usage of $command"
	done
}

@test "the version is that of the VERSION file" {
	chg_ok --version
	assert_stdout "canhazgpu $(cat "$BATS_TEST_DIRNAME/../../VERSION")"
}

@test "an unknown command is a usage error and names itself" {
	chg frobnicate
	assert_error 2 frobnicate
}

@test "an unknown option is a usage error and points to the help" {
	chg status --frobnicate
	assert_error 2 --frobnicate
	assert_stderr_has "(see 'canhazgpu status --help')"
}

@test "no command at all is a usage error" {
	chg
	assert_status 2
	assert_stdout ''
}

@test "without a pool the way to make one is named, and nothing is created" {
	chg status
	assert_error 1 'canhazgpu admin'
	chg reserve
	assert_error 1 'canhazgpu admin'
	[ ! -e "$WORLD/pool.db" ]
	assert_equal "$(find "$WORLD/home" "$WORLD/state" -mindepth 1)" ''
}

@test "output that cannot be written is an error" {
	[ -w /dev/full ] || skip 'no /dev/full'
	status=0
	in_world sh -c 'canhazgpu --help >/dev/full' || status=$?
	assert_equal "$status" 1
}
