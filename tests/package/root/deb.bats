#!/usr/bin/env bats
# The Debian package: what it sets up, and what becomes of that at an upgrade, a removal and a purge.

load helpers

setup_file() {
	install_with_dependencies
	package --purge canhazgpu
}

teardown() {
	forget_package
}

@test "the program is set-group-id, its directory belongs to the group, the files are there" {
	package --install "$PACKAGE"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(readlink /usr/bin/chg)" canhazgpu
	assert_equal "$(mode $STATE)" 'drwxrws--- root:canhazgpu'
	assert_equal "$(mode $CONFIGURATION)" '-rw-r--r-- root:root'
	# Nobody is in the group but the account of the web server, which nobody can log in to.
	assert_equal "$(getent group canhazgpu | cut -d : -f 4)" canhazgpu-web
	[[ $(getent passwd canhazgpu-web) == *:/usr/sbin/nologin ]]
	# The whole package is as it was packed.
	run dpkg --verify canhazgpu
	assert_equal "$output" ''
	assert_equal "$(chg --version)" "canhazgpu $(dpkg-query -W -f '${Version}' canhazgpu)"
}

# As if systemd ran here: what the package asks of it goes to /tmp/systemctl.
pretend_systemd() {
	mkdir -p /run/systemd/system
	rm -f /usr/sbin/policy-rc.d /tmp/systemctl
	printf '#!/bin/sh\necho "$@" >>/tmp/systemctl\n' >/usr/local/bin/systemctl
	chmod 0755 /usr/local/bin/systemctl
}

@test "the web server is off until somebody turns it on; an upgrade restarts it, a removal stops it" {
	pretend_systemd
	package --install "$(another_version 0.0.1)"
	[ -x /usr/libexec/canhazgpu/canhazgpu-web ]
	canhazgpu web --help >/dev/null
	for unit in canhazgpu-web.service canhazgpu-web.socket; do
		[ -s "/lib/systemd/system/$unit" ]
	done
	assert_equal "$(find /etc/systemd -name 'canhazgpu*')" ''
	run ! grep -E 'start.*canhazgpu' /tmp/systemctl
	package --install "$PACKAGE"
	grep -qE '^(--[a-z-]+ )*try-restart .*canhazgpu-web.service' /tmp/systemctl
	run ! grep -E '^(--[a-z-]+ )*(stop|start|restart) .*canhazgpu' /tmp/systemctl
	package --remove canhazgpu
	grep -qE '^(--[a-z-]+ )*stop .*canhazgpu-web.service' /tmp/systemctl
	rm -r /run/systemd /usr/local/bin/systemctl
}

@test "an upgrade keeps the pool, the modes and the administrator's configuration" {
	package --install "$(another_version 0.0.1)"
	canhazgpu admin --gpus 2 --provider fake
	canhazgpu reserve --gpu-ids 1 --note before
	echo 'reserve.duration: 2h' >>$CONFIGURATION
	package --install "$PACKAGE"
	assert_equal "$(dpkg-query -W -f '${Version}' canhazgpu)" "$(dpkg-deb -f "$PACKAGE" Version)"
	assert_equal "$(holders)" '- root'
	assert_equal "$(canhazgpu config --json | jq -r '."reserve.duration".value')" 2h
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(mode $STATE/canhazgpu.db)" '-rw-rw---- root:canhazgpu'
}

@test "a configuration that nobody has touched becomes that of the new version" {
	package --install "$(another_version 0.0.1)"
	grep -q 'of version 0.0.1' $CONFIGURATION
	package --install "$PACKAGE"
	run ! grep -q 'of version' $CONFIGURATION
}

@test "a mode that the administrator has chosen stays" {
	addgroup --system gpu-people >/dev/null 2>&1 || groupadd --system gpu-people
	dpkg-statoverride --add root gpu-people 0750 /usr/bin/canhazgpu
	package --install "$PACKAGE"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-x--- root:gpu-people'
	package --install "$(another_version 99)"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-x--- root:gpu-people'
}

@test "a removal keeps the pool and the configuration for the next installation" {
	package --install "$PACKAGE"
	canhazgpu admin --gpus 2 --provider fake
	canhazgpu reserve --gpu-ids 0
	package --remove canhazgpu
	[ ! -e /usr/bin/canhazgpu ]
	[ ! -e /usr/libexec/canhazgpu ]
	[ -s $STATE/canhazgpu.db ]
	[ -s $CONFIGURATION ]
	package --install "$PACKAGE"
	assert_equal "$(holders)" 'root -'
}

@test "a purge leaves nothing behind" {
	package --install "$PACKAGE"
	canhazgpu admin --gpus 1 --provider fake
	echo secret >/etc/canhazgpu/redis-password
	[ -n "$(traces)" ]
	package --purge canhazgpu
	assert_equal "$(traces)" ''
}
