#!/usr/bin/env bats
# The Debian package: what it sets up, and what becomes of that at an upgrade, a removal and a purge.

load helpers

setup_file() {
	install_with_dependencies
	package --purge canhazgpu
	useradd --create-home alice
}

teardown() {
	forget_package
}

@test "the program is set-group-id, its directory belongs to the group, the files are there" {
	package --install "$PACKAGE"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(readlink /usr/bin/chg)" canhazgpu
	assert_equal "$(mode $STATE)" 'drwxrws--- root:canhazgpu'
	assert_equal "$(ls -A /etc/canhazgpu)" $'config.d\nhooks.d'
	assert_equal "$(mode /etc/canhazgpu/config.d)" 'drwxr-xr-x root:root'
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
	for unit in canhazgpu-web.service canhazgpu-web.socket canhazgpu-guard.service canhazgpu-guard.timer; do
		[ -s "/lib/systemd/system/$unit" ]
	done
	assert_equal "$(find /etc/systemd -name 'canhazgpu*')" ''
	run ! grep -E 'start.*canhazgpu' /tmp/systemctl
	package --install "$PACKAGE"
	grep -qE '^(--[a-z-]+ )*try-restart .*canhazgpu-web.service' /tmp/systemctl
	run ! grep -E '^(--[a-z-]+ )*(stop|start|restart) .*canhazgpu' /tmp/systemctl
	package --remove canhazgpu
	grep -qE '^(--[a-z-]+ )*stop .*canhazgpu-guard.timer .*canhazgpu-web.service' /tmp/systemctl
	rm -r /run/systemd /usr/local/bin/systemctl
}

@test "an upgrade keeps the pool, the modes and the administrator's configuration" {
	package --install "$(another_version 0.0.1)"
	canhazgpu admin --gpus 2 --provider fake
	canhazgpu reserve --gpu-ids 1 --note before
	echo 'reserve.duration: 2h' >$CONFIGURATION
	package --install "$PACKAGE"
	assert_equal "$(dpkg-query -W -f '${Version}' canhazgpu)" "$(dpkg-deb -f "$PACKAGE" Version)"
	assert_equal "$(holders)" '- root'
	assert_equal "$(canhazgpu config --json | jq -r '."reserve.duration".value')" 2h
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	assert_equal "$(mode $STATE/canhazgpu.db)" '-rw-rw---- root:canhazgpu'
}

# upgrade_unasked PACKAGE: fails where dpkg asks anything.
upgrade_unasked() {
	dpkg --force-unsafe-io --no-triggers --install "$1" </dev/null >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log >&2; return 1; }
	run ! grep -i 'configuration file' /tmp/dpkg.log
}

@test "an upgrade from a package that brought a configuration file asks nothing, and keeps what was written there" {
	package --install "$(package_before)"
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	echo 'reserve.duration: 2h' >>$CONFIGURATION
	upgrade_unasked "$PACKAGE"
	assert_equal "$(cat $CONFIGURATION)" $'# of version 0.0.1\nreserve.duration: 2h'
	assert_equal "$(canhazgpu config --json | jq -r '."reserve.duration".value')" 2h
	upgrade_unasked "$(another_version 99)"
	assert_equal "$(tail -n 1 $CONFIGURATION)" 'reserve.duration: 2h'
	package --remove canhazgpu
	[ -s $CONFIGURATION ]
}

@test "a list of defaults that nobody has touched goes" {
	package --install "$(package_before)"
	upgrade_unasked "$PACKAGE"
	[ ! -e $CONFIGURATION ]
	run dpkg --verify canhazgpu
	assert_equal "$output" ''
}

# uses: an account uses the program, which so has its group.
uses() {
	assert_equal "$(mode /usr/bin/canhazgpu)" '-rwxr-sr-x root:canhazgpu'
	as alice canhazgpu reserve --gpu-ids 1 >/dev/null
	as alice canhazgpu status >/dev/null
	as alice canhazgpu release >/dev/null
}

# stop_at_prompt PACKAGE: an upgrade that stands still at its question about the configuration file. Its pid is $dpkg.
stop_at_prompt() {
	rm -f /tmp/answer
	mkfifo /tmp/answer
	(exec dpkg --force-unsafe-io --no-triggers --install "$1" <>/tmp/answer >/tmp/dpkg.log 2>&1 3>&-) &
	dpkg=$!
	wait_until 'grep -q "default=N" /tmp/dpkg.log'
}

