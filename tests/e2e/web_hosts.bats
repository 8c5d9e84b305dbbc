#!/usr/bin/env bats
# The page over several hosts: `web.hosts`, what the server shows of others, and that one that is dead, slow or lies
# delays nobody. How they are followed is in tests/unit/test_remote_follow.c, the page in tests/browser/hosts.test.mjs.
# stores: any
# seconds: 15

load helpers
load web_helpers

# Others are at $liar (programs/answer-http), and one that is good at $good.
others() {
	start_background liar python3 "$BATS_TEST_DIRNAME/programs/answer-http" 0
	wait_until 'has_text "$WORLD/liar.out" ready'
	read -r _ liar <"$WORLD/liar.out"
	liar=http://127.0.0.1:$liar
	start_background good canhazgpu web --demo --host 127.0.0.1 --port 0
	wait_until 'has_text "$WORLD/good.err" Serving'
	good=$(sed -n 's/^Serving //p' "$WORLD/good.err")
}

# The hosts that the server shows, too: NAME... for those that lie.
show_others() {
	local list="good url=$good" name
	for name; do
		list+=", $name url=$liar/$name"
	done
	world_set "CANHAZGPU_WEB_HOSTS=$list, dead url=http://127.0.0.1:9 label=under the desk" CANHAZGPU_HOST_TIMEOUT=2s
	web
}

# status_of NAME: of a host in the last answer.
status_of() {
	json_get ".hosts[] | select(.host == \"$1\") | \"\\(.status) \\(.problem)\""
}

@test "hosts that lie, are slow or dead are rows with the reason, and delay nobody" {
	pool 2
	others
	show_others older redirect huge broken hostile slow token silent flood heads
	stream one
	# Those that answer are there while others keep silent.
	wait_until 'get_ok /api/hosts && [ "$(status_of good)" = "up null" ] && [ "$(status_of older)" = "up null" ]' 30
	chg_ok reserve --duration 1h
	wait_until 'has_line "$WORLD/one.out" "event: change"' 30
	wait_until 'get_ok /api/hosts && ! [[ $body == *\"connecting\"* ]]' 60
	assert_json '.hosts | map(.host) | .[1:] | join(" ")' \
		'good older redirect huge broken hostile slow token silent flood heads dead'
	assert_equal "$(json_get '.hosts[0] | "\(.here) \(.gpus) \(.available)"')" 'true 2 1'
	assert_equal "$(status_of redirect)" 'away it redirects to another address, which is not followed'
	assert_equal "$(status_of huge)" 'away its answer is too long'
	assert_equal "$(status_of broken)" 'away its answer is not JSON'
	# One row of it has a number; nothing else of it is what it should be.
	assert_equal "$(status_of hostile)" 'up null'
	assert_equal "$(status_of slow)" 'away no answer in time'
	assert_equal "$(status_of token)" 'away it wants another token, or another host name (see --allow-host)'
	assert_equal "$(status_of silent)" 'away no answer'
	assert_equal "$(status_of flood)" 'up null'
	assert_equal "$(status_of heads)" 'away its answer has too many headers'
	assert_equal "$(status_of dead)" 'away cannot connect to its web server'
	assert_json '.hosts[] | select(.host == "dead") | "\(.label) \(.available)"' 'under the desk null'
	assert_json '.hosts[] | select(.host == "older") | "\(.gpus) \(.available) \(.in_use) \(.unreserved) \(.waiting)"' '3 1 1 1 1'
	wait_until 'has_line "$WORLD/one.out" "event: hosts"' 30
}

@test "?host= has the documents of another host, and /metrics counts its GPUs" {
	pool 2
	others
	show_others older
	get_ok '/api/status?host=good'
	assert_json length 8
	# In any case, and this one by its own name, too.
	get_ok '/api/host?host=GOOD'
	assert_json '"\(.host) \(.gpus) \(.documentation)"' 'good 8 null'
	get_ok '/api/queue?host=older'
	assert_json '.entries[0] | "\(.requested) \(.allocated) \(.type)"' '3 [2] manual'
	assert_json .total_gpus_requested 3
	get_ok "/api/status?host=$(hostname)"
	assert_json length 2
	# ... with a domain or without one: `web.hosts` may be the same on all hosts.
	own=$(hostname)
	[[ $own == *.* ]] && own=${own%%.*} || own+=.lab.example
	get_ok "/api/status?host=$own"
	assert_json length 2
	get '/api/status?host=dead'
	assert_refused 503 'dead is away: cannot connect to its web server'
	get '/api/status?host=elsewhere'
	assert_refused 404 'knows no other host of that name'
	get '/api/report?host=good'
	assert_refused 404 'known to its own server alone'
	get '/api/status?host=good&host=older'
	assert_refused 400 'given twice'
	get_ok /metrics
	[[ $body == *'canhazgpu_gpus{state="available"} 2'* ]] || fail_with "this host's: $body"
	[[ $body == *'canhazgpu_host_up{host="dead"} 0'* ]] || fail_with "one that is away: $body"
	[[ $body == *'canhazgpu_host_gpus{host="older",state="in_use"} 1'* ]] || fail_with "one that is up: $body"
	# A server without others says nothing of hosts there.
	world_set CANHAZGPU_WEB_HOSTS=
	web
	get_ok /metrics
	[[ $body != *canhazgpu_host_* ]] || fail_with "$body"
	get_ok /api/hosts
	assert_json '.hosts | length' 1
}

@test "web.hosts takes what it does not say itself from hosts" {
	pool 1
	others
	echo 0123456789abcdef >"$WORLD/token"
	cat >"$WORLD/home/.canhazgpu.yaml" <<-END
		hosts: [{name: a, url: "$liar/token", token-file: $WORLD/token, label: the old one}, {name: b}]
		web:
		  hosts: [a, "$(hostname)"]
	END
	web
	get_ok /api/hosts
	assert_json '.hosts | map("\(.host) \(.status) \(.label)") | .[1:] | join(" ")' 'a up the old one'
	[[ $body != *0123456789abcdef* ]] || fail_with 'the token is shown'
	echo 'web: {hosts: [b]}' >"$WORLD/home/.canhazgpu.yaml"
	chg web --port 0
	assert_error 2 "web.hosts: 'b' has no url"
}
