#!/usr/bin/env bats
# People are told of what others do to what is theirs: on their terminals, by mail, by a command of their own; and hooks
# get every event. Needs root, to be others and to have an /etc, a /dev and a /run of one's own.
# stores: any
# seconds: 15

load tell_helpers

@test "on terminals with mesg y, once, of the account alone; a stopped one keeps nobody" {
	people a:4312:620 silent:4312:600 stuck:4312:620:stopped other:4311:620
	reserve_and_release
	wait_until 'has_text "$folder/a" "root released GPU 0, which user had for"'
	has_text "$folder/a" $'\aMessage from canhazgpu@' || fail_with "$(cat -v "$folder/a")"
	# A second pass has nothing more to tell, and one's own acts are known.
	ok user reserve --short
	ok user release
	reserve_and_release
	wait_until '[ "$(grep -c "root released" "$folder/a")" = 2 ]'
	assert_equal "$(grep -c 'Message from' "$folder/a")" 2
	[ ! -s "$folder/silent" ] && [ ! -s "$folder/other" ] || fail_with "$(cat -v "$folder"/{silent,other})"
}

@test "where there is a utmp, the terminals that it names, if they are the account's" {
	people a:4312:620 b:4312:620 other:4311:620
	python3 - "$WORLD/run/utmp" "$folder" <<-'END'
		import struct, sys
		out, folder = sys.argv[1:]
		def entry(name):
		    line = open(f"{folder}/{name}.tty").read().removeprefix("/dev/")
		    return struct.pack("hi32s4s32s256shhiii16s20x", 7, 1, line.encode(), b"", b"user", b"", 0, 0, 0, 0, 0, b"")
		open(out, "wb").write(entry("b") + entry("other") + struct.pack("hi32s4s32s256shhiii16s20x", 7, 1, b"../../etc/x", b"", b"user", b"", 0, 0, 0, 0, 0, b""))
	END
	reserve_and_release
	wait_until 'has_text "$folder/b" "root released"'
	[ ! -s "$folder/a" ] && [ ! -s "$folder/other" ] || fail_with "$(cat -v "$folder"/{a,other})"
}

@test "notify.yaml chooses mail and a command, which run as the account; a mistake in it is told once" {
	people a:4312:620
	notify_yaml $'channels: [mail, command]\nmail: me@example.org\ncommand: ~/told'
	printf '#!/bin/sh\n{ id -un; pwd; env; cat; } >told.new; mv told.new told.out\n' >"$WORLD/home/user/told"
	chmod 0755 "$WORLD/home/user/told"
	reserve_and_release
	wait_until '[ -e "$folder/mail" ] && [ -e "$WORLD/home/user/told.out" ]'
	assert_equal "$(sed -n 1,2p "$folder/mail" | paste -sd ' ')" '4312 -i -t'
	assert_equal "$(grep -c '^To: me@example.org$' "$folder/mail")" 1
	grep -q '^Subject: \[canhazgpu@.*\] root released GPU 0' "$folder/mail"
	assert_equal "$(sed -n 1,2p "$WORLD/home/user/told.out" | paste -sd ' ')" "user $WORLD/home/user"
	assert_equal "$(tail -n 1 "$WORLD/home/user/told.out" | jq -r '[.kind, .account, .actor, .gpus[0]] | @tsv')" $'released\tuser\troot\t0'
	# Nothing of this process's environment reaches them.
	[[ $(cat "$folder/mail" "$WORLD/home/user/told.out") != *CANHAZGPU_TEST_WORLD* ]] || fail_with "the environment is not clean"
	[ ! -s "$folder/a" ]
	notify_yaml $'channels: [mail\nkinds: all'
	reserve_and_release
	wait_until 'has_text "$folder/a" "notify.yaml:2:"'
	reserve_and_release
	wait_until '[ "$(grep -c "root released" "$folder/a")" = 2 ]'
	assert_equal "$(grep -c 'notify.yaml:' "$folder/a")" 1
	in_world HOME="$WORLD/home/user" canhazgpu doctor >"$WORLD/doctor" || true
	grep -q '^warning *notify .*notify.yaml:2:' "$WORLD/doctor"
	in_world HOME="$WORLD/home/user" canhazgpu config 2>&1 >/dev/null | grep -q "^Warning: .*notify.yaml:2:"
	notify_yaml 'channels: none'
	reserve_and_release
	ok root canhazgpu status
	assert_equal "$(grep -c 'root released' "$folder/a")" 2
}