@test "an upgrade that stops at a question leaves a program that works" {
	package --install "$(with_conffile 1)"
	canhazgpu admin --gpus 2 --provider fake
	mkfifo -m 0666 /tmp/go
	as alice canhazgpu run --gpu-ids 0 -- sh -c 'read line </tmp/go' 3>&- &
	run=$!
	wait_until '[ "$(holders)" = "alice -" ]'
	echo 'reserve.duration: 2h' >>$CONFIGURATION
	stop_at_prompt "$(with_conffile 2)"
	assert_equal "$(canhazgpu --version)" "canhazgpu $(dpkg-deb -f "$PACKAGE" Version)"
	assert_equal "$(dpkg-query -W -f '${db:Status-Status} ${Version}' canhazgpu)" 'unpacked 2'
	uses
	assert_equal "$(holders)" 'alice -'
	# Answered, it goes on to its end.
	echo N >/tmp/answer
	wait $dpkg
	uses
	grep -qx 'reserve.duration: 2h' $CONFIGURATION
	# Killed at the question, as by a terminal that is closed, the program stays.
	stop_at_prompt "$(with_conffile 3)"
	kill -KILL $dpkg
	status=0
	wait $dpkg || status=$?
	assert_equal "$status" 137
	uses
	assert_equal "$(dpkg-query -W -f '${db:Status-Status}' canhazgpu)" unpacked
	dpkg --force-confold --configure canhazgpu </dev/null >/tmp/dpkg.log 2>&1
	uses
	echo >/tmp/go
	wait $run
	rm /tmp/go /tmp/answer
}

@test "no moment of an upgrade has a program without its group, also the first one that cares for that" {
	package --install "$(package_before)"
	canhazgpu admin --gpus 2 --provider fake
	# Every file that is unpacked is seen by its name: what dpkg does to one that has none yet does not count.
	(trap '' TERM
	until [ -e /tmp/done ]; do
		stat -c '%A %G' /usr/bin/canhazgpu
		as alice canhazgpu status >/dev/null 2>>/tmp/failures || echo failed
	done) >/tmp/seen 3>&- &
	watcher=$!
	for version in 1 2 3; do
		package --install "$(another_version $version)"
	done
	touch /tmp/done
	wait $watcher
	[ ! -s /tmp/failures ]
	assert_equal "$(sort /tmp/seen | uniq -c | awk '{ print $2, $3 }')" '-rwxr-sr-x canhazgpu'
	rm /tmp/done /tmp/failures
}

@test "an upgrade that fails, and the package of before over this one, keep group and mode" {
	package --install "$PACKAGE"
	canhazgpu admin --gpus 2 --provider fake
	run ! package --install "$(rebuilt broken 99 'sed -i "2i exit 1" DEBIAN/preinst')"
	uses
	run ! package --install "$(rebuilt broken 99 'sed -i "2i exit 1" DEBIAN/postinst')"
	uses
	package --install "$(package_before)"
	uses
}

@test "zsh completes the installed program" {
	command -v zsh >/dev/null || skip 'no zsh here'
	package --install "$PACKAGE"
	assert_equal "$(zsh -fc 'autoload -Uz compinit && compinit -u -D && echo $_comps[canhazgpu] $_comps[chg]')" \
		'_canhazgpu _canhazgpu'
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
	echo 'reserve.duration: 2h' >$CONFIGURATION
	package --remove canhazgpu
	[ ! -e /usr/bin/canhazgpu ]
	[ ! -e /usr/libexec/canhazgpu ]
	[ -s $STATE/canhazgpu.db ]
	[ -s $CONFIGURATION ]
	[ ! -e /etc/canhazgpu/config.d ]
	package --install "$PACKAGE"
	assert_equal "$(holders)" 'root -'
}

@test "a purge leaves nothing behind" {
	package --install "$PACKAGE"
	canhazgpu admin --gpus 1 --provider fake
	echo secret >/etc/canhazgpu/redis-password
	echo 'reserve.duration: 2h' >/etc/canhazgpu/config.d/own.yaml
	[ -n "$(traces)" ]
	package --purge canhazgpu
	assert_equal "$(traces)" ''
}
