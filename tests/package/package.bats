#!/usr/bin/env bats
# The Debian package as a file, the archive of the sources, and the spec file. $PACKAGE is the package.

bats_require_minimum_version 1.5.0

setup_file() {
	export ROOT=$BATS_TEST_DIRNAME/../..
	export VERSION
	VERSION=$(cat "$ROOT/VERSION")
	dpkg-deb --extract "$PACKAGE" "$BATS_FILE_TMPDIR/tree"
}

setup() {
	cd "$BATS_FILE_TMPDIR/tree"
}

need_git() {
	[ -e "$ROOT/.git" ] && git -c safe.directory="$(realpath "$ROOT")" -C "$ROOT" rev-parse HEAD >/dev/null ||
		skip 'no git checkout'
}

@test "lintian has nothing to say" {
	command -v lintian >/dev/null || skip 'no lintian'
	run lintian --allow-root --display-info --fail-on error,warning,info "$PACKAGE"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = '' ]
}

@test "the package has the version of the sources, everywhere" {
	[ "$(dpkg-deb -f "$PACKAGE" Version)" = "$VERSION" ]
	[ "$(zcat usr/share/doc/canhazgpu/changelog.gz | head -n 1)" = "canhazgpu ($VERSION) unstable; urgency=medium" ]
	[ "$(usr/bin/canhazgpu --version)" = "canhazgpu $VERSION" ]
}

@test "all belongs to root, and nothing but the program has more rights than others" {
	dpkg-deb --contents "$PACKAGE" >"$BATS_TEST_TMPDIR/list"
	[ "$(grep -cE '^-rwxr-sr-x root/canhazgpu .* ./usr/bin/canhazgpu$' "$BATS_TEST_TMPDIR/list")" -eq 1 ]
	run ! grep -vE '^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root/root |/usr/bin/canhazgpu$' "$BATS_TEST_TMPDIR/list"
	[ "$(find . -perm /6022 ! -type l)" = ./usr/bin/canhazgpu ]
	# Where the name of the group is not known, it is nobody's.
	dpkg-deb --fsys-tarfile "$PACKAGE" | tar --numeric-owner -tvf - | grep -E '^-rwxr-sr-x 0/65534 .* ./usr/bin/canhazgpu$'
}

@test "both programs are hardened" {
	for program in usr/bin/canhazgpu usr/libexec/canhazgpu/canhazgpu-web; do
		readelf --wide --file-header "$program" | grep -q 'Type: *DYN'
		readelf --wide --dynamic "$program" | grep -q 'FLAGS_1.*NOW.*PIE'
		readelf --wide --segments "$program" | grep -q GNU_RELRO
		readelf --wide --segments "$program" | grep 'GNU_STACK' | grep -q ' RW '
		readelf --wide --dyn-syms "$program" | grep -q __stack_chk_fail
		readelf --wide --dyn-syms "$program" | grep -qE '__(printf|fprintf|snprintf|vsnprintf|memcpy|vfprintf)_chk'
	done
}

@test "the package depends on what the program loads when it needs it" {
	libraries=$(grep -aoE 'lib(hiredis|jansson|yaml)[-.][-.0-9]*so[.0-9]+' usr/bin/canhazgpu | sort -u)
	[ "$(wc -l <<<"$libraries")" -eq 3 ]
	for library in $libraries; do
		# As rpm finds it; the other program of the package is linked with all of them.
		readelf --wide --dynamic usr/libexec/canhazgpu/canhazgpu-web | grep -F "NEEDED" | grep -F "[$library]"
		[ "$(readelf --wide --dynamic usr/bin/canhazgpu | grep -cF "[$library]")" -eq 0 ]
		# As the policy of Debian names packages: libyaml-0.so.2 is in libyaml-0-2, libjansson.so.4 in libjansson4.
		name=$(sed -E 's/([0-9])\.so\./\1-/; s/\.so\.//' <<<"$library")
		dpkg-deb -f "$PACKAGE" Depends | grep -E "(^|, )$name( |,|$)"
	done
}

