#!/usr/bin/env bats
# scripts/check-errors: what docs/troubleshooting.md explains are errors that there are.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
}

@test "every error that is explained is one of the sources" {
	scripts/check-errors
}

@test "one that there is not is refused, and so is a document without any" {
	printf '| error | cause |\n| --- | --- |\n| `the disk is full` | x |\n' >"$BATS_TEST_TMPDIR/a.md"
	scripts/check-errors "$BATS_TEST_TMPDIR/a.md"
	printf '| `the disk is fuller` | x |\n' >>"$BATS_TEST_TMPDIR/a.md"
	run scripts/check-errors "$BATS_TEST_TMPDIR/a.md"
	[ "$status" -ne 0 ]
	[[ $output == *"a.md:4: no error of the sources has 'the disk is fuller'"* ]]
	: >"$BATS_TEST_TMPDIR/a.md"
	run scripts/check-errors "$BATS_TEST_TMPDIR/a.md"
	[ "$status" -ne 0 ]
}

@test "what documents link to is there" {
	for page in README.md SECURITY.md docs/security.md docs/troubleshooting.md; do
		while read -r target; do
			case $target in http* | '#'*) continue ;; esac
			[ -e "$(dirname "$page")/${target%%#*}" ] || {
				echo "$page links to $target"
				return 1
			}
		done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//')
	done
}
