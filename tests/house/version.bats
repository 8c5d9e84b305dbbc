#!/usr/bin/env bats
# The version stands in the file VERSION; everything else takes it from there. And what building needs stands in
# scripts/deps.

ROOT=$BATS_TEST_DIRNAME/../..

@test "no other file names the version, but the history of changes begins with it" {
	cd "$ROOT"
	version=$(cat VERSION)
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
	[[ $(grep -m 1 '^## ' CHANGELOG.md) == "## $version, "* ]]
	found=$(grep -rlIwF "$version" Makefile README.md meson.build meson_options.txt src man docs packaging scripts completion web contrib 2>/dev/null) || true
	[ "$found" = '' ] || { echo "names $version: $found"; false; }
}

@test "the changelog of the Debian package is CHANGELOG.md" {
	run "$ROOT/scripts/changelog-deb" 9.9.9 0
	[ "${lines[0]}" = 'canhazgpu (9.9.9) unstable; urgency=medium' ]
	[ "$(grep -c '^  \* ' <<<"$output")" = "$(grep -c '^- ' "$ROOT/CHANGELOG.md")" ]
	[ "$(grep -c '^canhazgpu (' <<<"$output")" = "$(grep -c '^## ' "$ROOT/CHANGELOG.md")" ]
	[[ $output == *'-- canhazgpu maintainers <'*'>  Thu, 01 Jan 1970 00:00:00 '* ]]
	[ "$(awk 'length > 80 && !/^ -- /' <<<"$output")" = '' ]
}

@test "the sources are exported as they are, without what was built or is not theirs" {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/scripts" "$tree/build" "$tree/src"
	cp "$ROOT/scripts/export" "$tree/scripts/"
	echo built >"$tree/build/a.o"
	echo source >"$tree/src/a file.c"
	"$tree/scripts/export" "$BATS_TEST_TMPDIR/plain"
	[ "$(cd "$BATS_TEST_TMPDIR/plain" && find . -type f | sort)" = $'./scripts/export\n./src/a file.c' ]
	git -C "$tree" init -q
	echo '/build*/' >"$tree/.gitignore"
	"$tree/scripts/export" "$BATS_TEST_TMPDIR/git"
	[ "$(cd "$BATS_TEST_TMPDIR/git" && find . -type f | sort)" = $'./.gitignore\n./scripts/export\n./src/a file.c' ]
}
