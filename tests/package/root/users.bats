#!/usr/bin/env bats
# Two accounts share the pool of the installed package: each has what it reserved, and neither reaches the files.

load helpers

setup_file() {
	install_with_dependencies
	useradd --create-home alice
	useradd --create-home bob
}

setup() {
	canhazgpu admin --gpus 4 --provider fake --force
}

@test "both reserve and release, and see each other" {
	as alice canhazgpu reserve --gpu-ids 0,1
	as bob canhazgpu reserve --gpu-ids 3
	assert_equal "$(holders)" 'alice alice - bob'
	assert_equal "$(as bob canhazgpu status --json | jq -r '[.[] | .user // "-"] | join(" ")')" 'alice alice - bob'
	as alice canhazgpu release --gpu-ids 0
	as bob canhazgpu release
	assert_equal "$(holders)" '- alice - -'
}

@test "a run has its GPU until it ends" {
	mkfifo -m 0666 /tmp/go
	as alice canhazgpu run --gpu-ids 2 -- sh -c 'read line </tmp/go' 3>&- &
	pid=$!
	wait_until '[ "$(holders)" = "- - alice -" ]'
	run ! as bob canhazgpu release --gpu-ids 2
	assert_equal "$(holders)" '- - alice -'
	echo go >/tmp/go
	wait $pid
	rm /tmp/go
	wait_until '[ "$(holders)" = "- - - -" ]'
}

@test "what somebody else has is not released, whoever one says one is" {
	as alice canhazgpu reserve --gpu-ids 0
	run ! as bob canhazgpu release --gpu-ids 0
	run ! as bob env USER=alice LOGNAME=alice HOME=/home/alice SUDO_USER=alice canhazgpu release --gpu-ids 0
	as bob env USER=alice LOGNAME=alice HOME=/home/alice canhazgpu release
	run ! as bob canhazgpu reserve --gpu-ids 0
	run ! as bob canhazgpu admin --gpus 4 --provider fake --force
	assert_equal "$(holders)" 'alice - - -'
}

@test "the files of the pool cannot be read, changed, replaced or removed by hand" {
	as alice canhazgpu reserve --gpu-ids 0
	before=$(sha256sum $STATE/canhazgpu.db)
	# By root all of these work: what is refused below is refused to the account.
	for command in "cat $STATE/canhazgpu.db" "sqlite3 -readonly $STATE/canhazgpu.db .tables" "ls $STATE" "test -e $STATE/canhazgpu.db"; do
		$command >/dev/null
	done
	for command in "cat $STATE/canhazgpu.db" "sqlite3 -readonly $STATE/canhazgpu.db .tables" \
		"sqlite3 $STATE/canhazgpu.db VACUUM" "ls $STATE" "test -e $STATE/canhazgpu.db" \
		"cp /etc/passwd $STATE/canhazgpu.db" "mv $STATE/canhazgpu.db /tmp/bob.db" "rm -f $STATE/canhazgpu.db" \
		"ln $STATE/canhazgpu.db /tmp/bob.db" "touch $STATE/mine" "mv $STATE /tmp/state" "chmod 0777 $STATE" \
		"dd if=/dev/zero of=$STATE/canhazgpu.db count=1" "cp /bin/true /usr/bin/canhazgpu"; do
		run ! as bob $command
	done
	assert_equal "$(sha256sum $STATE/canhazgpu.db)" "$before"
	assert_equal "$(holders)" 'alice - - -'
}

@test "the group does not reach what the program starts or is made to load" {
	run --separate-stderr as alice canhazgpu run -- sh -c 'id -G; cat /var/lib/canhazgpu/canhazgpu.db'
	[ "$status" -ne 0 ]
	assert_equal "${lines[-1]}" "$(id -G alice)"
	# What somebody asks of the loader, it does not do for a program with more rights than theirs.
	run as bob env LD_PRELOAD=/tmp/none.so true
	[[ $output == *none.so* ]]
	run as bob env LD_PRELOAD=/tmp/none.so canhazgpu status
	[[ $output != *none.so* ]]
	# Also not when it loads a library that it was not linked with, with its group already dropped.
	mkdir /tmp/other
	touch "/tmp/other/$(grep -aoE 'libjansson[.]so[.][0-9]+' /usr/bin/canhazgpu | head -n 1)"
	cp /usr/bin/canhazgpu /tmp/other/
	run as bob env LD_LIBRARY_PATH=/tmp/other /tmp/other/canhazgpu config --json
	[ "$status" -ne 0 ]
	as bob env LD_LIBRARY_PATH=/tmp/other canhazgpu config --json
	as bob env LD_DEBUG=libs LD_DEBUG_OUTPUT=/tmp/debug-of-true true
	as bob env LD_DEBUG=libs LD_DEBUG_OUTPUT=/tmp/debug-of-ours canhazgpu status
	assert_equal "$(find /tmp -name 'debug-of-*' | sed 's/[.0-9]*$//')" /tmp/debug-of-true
}
