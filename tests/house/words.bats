#!/usr/bin/env bats
# The words that the project does not use, since the field has terms for them: "Names and English" in
# CONTRIBUTING.md. What a specification fixes is not among them.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
}

# Terms of our own that once stood for: queue, recreate, notify, waiting request, scan, version.
terms='stand(s|ing)? in line|[Mm]a(k|d)e[s]? anew|\banew\b|gives? word|\b[Ww]ho waits\b|a word to the user|\blook_(take|fits|grant)\b|\bheirs?\b'

unwanted() {
	git ls-files "$@" | grep -vE '\.(svg|png|json)$' | xargs grep -nE "$terms"
}

@test "sources, help, pages and documents use the terms of the field" {
	run unwanted src web man docs README.md CONTRIBUTING.md packaging/config.yaml
	echo "$output"
	[ "$status" -ne 0 ]
	[ -z "$output" ]
}

@test "the check finds such a word" {
	printf '/* Who waits stands in line until the pool is made anew. */\n' >"$BATS_TEST_TMPDIR/a.c"
	grep -qE "$terms" "$BATS_TEST_TMPDIR/a.c"
}