@test "pages, completions, snippets and the configuration are where they are looked for" {
	for page in canhazgpu.1 chg.1 canhazgpu-run.1 canhazgpu.yaml.5; do
		[ -e "usr/share/man/man${page##*.}/$page.gz" ]
	done
	[ -s usr/share/bash-completion/completions/chg ]
	[ -s usr/share/zsh/vendor-completions/_canhazgpu ]
	[ -s usr/share/fish/vendor_completions.d/chg.fish ]
	[ -s usr/lib/sysusers.d/canhazgpu.conf ]
	[ -s usr/lib/tmpfiles.d/canhazgpu.conf ]
	[ -s lib/systemd/system/canhazgpu-web.socket ]
	grep -qx 'ExecStart=/usr/bin/canhazgpu web' lib/systemd/system/canhazgpu-web.service
	[ -s lib/systemd/system/canhazgpu-guard.timer ]
	grep -qx 'ExecStart=/usr/bin/canhazgpu guard' lib/systemd/system/canhazgpu-guard.service
	[ "$(readlink usr/bin/chg)" = canhazgpu ]
}

@test "the configuration is an example, so that no upgrade asks about it" {
	run ! dpkg-deb --info "$PACKAGE" conffiles
	[ -d etc/canhazgpu/config.d ]
	[ "$(find etc ! -type d)" = '' ]
	cmp usr/share/doc/canhazgpu/examples/config.yaml "$ROOT/packaging/config.yaml"
	# Copied as it is, it sets nothing.
	run ! grep -vE '^(#|$)' usr/share/doc/canhazgpu/examples/config.yaml
}

@test "the accounts are the ones that systemd-sysusers would make" {
	command -v systemd-sysusers >/dev/null || skip 'no systemd-sysusers'
	mkdir -p "$BATS_TEST_TMPDIR/root/etc"
	systemd-sysusers --root="$BATS_TEST_TMPDIR/root" "$PWD/usr/lib/sysusers.d/canhazgpu.conf"
	cut -d : -f 1,4 "$BATS_TEST_TMPDIR/root/etc/group" | sort | paste -sd ' ' | grep -qx 'canhazgpu-hooks: canhazgpu-web: canhazgpu:canhazgpu-web'
	cut -d : -f 1,6,7 "$BATS_TEST_TMPDIR/root/etc/passwd" | grep -qx 'canhazgpu-web:/:/usr/sbin/nologin'
}

@test "the archive of the sources has the same bytes each time, and nothing of whoever made it" {
	need_git
	"$ROOT/scripts/make-dist" "$BATS_TEST_TMPDIR/one"
	# What has the time of its making would differ.
	before=$(date +%s)
	until [ "$(date +%s)" != "$before" ]; do sleep 0.1; done
	(umask 077 && TZ=Asia/Tokyo GZIP=-1 "$ROOT/scripts/make-dist" "$BATS_TEST_TMPDIR/two")
	archive=canhazgpu-$VERSION.tar.gz
	cmp "$BATS_TEST_TMPDIR/one/$archive" "$BATS_TEST_TMPDIR/two/$archive"
	tar -tvzf "$BATS_TEST_TMPDIR/one/$archive" >"$BATS_TEST_TMPDIR/list"
	run ! grep -v ' root/root ' "$BATS_TEST_TMPDIR/list"
	run ! grep -v " canhazgpu-$VERSION/" "$BATS_TEST_TMPDIR/list"
}

@test "the spec file in the archive has the version and can be read" {
	need_git
	"$ROOT/scripts/make-dist" "$BATS_TEST_TMPDIR"
	tar -xOzf "$BATS_TEST_TMPDIR/canhazgpu-$VERSION.tar.gz" "canhazgpu-$VERSION/canhazgpu.spec" >"$BATS_TEST_TMPDIR/canhazgpu.spec"
	grep -qxE "Version: +${VERSION//./\\.}" "$BATS_TEST_TMPDIR/canhazgpu.spec"
	run ! grep -q '@' <<<"$(grep -v '^#' "$BATS_TEST_TMPDIR/canhazgpu.spec")"
	command -v rpmspec >/dev/null || skip 'no rpmspec'
	[ "$(rpmspec --query --queryformat '%{NAME} %{VERSION} %{LICENSE}\n' "$BATS_TEST_TMPDIR/canhazgpu.spec" | head -n 1)" = \
		"canhazgpu $VERSION Apache-2.0" ]
}