@test "hooks get every event, as an account without rights; what is not root's is not run" {
	people
	hook 10-who <<<'{ id -u; id -G; env | sort; cat; } >>$folder/who'
	hook '20 who' <<<'echo >$folder/bad'
	hook 30-others <<<'echo >$folder/bad'
	chmod 0757 "$WORLD/etc/canhazgpu/hooks.d/30-others"
	hook 40-plain <<<'echo >$folder/bad'
	chmod 0644 "$WORLD/etc/canhazgpu/hooks.d/40-plain"
	# Root's own file, in whose place others could put another.
	mkdir "$WORLD/theirs"
	printf '#!/bin/sh\necho >%s/bad\n' "$folder" >"$WORLD/theirs/hook"
	chmod 0755 "$WORLD/theirs/hook"
	chown 4311 "$WORLD/theirs"
	ln -s "$WORLD/theirs/hook" "$WORLD/etc/canhazgpu/hooks.d/50-link"
	# As many as there are.
	hook 50-many <<<'read -r event && echo >>$folder/many'
	for i in {51..90}; do ln -s 50-many "$WORLD/etc/canhazgpu/hooks.d/$i-many"; done
	reserve_and_release
	wait_until '[ "$(grep -c "\"kind\"" "$folder/who")" = 3 ]'
	assert_equal "$(sed -n 1,2p "$folder/who" | paste -sd ' ')" '4310 4310'
	assert_equal "$(grep '"kind"' "$folder/who" | jq -r .kind | paste -sd ' ')" 'admin granted released'
	assert_equal "$(sed -n '/^{/q; 3,$p' "$folder/who" | cut -d= -f1 | paste -sd ' ')" 'HOME LANG LOGNAME PATH PWD USER'
	wait_until 'has_text "$folder/log" "hook 40-plain is not run: it is not executable (chmod 755)"'
	has_text "$folder/log" 'hook 30-others is not run: it can be written by others than root'
	wait_until 'has_text "$folder/log" "hook 50-link is not run: others than root can change a directory above it"'
	has_text "$folder/log" "hook 20 who is not run: its name has other characters than letters, digits, '_' and '-'"
	wait_until '[ "$(wc -l <"$folder/many")" = 123 ]'
	rm "$WORLD"/etc/canhazgpu/hooks.d/*-many
	[ ! -e "$folder/bad" ]
	root canhazgpu doctor
	[[ $stdout == *'warning  hooks '*'1 in /etc/canhazgpu/hooks.d'*'20 who is not run'*'30-others is not run'* ]] || fail_with 'doctor does not tell'
	# Without the account nothing runs, above all not as root.
	sed -i '/^canhazgpu-hooks/d' "$WORLD/etc/passwd"
	reserve_and_release
	wait_until 'has_text "$folder/log" "no hook is run: there is no account"'
	chmod 0777 "$WORLD/etc/canhazgpu/hooks.d"
	reserve_and_release
	wait_until 'has_text "$folder/log" "no hook is run: /etc/canhazgpu/hooks.d can be written by others than root"'
	assert_equal "$(grep -c '"kind"' "$folder/who")" 3
}

@test "a hook that hangs is killed with all it has started, and delays nobody; others print without end, or leave processes" {
	people a:4312:620
	host_config "$(cat "$WORLD/etc/canhazgpu/config.yaml")"$'\ntell.hook-timeout: 400ms'
	hook 10-hang <<<'echo $$ >>$folder/hangs; setsid sleep 1000 & trap "" TERM; while :; do sleep 1000; done'
	hook 20-print <<<'exec cat /dev/zero'
	hook 30-daemon <<<'exec <&- >&- 2>&-; (setsid sleep 1000 & echo $! >$folder/daemon); echo >>$folder/daemons'
	hook 40-fail <<<'echo "the $(echo reason)" >&2; exit 3'
	reserve_and_release
	reserve_and_release
	wait_until 'has_text "$folder/log" "hook 10-hang did not end within 400 ms, and was killed"'
	has_text "$folder/log" 'hook 10-hang does not get 2 more events'
	wait_until 'has_text "$folder/log" "hook 20-print printed more than 64 KiB"'
	wait_until 'has_text "$folder/log" "hook 40-fail: the reason" && has_text "$folder/log" "hook 40-fail failed with exit status 3"'
	wait_until '[ "$(wc -l <"$folder/daemons")" = 5 ]'
	wait_until 'is_gone "$(cat "$folder/daemon")"'
	wait_until '[ "$(grep -c "hook 10-hang did not end" "$folder/log")" = 2 ] && [ -z "$(pgrep -U 4310)" ]'
	wait_until '[ "$(grep -c "root released" "$folder/a")" = 2 ]'
}

@test "hostile text does nothing on a terminal, in a header, or in a service's message" {
	people a:4312:620
	notify_yaml 'channels: [terminal, mail]'
	cp "$BATS_TEST_DIRNAME"/../../contrib/hooks/* "$WORLD/etc/canhazgpu/hooks.d"
	hook keep <<<'cat >>$folder/events'
	port=$(cat "$folder/port")
	cat >"$WORLD/etc/canhazgpu/hooks.conf" <<-END
		KINDS=released
		SLACK_URL=http://127.0.0.1:$port/slack NTFY_URL=http://127.0.0.1:$port/ntfy NTFY_TOKEN=secret
		MATRIX_SERVER=http://127.0.0.1:$port MATRIX_ROOM='!room:example.org' MATRIX_TOKEN=token
		MAIL_TO=root SENDMAIL=$WORLD/sendmail-hook
	END
	sed "s,/mail,/hook-mail,g" "$WORLD/sendmail" >"$WORLD/sendmail-hook"
	chmod 0755 "$WORLD/sendmail-hook"
	name=$'x\nBcc: all@example.org\e[2J"\\ <!channel> $(id) `id` \u202e%s'
	ok user reserve --short --user "$name"
	ok root canhazgpu release --user user
	wait_until 'has_text "$folder/a" "root released"'
	wait_until '[ "$(wc -l <"$folder/requests")" = 3 ] && has_text "$folder/events" released && [ -e "$folder/mail" ] && [ -e "$folder/hook-mail" ]' || fail_with "$(cat -v "$folder"/log "$folder/requests"; ls "$folder" "$WORLD/etc/canhazgpu/hooks.d")"
	[[ $(cat "$folder/a") != *$'\e'* && $(cat "$folder/a") != *$'\u202e'* ]] || fail_with "$(cat -v "$folder/a")"
	[[ $(cat -v "$folder/a") == *'x\x0aBcc: all@example.org\x1b[2J"\ <!channel>'* ]] || fail_with "$(cat -v "$folder/a")"
	# Of a mail, the headers end with the first empty line.
	for mail in mail hook-mail; do
		[ -z "$(sed '1,/^$/d; /^$/q' "$folder/$mail" | grep -i '^Bcc')" ] || fail_with "$(cat -v "$folder/$mail")"
	done
	said=$(jq -r 'select(.kind == "released") | .reason' "$folder/events")
	jq -r 'select(.path == "/slack") | .body | fromjson.text' "$folder/requests" >"$WORLD/slack"
	assert_equal "$(sed '1s/^[^:]*: //; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' "$WORLD/slack")" "$said"
	grep -qF '&lt;!channel&gt;' "$WORLD/slack"
	assert_equal "$(jq -r 'select(.method == "PUT") | .body | fromjson.body | sub("^[^:]*: "; "")' "$folder/requests")" "$said"
	assert_equal "$(jq -r 'select(.method == "PUT") | .path | sub("/canhazgpu-.*"; "/canhazgpu")' "$folder/requests")" \
		'/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/canhazgpu'
	assert_equal "$(jq -r 'select(.path == "/ntfy") | .headers | "\(.Title | sub(" on .*:"; ":")) \(.Authorization)"' "$folder/requests")" \
		'canhazgpu: released Bearer secret'
	jq -r 'select(.path == "/ntfy") | .body' "$folder/requests" | grep -qF '"\ <!channel> $(id) `id`'
}

# told: an account of the world whose notify.yaml has a command, which keeps what it is told, one JSON document per line.
told() {
	mkdir -p "$WORLD/home/.config/canhazgpu"
	printf '%s\n' '#!/bin/sh' 'cat >>"$HOME/told"' >"$WORLD/home/keep"
	chmod +x "$WORLD/home/keep"
	printf 'channels: terminal\nkinds: []\ncommand: ~/keep\n' >"$WORLD/home/.config/canhazgpu/notify.yaml"
	touch "$WORLD/home/told"
}

# wait_told COUNT FILTER EXPECTED: what a jq filter makes of the last of so many.
wait_told() {
	wait_until '[ "$(wc -l <"$WORLD/home/told")" -ge '"$1"' ]'
	assert_equal "$(tail -n 1 "$WORLD/home/told" | jq -r "$2")" "$3"
}

@test "run --notify: the end with its exit status or signal, the start after a wait, the time limit before it is reached" {
	pool 2
	told
	chg run --notify=command -- sh -c 'exit 3'
	assert_status 3
	wait_told 1 '[.kind, (.gpus | length), .account] | @tsv' $'released\t1\t'"$(id -un)"
	# Before Linux 6.15 the parent may be faster.
	how=$(jq -c .details "$WORLD/home/told")
	[ "$how" = '{"exit_status":3}' ] || [ "$how" = null ] || fail_with "$how"
	chg run --notify=command -- sh -c 'kill -TERM $$'
	wait_told 2 '.details.signal // 15' 15
	chg run -- true
	start_background holder canhazgpu run --gpus 2 -- sleep 2.2
	wait_until '[ "$(held)" = "0 1" ]'
	chg_ok run --wait --notify=command -- true
	wait_until '[ "$(wc -l <"$WORLD/home/told")" = 4 ]'
	assert_equal "$(tail -n 2 "$WORLD/home/told" | jq -r .kind | sort | paste -sd ' ')" 'granted released'
	grep -q "'true' on GPU" "$WORLD/home/told"
	# Without a time limit of more than ten minutes there is nothing to be told before the end.
	use_clock
	start_background limited canhazgpu run --timeout 11m --notify=command -- sleep 1000
	wait_until '[ "$(held | wc -w)" = 1 ]'
	set_clock 0 61
	wait_told 5 '.kind' expiring
	grep -q "reaches its time limit in 10 minutes" "$WORLD/home/told"
}

@test "--notify says at once why nothing would be told" {
	local yaml=$WORLD/home/.config/canhazgpu/notify.yaml
	pool 1
	chg run --notify=command -- true
	assert_equal "$stderr" "Warning: --notify: ~/.config/canhazgpu/notify.yaml names no command; see canhazgpu-notify.yaml(5)
Reserved 1 GPU(s): [0] for command execution"
	told
	chg run --notify=command -- true
	assert_equal "$stderr" 'Reserved 1 GPU(s): [0] for command execution'
	chmod -x "$WORLD/home/keep"
	chg reserve --short --notify=command
	assert_stderr_has "Warning: --notify: the command '$WORLD/home/keep' cannot be executed: Permission denied"
	echo 'channels: none' >"$yaml"
	chg reserve --short --notify
	assert_stderr_has 'Warning: --notify: ~/.config/canhazgpu/notify.yaml chooses no channel'
	echo 'kinds: grant' >"$yaml"
	chg reserve --short --notify
	assert_stderr_has "Warning: --notify: $yaml:1:8: 'grant' is no kind of event"
}

@test "run --notify by mail: the last lines of a log file, and nothing of what was there before" {
	need_root
	people
	as_user_log=$WORLD/home/user/log
	printf 'old line\n' >"$as_user_log"
	chown 4312 "$as_user_log"
	on_host 4312 env HOME="$WORLD/home/user" sh -c 'canhazgpu run --notify=mail -- sh -c '\''i=0; while [ $i -lt 30 ]; do echo "line $i" >&2; i=$((i + 1)); done; exit 1'\'' 2>>~/log'
	assert_status 1
	wait_until '[ -e "$folder/mail" ]'
	grep -q '^To: user$' "$folder/mail"
	[[ $(cat "$folder/mail") != *'old line'* ]]
	if grep -q 'failed with exit status 1' "$folder/mail"; then
		assert_equal "$(grep -c '^    line' "$folder/mail")" 10
		grep -q '^    line 29$' "$folder/mail"
	fi
}

@test "what tells people is no part of a run in which a command of root was called" {
	people
	host_config "$(cat "$WORLD/etc/canhazgpu/config.yaml")"$'\ntell.hook-timeout: 60s'
	hook 10-slow <<<'echo $$ >$folder/begun; exec sleep 1000'
	ok user reserve --short
	ok root canhazgpu run --gpu-ids 3 -- sh -c 'canhazgpu release --user user >/dev/null'
	wait_until '[ -s "$folder/begun" ]'
	in_world canhazgpu status --json >"$WORLD/stdout"
	wait_until 'in_world canhazgpu status --json >"$WORLD/stdout"; [ -z "$(gpus_in_use "$(cat "$WORLD/stdout")")" ]' 40
	[[ $stderr != *'still running'* ]]
	# Nor does a pass wait for a hook that hangs.
	ok root canhazgpu guard
	ok root canhazgpu guard
	assert_alive "$(cat "$folder/begun")"
	rm "$WORLD/etc/canhazgpu/hooks.d/10-slow"
	kill "$(cat "$folder/begun")"
}

@test "whoever guard warns reads it on the terminal, once, and hooks get what was done" {
	people a:4312:620 other:4311:620
	use_clock
	host_config 'guard: {unreserved: {after: 5m, then: stop}}'
	hook 10-note <<<'cat >>$folder/events'
	start_background squatter setpriv --reuid 4312 --regid 4300 --clear-groups sleep 1000
	squatter=$background_pid
	wait_until '[ "$(stat -c %u "/proc/$squatter")" = 4312 ] && [ "$(cat "/proc/$squatter/comm")" = sleep ]'
	fake_state '{"gpus": [{"index": 3, "memory_used_mb": 5000, "processes": [{"pid": '"$squatter"', "memory_mb": 5000}]}]}'
	ok root canhazgpu guard
	wait_until 'has_text "$folder/a" "GPU 3 is used without a reservation by process $squatter (sleep) of user: end it or reserve the GPU, or guard stops it in 5m"'
	ok root canhazgpu guard
	set_clock 0 301
	ok root canhazgpu guard
	wait_until 'has_text "$folder/a" "guard sent SIGTERM to process $squatter (sleep) of user on GPU 3: it has used the GPU without a reservation for "'
	wait_background squatter
	assert_equal "$status" 143
	cat "$folder/a"
	assert_equal "$(grep -c 'Message from' "$folder/a")" 2
	[ ! -s "$folder/other" ]
	wait_until '[[ $(jq -r .kind "$folder/events" | paste -sd " ") == *"unreserved-begun warned"*stopped ]]'
}
