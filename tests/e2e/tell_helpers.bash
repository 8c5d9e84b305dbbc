# shellcheck shell=bash
# More words for the tests of what people are told (`load tell_helpers`), on top of host_helpers.bash: people at their terminals, a mail
# program, hooks, and a host with a /dev and a /run of its own. They need root.

load host_helpers

# Accounts of their own: root in another test's host, which runs meanwhile, finds the terminals of this machine by their owners.
user() {
	on_host 4312 canhazgpu "$@"
}

# people PERSON...: a pool of 4 GPUs, and people at their terminals (programs/people). `user` (4312) and `maker` (4311) have homes.
people() {
	host_pool 4
	folder=$WORLD/people
	mkdir "$folder" "$WORLD/dev" "$WORLD/run" "$WORLD/etc/canhazgpu/hooks.d"
	cp -a /etc/alternatives "$WORLD/etc" # awk is one
	chmod 0777 "$folder"
	install -d -o 4312 -g 4300 "$WORLD/home/user" "$WORLD/home/user/.config" "$WORLD/home/user/.config/canhazgpu"
	sed -i "s,^user:.*,user:x:4312:4300::$WORLD/home/user:/bin/sh,; s,^maker:x:4301,maker:x:4311," "$WORLD/etc/passwd"
	echo 'canhazgpu-hooks:x:4310:4310::/:/bin/false' >>"$WORLD/etc/passwd"
	start_background people "$BATS_TEST_DIRNAME/programs/people" "$folder" "$@"
	wait_until '[ -e "$folder/ready" ]'
	# The sendmail of this host writes down what it is given, and who it is.
	cat >"$WORLD/sendmail" <<-END
		#!/bin/sh
		{ id -u; echo "\$*"; env; echo; cat; } >$folder/mail.new
		mv $folder/mail.new $folder/mail
	END
	chmod 0755 "$WORLD/sendmail"
	host_config "tell.sendmail: $WORLD/sendmail"
}

# The same words as in host_helpers, with a /dev/log that goes to the people, no terminals but theirs (those of the same account in another
# test, which runs meanwhile, are none of its business), and a /run without utmp (or with that of $WORLD/run).
set_as() {
	local groups=(--clear-groups)
	[ "$1" != 4303 ] || groups=(--groups 4309)
	# shellcheck disable=SC2016
	as=(unshare --mount --propagation private sh -euc '
		world=$0
		mount --bind "$world/etc" /etc
		mount -t tmpfs none "$world/dev"
		cp -a /dev/null /dev/zero /dev/urandom /dev/tty /dev/fd "$world/dev"
		mkdir "$world/dev/pts"
		for tty in "$world"/people/*.tty; do
			[ -e "$tty" ] || continue
			path=$(cat "$tty")
			: >"$world/$path"
			mount --bind "$path" "$world/$path"
		done
		ln -s "$world/people/log.socket" "$world/dev/log"
		mount --rbind "$world/dev" /dev
		mount --bind "$world/run" /run
		exec "$@"' "$WORLD" setpriv --reuid "$1" --regid "${gid:-4300}" "${groups[@]}")
}

root() {
	gid=0 on_host 0 "$@"
}

# reserve_and_release [NOTE]: user reserves a GPU, and root takes it away.
reserve_and_release() {
	ok user reserve --short ${1:+--note "$1"}
	ok root canhazgpu release --user user
}

# hook NAME: a hook whose script comes on standard input. $folder is where it may write.
hook() {
	{ printf '#!/bin/sh\nfolder=%s\n' "$folder" && cat; } >"$WORLD/etc/canhazgpu/hooks.d/$1"
	chmod 0755 "$WORLD/etc/canhazgpu/hooks.d/$1"
}

notify_yaml() {
	printf '%s\n' "$1" >"$WORLD/home/user/.config/canhazgpu/notify.yaml"
}

helpers_end
