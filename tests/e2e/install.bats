#!/usr/bin/env bats
# What `make install` puts where: the program under both names, its pages, the completion of three shells.
# stores: any

load helpers

# Installs the build of the program under test below $root, as a package would, for all tests of this file. Once is
# enough, and two at once in one build directory are too many.
install_staged() {
	need_sqlite
	build=$(dirname "$CANHAZGPU_BIN")
	command -v meson >/dev/null && [ -f "$build/build.ninja" ] || skip 'the program is in no build directory'
	root=$BATS_FILE_TMPDIR/root
	prefix=$root$(jq -r '.[] | select(.name == "prefix").value' "$build/meson-info/intro-buildoptions.json")
	[ ! -e "$root" ] || return 0
	DESTDIR=$root.new meson install -C "$build" --no-rebuild >"$WORLD/log" 2>&1 || fail_with "$(cat "$WORLD/log")"
	mv "$root.new" "$root"
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

# packaging/config.yaml with every key set: "#key: value" without the "#".
uncommented() {
	sed -n 's/^#\([a-z]\)/\1/p' "$BATS_TEST_DIRNAME/../../packaging/config.yaml"
}

# The settings, where the configuration of the host is this file. (Some keys count nowhere else.)
settings_of_host() {
	mkdir -p "$WORLD/etc/canhazgpu"
	cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache "$WORLD/etc"
	install -m 0644 "$1" "$WORLD/etc/canhazgpu/config.yaml"
	# shellcheck disable=SC2016
	in_world unshare --mount --propagation private sh -euc 'mount --bind "$HOME/../etc" /etc
		exec canhazgpu config --json'
}

@test "the configuration file of the host says the defaults, and nothing while all of it is commented out" {
	need_sqlite
	[ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	settings_of_host "$BATS_TEST_DIRNAME/../../packaging/config.yaml" >"$WORLD/defaults.json"
	assert_equal "$(jq '[.[] | select(.from | startswith("/etc/"))] | length' "$WORLD/defaults.json")" 0

	uncommented >"$WORLD/all-set.yaml"
	settings_of_host "$WORLD/all-set.yaml" >"$WORLD/set.json"
	# It loads, so that there is no unknown key. (The store is set by the environment here.)
	assert_equal "$(jq '[.[] | select(.from | startswith("/etc/"))] | length' "$WORLD/set.json")" \
		$(($(wc -l <"$WORLD/all-set.yaml") - 1))
	# Where a key has a default, it is that.
	assert_equal "$(jq -rn --slurpfile set "$WORLD/set.json" --slurpfile default "$WORLD/defaults.json" '
		$set[0] | to_entries[] | select(.value.from | startswith("/etc/")) |
		select($default[0][.key].value != null) | select($default[0][.key].value != .value.value) | .key')" ''
}
