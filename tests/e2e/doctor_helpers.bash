# shellcheck shell=bash
# More words for the tests of `doctor` (`load doctor_helpers`), on top of run_helpers.bash.

load run_helpers

# Runs `doctor --json`. What a busy machine makes it find, that driver or store are slow, is not what any test
# is about: then it looks again.
doctor() {
	local slow='most commands wait that long|use a server nearby|too large for a quick check' end=$((SECONDS + 120))
	chg doctor --json "$@"
	while [[ $stdout =~ $slow && $SECONDS -lt $end ]]; do
		chg doctor --json "$@"
	done
}

# The same, and fails unless the exit status is 0.
doctor_ok() {
	doctor "$@"
	assert_status 0
}

# The results of the last doctor, one "CHECK RESULT" per line.
results() {
	local name
	read_findings
	for name in "${finding_names[@]}"; do
		echo "$name ${finding_results[$name]}"
	done
}

# What the last doctor has found, by the name of the check. (Once per doctor: jq takes its time.)
read_findings() {
	local check result text
	read_file "$WORLD/stdout"
	[ "$file_text" != "${findings_of-}" ] || return 0
	findings_of=$file_text finding_names=()
	declare -gA finding_results=() finding_texts=()
	while IFS=$'\x1f' read -r check result text; do
		finding_names+=("$check")
		finding_results[$check]=$result
		finding_texts[$check]=$text
	done < <(json_get '.[] | [.check, .result, .detail + "; " + (.advice // "")] | join("\u001f")')
}

# sound: remembers what a world says in which nothing was broken yet.
sound() {
	doctor_ok "$@"
	assert_stderr ''
	results >"$WORLD/sound"
}

# assert_only CHECK RESULT [TEXT]: since `sound`, that check alone has another result, and that one.
assert_only() {
	doctor
	assert_equal "$(results | diff "$WORLD/sound" - | sed -n 's/^> //p')" "$1 $2"
	assert_finding "$1" "$2" "${3-}"
	assert_equal "$status" "$([ "$2" = FAILED ] && echo 1 || echo 0)"
}

# assert_finding CHECK RESULT [TEXT]: what the last doctor says of it.
assert_finding() {
	read_findings
	assert_equal "${finding_results[$1]-}" "$2"
	[[ ${finding_texts[$1]-} == *"${3-}"* ]] ||
		fail_with "no '$3' in $1"
}

helpers_end
