#!/usr/bin/env bats
# What `make install` puts where: the program under both names, its pages, the completion of three shells.

load helpers

# Installs the build of the program under test below $root, as a package would. Once is enough, and two at
# once in one build directory are too many.
install_staged() {
	need_sqlite
	build=$(dirname "$CANHAZGPU_BIN")
	command -v meson >/dev/null && [ -f "$build/build.ninja" ] || skip 'the program is in no build directory'
	root=$WORLD/root
	prefix=$root$(meson introspect --buildoptions "$build" | jq -r '.[] | select(.name == "prefix").value')
	DESTDIR=$root meson install -C "$build" --no-rebuild >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
}

@test "the program, also as chg" {
	install_staged
	version=$(cat "$BATS_TEST_DIRNAME/../../VERSION")
	for name in canhazgpu chg; do
		assert_equal "$(in_world "$prefix/bin/$name" --version)" "canhazgpu $version"
	done
	assert_equal "$(readlink "$prefix/bin/chg")" canhazgpu
	# Nothing of it is needed to run it, and nothing of the tests is installed.
	assert_equal "$(ls "$prefix/bin" | paste -sd ' ')" 'canhazgpu chg'
}

@test "a page for every command, for the configuration and for both names" {
	command -v scdoc >/dev/null || skip 'no scdoc'
	install_staged
	pages=$(find "$prefix" -path '*/man/man1/*' -o -path '*/man/man5/*')
	for page in canhazgpu.1 chg.1 canhazgpu.yaml.5 $(in_world canhazgpu --help |
		sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\) .*/canhazgpu-\1.1/p'); do
		path=$(grep -E "/man${page##*.}/${page//./\\.}(\.gz)?\$" <<<"$pages") || fail_with "no $page"
		[ -s "$path" ] || fail_with "$path is empty"
	done
}

@test "completion where the shells look for it" {
	install_staged
	for name in bash-completion/completions/canhazgpu bash-completion/completions/chg \
		zsh/site-functions/_canhazgpu fish/vendor_completions.d/canhazgpu.fish \
		fish/vendor_completions.d/chg.fish; do
		grep -q 'canhazgpu' "$prefix/share/$name" || fail_with "no $name"
	done
	diff "$prefix/share/bash-completion/completions/chg" <(in_world canhazgpu completion bash)
}
