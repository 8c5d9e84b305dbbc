#!/usr/bin/env bats
# scripts/check-shell and scripts/check-format must refuse what they are there for, in a tree of their own.

setup() {
	root=$BATS_TEST_DIRNAME/../..
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/scripts" "$tree/tests/e2e" "$tree/src"
	cp "$root/scripts/check-shell" "$root/scripts/check-format" "$tree/scripts/"
	cp "$root/.clang-format" "$tree/"
	echo '# shellcheck shell=bash' >"$tree/tests/e2e/helpers.bash"
	printf '@test "a" {\n\ttrue\n}\n' >"$tree/tests/e2e/a.bats"
	printf 'int a(void)\n{\n\treturn 1;\n}\n' >"$tree/src/a.c"
}

@test "scripts and tests without a mistake pass" {
	"$tree/scripts/check-shell"
}

@test "a script with a mistake is refused" {
	printf '#!/bin/bash\ncd "$1"\n' >"$tree/scripts/new"
	run "$tree/scripts/check-shell"
	[ "$status" -ne 0 ]
	[[ $output == *'scripts/new'* ]]
}

@test "a test file with a syntax error is refused" {
	printf '@test "b" {\n\tif true; then\n}\n' >"$tree/tests/e2e/b.bats"
	run "$tree/scripts/check-shell"
	[ "$status" -ne 0 ]
	[[ $output == *'tests/e2e/b.bats'* ]]
}

@test "a source that is not formatted is refused, and formatted where one asks for it" {
	"$tree/scripts/check-format"
	printf 'int b(void) { return   1; }\n' >"$tree/src/b.c"
	cp "$tree/src/b.c" "$tree/src/c.c"
	run "$tree/scripts/check-format"
	[ "$status" -ne 0 ]
	[[ $output == *'src/b.c'* ]]
	"$tree/scripts/check-format" --fix src/b.c
	"$tree/scripts/check-format" src/b.c
	run "$tree/scripts/check-format"
	[ "$status" -ne 0 ]
	"$tree/scripts/check-format" --fix
	"$tree/scripts/check-format"
}

@test "a new source that git does not know yet is looked at, one that git ignores is not" {
	git -C "$tree" init -q
	echo '/build*/' >"$tree/.gitignore"
	mkdir "$tree/build"
	printf 'int b(void) { return   1; }\n' >"$tree/build/b.c"
	"$tree/scripts/check-format"
	cp "$tree/build/b.c" "$tree/src/b.c"
	run "$tree/scripts/check-format"
	[ "$status" -ne 0 ]
}
