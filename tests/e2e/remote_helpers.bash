# shellcheck shell=bash
# What the tests of several hosts share (`load remote_helpers` behind `load helpers` and `load web_helpers`): a
# laboratory of hosts, each a network namespace with a name, an address and a pool of its own and a real sshd, on one
# bridge. Processes are the world's: world_close ends them, and the namespaces with them.

LAB=10.199.7

# lab_open: the place from which people go to the hosts, "desk". From here on chg runs there.
lab_open() {
	unshare --net --uts --mount true 2>/dev/null || skip 'needs the right to make namespaces'
	command -v ip >/dev/null || skip 'needs iproute2'
	[ -x /usr/sbin/sshd ] || skip 'needs openssh-server'
	desk=
	lab_holder desk
	desk=$holder
	in_lab "$desk" sh -euc '
		ip link set lo up
		ip link add name lab0 type bridge
		ip address add "$1.254/24" dev lab0
		ip link set lab0 up' sh "$LAB"
	mkdir "$WORLD/ssh" "$WORLD/run"
	chmod 700 "$WORLD/run"
	world_set XDG_RUNTIME_DIR="$WORLD/run"
	ssh-keygen -q -t ed25519 -N '' -f "$WORLD/ssh/key"
	ssh-keygen -q -t ed25519 -N '' -f "$WORLD/ssh/host_key"
	cp "$WORLD/ssh/key.pub" "$WORLD/ssh/authorized"
	printf '#!/bin/sh\nexec /usr/bin/ssh -F "%s" "$@"\n' "$WORLD/ssh/config" >"$WORLD/bin/ssh"
	chmod +x "$WORLD/bin/ssh"
	cat >"$WORLD/ssh/config" <<-END
		IdentityFile $WORLD/ssh/key
		IdentitiesOnly yes
		UserKnownHostsFile $WORLD/ssh/known
		GlobalKnownHostsFile /dev/null
		StrictHostKeyChecking yes
		User $(id -un)
	END
}

# Ends what is left in the network namespaces: sessions of sshd carry no marker, and do not hear that the other end is
# gone with its namespace.
lab_close() {
	local name link paths path expression=()
	for name in "${!background_pids[@]}"; do
		[[ $name == host-* ]] && link=$(readlink "/proc/${background_pids[$name]}/ns/net") || continue
		link=${link//[/\\[}
		expression+=(${expression:+-o} -lname "${link//]/\\]}")
	done
	[ ${#expression[@]} -gt 0 ] || return 0
	mapfile -t paths < <(find /proc/[0-9]*/ns/net -maxdepth 0 \( "${expression[@]}" \) 2>/dev/null)
	for path in "${paths[@]}"; do
		path=${path#/proc/}
		kill -KILL "${path%/ns/net}" 2>/dev/null || true
	done
}

teardown() {
	lab_close
	world_close
}

# A process that keeps namespaces of that name; its pid is in $holder.
lab_holder() {
	start_background "host-$1" unshare --net --uts --mount --propagation private sh -euc '
		hostname "$1"
		mount -t tmpfs tmpfs /run
		mkdir /run/sshd
		echo ready
		exec sleep 100000' sh "$1"
	holder=$background_pid
	wait_until 'has_text "$WORLD/host-'"$1"'.out" ready'
}

# in_lab PID COMMAND...: in the namespaces that it keeps.
in_lab() {
	local pid=$1
	shift
	env -i "${world_environment[@]}" nsenter --net --uts --mount --target "$pid" "$@" 3>&- 4>&- 6>&-
}

# chg and start_background go from the desk.
in_world() {
	if [ -n "${desk:-}" ]; then
		in_lab "$desk" "$@"
	else
		env -i "${world_environment[@]}" "$@" 3>&- 4>&- 6>&-
	fi
}

# lab_host N GPUS [MODEL]: a host gpuN at $LAB.N with so many fake GPUs. Its sshd hands every session the environment
# of that host.
lab_host() {
	local name=gpu$1 dir=$WORLD/gpu$1 gpus='' i
	lab_holder "$name"
	eval "host_$name=\$holder"
	in_lab "$desk" sh -euc '
		ip link add "v$1" type veth peer name eth0 netns "$2"
		ip link set "v$1" master lab0 up' sh "$1" "$holder"
	in_lab "$holder" sh -euc 'ip link set lo up; ip address add "$1/24" dev eth0; ip link set eth0 up' sh "$LAB.$1"
	mkdir -p "$dir/home"
	for ((i = 0; i < $2; i++)); do
		gpus+="${gpus:+,}{\"index\":$i,\"name\":\"${3:-NVIDIA H100 80GB HBM3}\",\"memory_total_mb\":81559}"
	done
	echo "{\"gpus\":[$gpus]}" >"$dir/fake.json"
	cat >"$dir/sshd_config" <<-END
		ListenAddress $LAB.$1
		HostKey $WORLD/ssh/host_key
		AuthorizedKeysFile $WORLD/ssh/authorized
		PidFile none
		StrictModes no
		PermitRootLogin yes
		UsePAM no
		UseDNS no
		PrintMotd no
		MaxStartups 200
		SetEnv CANHAZGPU_STORE=sqlite:$dir/pool.db CANHAZGPU_FAKE_STATE=$dir/fake.json HOME=$dir/home PATH=$dir/bin:$WORLD/bin:/usr/bin:/bin CANHAZGPU_TEST_WORLD=$WORLD CANHAZGPU_TEST_WAIT_MS=30000 LANG=C.UTF-8 TMPDIR=$WORLD/tmp
	END
	mkdir "$dir/bin"
	ln -s "$CANHAZGPU_BIN" "$dir/bin/canhazgpu"
	printf '%s %s\n' "$LAB.$1" "$(cut -d ' ' -f 1,2 "$WORLD/ssh/host_key.pub")" >>"$WORLD/ssh/known"
	printf 'Host %s\n HostName %s.%s\n' "$name" "$LAB" "$1" >>"$WORLD/ssh/config"
	on "$1" canhazgpu admin --gpus "$2" --provider fake >/dev/null
	start_lab "sshd$1" "$holder" /usr/sbin/sshd -D -e -f "$dir/sshd_config"
	wait_until 'has_text "$WORLD/sshd'"$1"'.err" listening'
}

# start_lab NAME PID COMMAND...: start_background in those namespaces.
start_lab() {
	local name=$1 pid=$2
	shift 2
	start_background "$name" nsenter --net --uts --mount --target "$pid" "$@"
}

# on N COMMAND...: on that host itself.
on() {
	local pid dir=$WORLD/gpu$1
	eval "pid=\$host_gpu$1"
	shift
	in_lab "$pid" env CANHAZGPU_STORE="sqlite:$dir/pool.db" CANHAZGPU_FAKE_STATE="$dir/fake.json" HOME="$dir/home" "$@"
}

# hosts LIST: what the configuration at the desk names.
hosts() {
	printf '%s\n' "hosts: $1" "${@:2}" >"$WORLD/home/.canhazgpu.yaml"
}

# A web server at http://$LAB.254:8001 that answers as no good one does (programs/answer-http).
lab_liar() {
	start_lab liar "$desk" python3 "$BATS_TEST_DIRNAME/programs/answer-http" 8001
	liar=http://$LAB.254:8001
	wait_until 'has_text "$WORLD/liar.out" ready'
}

helpers_end
