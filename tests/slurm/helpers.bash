# shellcheck shell=bash
# A cluster of three nodes with four GPUs each on this machine (contrib/slurm-tryout), for a file of tests: as an
# ordinary user, also where the tests are root's. $cluster is its folder; chg ARGS runs the program on it.

bats_require_minimum_version 1.5.0

# cluster_open [--accounting]
cluster_open() {
	local program missing=''
	for program in munged slurmctld slurmd srun ${1:+slurmdbd mariadbd}; do
		PATH=$PATH:/usr/sbin command -v $program >/dev/null || missing+=" $program"
	done
	[ -z "$missing" ] || skip "no cluster without$missing (scripts/deps test deep installs them)"
	tryout=$BATS_TEST_DIRNAME/../../contrib/slurm-tryout
	# Short, and such that munged takes it: others can enter.
	cluster=$(mktemp -d /tmp/chg-slurm.XXXXXX)
	mkdir "$cluster/home"
	as=()
	if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$CANHAZGPU_BIN" -a -x "$tryout"; then
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		chown -R 65534:65534 "$cluster"
	fi
	chmod 755 "$cluster"
	export cluster tryout CANHAZGPU_ENGINE=slurm SLURM_CONF=$cluster/c/slurm.conf HOME=$cluster/home
	# Of folders that this account may not enter a shell says 126 where nothing is found.
	export PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
	export XDG_RUNTIME_DIR='' NO_COLOR=1
	printf '%s\n' "${as[@]}" >"$cluster/as"
	cd "$cluster" || return 1
	"${as[@]}" timeout 90 "$tryout" up "$cluster/c" "$@" 3>&-
}

cluster_close() {
	[ -n "${cluster:-}" ] || return 0
	as_user timeout 60 "$tryout" down "$cluster/c" 3>&-
	rm -rf "$cluster"
}

as_user() {
	local as
	readarray -t as < <(grep . "$cluster/as")
	"${as[@]}" "$@"
}

chg() {
	as_user timeout 60 "$CANHAZGPU_BIN" "$@" 3>&-
}

# chg_begin NAME ARGS: in the background, with its output in $cluster/NAME.out; sets $pid.
chg_begin() {
	local as name=$1
	shift
	readarray -t as < <(grep . "$cluster/as")
	# exec, so that $pid is the program's own; and Ctrl-C counts, which a shell switches off for what it puts there.
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "${as[@]}" "$CANHAZGPU_BIN" "$@" >"$cluster/$name.out" 2>"$cluster/$name.err" </dev/null 3>&- &
	pid=$!
	begun+=("$pid")
}

slurm() {
	as_user timeout 20 "$@" 3>&-
}

# fails COMMAND...: whether it does.
fails() {
	if "$@"; then
		return 1
	fi
}

# wait_until CONDITION: a shell command that succeeds within 20 s.
wait_until() {
	local end=$((SECONDS + 20))
	until eval "$1"; do
		[ $SECONDS -lt $end ] || { echo "never: $1" >&2 && return 1; }
		sleep 0.1
	done
}

# Whether Slurm has no job that holds or wants anything.
is_quiet() {
	[ -z "$(slurm squeue -h -o %A)" ]
}

quiet() {
	slurm scancel --user="$(as_user id -un)"
	wait_until is_quiet
}

# For the end of a test: what it has left, too, because it failed.
end_test() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || kill "${begun[@]}" 2>/dev/null || true
	quiet
}
