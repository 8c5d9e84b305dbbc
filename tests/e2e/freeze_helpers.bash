# Processes that are frozen. Who loads this calls thaw in teardown.
# shellcheck shell=bash

# freeze PID: in a control group, as `docker pause` does. Nothing of that is seen from outside.
freeze() {
	local mount kind=cgroup2
	mount=$(sed -nE 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - cgroup2 .*/\1/p' /proc/self/mountinfo | head -n 1)
	if [ -z "$mount" ] || ! mkdir "$mount/canhazgpu-test-$$" 2>/dev/null; then
		kind=freezer
		mount=$(sed -nE 's/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+) .* - cgroup .*freezer.*/\1/p' /proc/self/mountinfo | head -n 1)
		{ [ -n "$mount" ] && mkdir "$mount/canhazgpu-test-$$" 2>/dev/null; } || skip 'cannot make control groups'
	fi
	frozen=$mount/canhazgpu-test-$$
	echo "$1" >"$frozen/cgroup.procs" || skip 'cannot use control groups'
	if [ "$kind" = cgroup2 ]; then
		echo 1 >"$frozen/cgroup.freeze"
		wait_until 'grep -qx "frozen 1" "$frozen/cgroup.events"'
	else
		echo FROZEN >"$frozen/freezer.state"
		wait_until 'grep -qx FROZEN "$frozen/freezer.state"'
	fi
}

thaw() {
	local pid
	[ -n "${frozen:-}" ] || return 0
	if [ -e "$frozen/cgroup.freeze" ]; then
		echo 0 >"$frozen/cgroup.freeze"
	else
		echo THAWED >"$frozen/freezer.state"
	fi
	for pid in $(cat "$frozen/cgroup.procs"); do
		echo "$pid" >"${frozen%/*}/cgroup.procs" || true
	done
	rmdir "$frozen" || true
	frozen=
}
