# shellcheck shell=bash
# More words for the tests of what a host's administrator decides (`load host_helpers`), on top of wait_helpers.bash: a host
# with an /etc of its own, and several accounts. They need root.

load wait_helpers

# 4301 made the pool; 4302 uses it; 4303 uses it and is in the group gpu-admins (4309).

# host_pool GPUS [CONFIGURATION]: a pool for several accounts, on a host with that configuration.
host_pool() {
	shared_pool "$1"
	unshare --mount true 2>/dev/null || skip 'no mount namespaces here'
	mkdir -p "$WORLD/etc/canhazgpu"
	cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache "$WORLD/etc"
	cat >>"$WORLD/etc/passwd" <<-END
		maker:x:4301:4300::/nonexistent:/bin/false
		user:x:4302:4300::/nonexistent:/bin/false
		admin:x:4303:4300::/nonexistent:/bin/false
	END
	echo 'gpu-admins:x:4309:' >>"$WORLD/etc/group"
	host_config "${2:-}"
}

host_config() {
	printf '%s\n' "$1" >"$WORLD/etc/canhazgpu/config.yaml"
}

# The words that run a command as an account of that host, in $as.
set_as() {
	local groups=(--clear-groups)
	[ "$1" != 4303 ] || groups=(--groups 4309)
	# shellcheck disable=SC2016
	as=(unshare --mount --propagation private sh -euc 'mount --bind "$0" /etc; exec "$@"' "$WORLD/etc"
		setpriv --reuid "$1" --regid 4300 "${groups[@]}")
}

# on_host UID COMMAND...: $status, $stdout, $stderr as after chg.
on_host() {
	local as
	set_as "$1"
	shift
	status=0
	in_world "${as[@]}" "$@" >"$WORLD/stdout" 2>"$WORLD/stderr" || status=$?
	stdout=$(cat "$WORLD/stdout") stderr=$(cat "$WORLD/stderr")
}

# user ARGUMENTS..., admin ARGUMENTS...: canhazgpu as these accounts.
user() {
	on_host 4302 canhazgpu "$@"
}

admin() {
	on_host 4303 canhazgpu "$@"
}

# start_on_host UID NAME COMMAND...
start_on_host() {
	local as
	set_as "$1"
	start_background "$2" "${as[@]}" "${@:3}"
}

# ok COMMAND...: one of these words, with status 0.
ok() {
	"$@"
	assert_status 0
}

helpers_end
