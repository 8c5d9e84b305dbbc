#!/usr/bin/env bats
# make install and make uninstall by root, on the host itself: the same as the package sets up.

load helpers

setup_file() {
	# An installed package would be found first.
	! dpkg-query -W canhazgpu >/dev/null 2>&1 || package --purge canhazgpu
	# What is built already need not be built again; the tests in it need not be linked with each change of the prefix.
	if [ -d "$PROJECT/build-gcc" ] && command -v meson >/dev/null; then
		mkdir -p "$PROJECT/build"
		mount --bind "$PROJECT/build-gcc" "$PROJECT/build"
		(cd "$PROJECT" && meson setup --reconfigure build -Dtests=disabled >/dev/null)
	fi
	useradd --create-home alice
}

setup() {
	command -v meson >/dev/null || skip 'no meson here'
}

make_quietly() {
	make -C "$PROJECT" --no-print-directory "$@" >/tmp/make.log 2>&1 || { tail -n 30 /tmp/make.log >&2; return 1; }
}

teardown() {
	! command -v meson >/dev/null || make_quietly uninstall PURGE=1
}

@test "for all users: set-group-id, a group, a directory, a configuration" {
	make_quietly install
	assert_equal "$(mode /usr/local/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(mode $STATE)" 'drwxrws--- root:canhazgpu'
	assert_equal "$(mode $CONFIGURATION)" '-rw-r--r-- root:root'
	assert_equal "$(getent group canhazgpu | cut -d : -f 4)" canhazgpu-web
	[[ $(getent passwd canhazgpu-web) == *:/usr/sbin/nologin ]]
	grep -qx 'ExecStart=/usr/local/bin/canhazgpu web' /usr/local/lib/systemd/system/canhazgpu-web.service
	[ -s /usr/local/share/doc/canhazgpu/troubleshooting.md ]
	canhazgpu admin --gpus 2 --provider fake
	as alice chg reserve --gpu-ids 1
	assert_equal "$(holders)" '- alice'
	run ! as alice cat $STATE/canhazgpu.db
}

@test "once more over itself: the pool, the configuration and the modes stay" {
	make_quietly install
	canhazgpu admin --gpus 2 --provider fake
	as alice canhazgpu reserve --gpu-ids 1
	echo 'reserve.duration: 2h' >>$CONFIGURATION
	make_quietly install
	assert_equal "$(holders)" '- alice'
	assert_equal "$(mode /usr/local/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	grep -qx 'reserve.duration: 2h' $CONFIGURATION
}

@test "uninstalled, the pool and the configuration stay, and with PURGE=1 nothing does" {
	before=$(traces)
	make_quietly install
	canhazgpu admin --gpus 2 --provider fake
	make_quietly uninstall
	grep -q "Kept: .*$STATE" /tmp/make.log
	assert_equal "$(traces)" "$({ [ -z "$before" ] || echo "$before"; printf '%s\n' /etc/canhazgpu $STATE $STATE/canhazgpu.db*; } | sort)"
	make_quietly uninstall PURGE=1
	assert_equal "$(traces)" "$before"
	run ! getent group canhazgpu
	run ! getent passwd canhazgpu-web
}

@test "without systemd-sysusers the accounts are the same" {
	make_quietly install
	with=$(getent passwd canhazgpu-web | cut -d : -f 5-)
	make_quietly uninstall PURGE=1
	program=$(command -v systemd-sysusers) || skip 'there is none here'
	mv "$program" "$program.hidden"
	make_quietly install
	mv "$program.hidden" "$program"
	assert_equal "$(getent group canhazgpu | cut -d : -f 4)" canhazgpu-web
	assert_equal "$(getent passwd canhazgpu-web | cut -d : -f 5-)" "$with"
	assert_equal "$(mode /usr/local/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
}

@test "staged, it is all there but what only the host can do, which is told" {
	# From where make runs on.
	make_quietly install DESTDIR="$(realpath -m --relative-to="$PROJECT" /tmp/staged)" PREFIX=/usr
	[ -e /tmp/staged/usr/bin/canhazgpu ]
	grep -q 'systemd-sysusers /usr/lib/sysusers.d/canhazgpu.conf' /tmp/make.log
	grep -q 'systemd-tmpfiles --create /usr/lib/tmpfiles.d/canhazgpu.conf' /tmp/make.log
	assert_equal "$(mode /tmp/staged/usr/bin/canhazgpu)" '-rwxr-xr-x root:root'
	[ -s /tmp/staged/usr/lib/sysusers.d/canhazgpu.conf ]
	[ -s /tmp/staged$CONFIGURATION ]
	run ! getent group canhazgpu
	# What is left to do is enough.
	cp -a /tmp/staged/. /
	bash -ec "$(sed -n '/Left to do/,$s/^    //p' /tmp/make.log)"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(mode $STATE)" 'drwxrws--- root:canhazgpu'
	/usr/bin/canhazgpu admin --gpus 1 --provider fake
	as alice /usr/bin/canhazgpu reserve
	make_quietly uninstall DESTDIR=/tmp/staged PREFIX=/usr PURGE=1
	assert_equal "$(find /tmp/staged ! -type d)" ''
	assert_equal "$(find /tmp/staged -path '*/canhazgpu*')" ''
	make_quietly uninstall PREFIX=/usr PURGE=1
}

@test "another group than canhazgpu, and a prefix that is no full path, are refused" {
	run make -C "$PROJECT" install INSTALL_GROUP=video
	[ "$status" -ne 0 ]
	[[ $output == *'INSTALL_GROUP is canhazgpu or empty'* ]]
	run make -C "$PROJECT" install PREFIX=usr
	[ "$status" -ne 0 ]
	[[ $output == *'PREFIX=usr is no full path'* ]]
}

@test "for one person: no group, no bit, nothing outside of the prefix" {
	# Somebody who is not root, but may write into the build folder.
	setpriv --reuid alice --regid alice --clear-groups --inh-caps +dac_override,+fowner \
		--ambient-caps +dac_override,+fowner make -C "$PROJECT" install PREFIX=/home/alice/.local >/tmp/make.log 2>&1
	grep -q 'each user has a pool of his own' /tmp/make.log
	assert_equal "$(mode /home/alice/.local/bin/canhazgpu)" '-rwxr-xr-x alice:alice'
	assert_equal "$(ls /home/alice/.local)" $'bin\nlibexec\nshare'
	run ! getent group canhazgpu
	[ ! -e $STATE ]
	[ ! -e /etc/canhazgpu ]
	as alice /home/alice/.local/bin/canhazgpu admin --gpus 1 --provider fake
	[ -s /home/alice/.local/state/canhazgpu/canhazgpu.db ]
	make_quietly uninstall PREFIX=/home/alice/.local INSTALL_GROUP=
	[ ! -e /home/alice/.local/bin/canhazgpu ]
}
