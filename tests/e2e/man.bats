#!/usr/bin/env bats
# The manual pages and the program tell the same: commands, options and keys.

load helpers

MAN=$BATS_TEST_DIRNAME/../../man

# All commands that the help lists.
commands() {
	in_world canhazgpu --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p'
}

# The options that a help has under a heading, as a page writes them: "*-j*, *--json*".
options() {
	sed -n "/^$1:/,/^\$/p" | sed -nE 's/^ +-([A-Za-z]), --([a-z-]+).*/*-\1*, *--\2*/p; s/^ {6}--([a-z-]+).*/*--\1*/p'
}

global_options() {
	in_world canhazgpu --help | options Options
}

own_options() {
	in_world canhazgpu "$1" --help | options Options | grep -v -- '--help\*$'
}

# The options that a page explains, in the form above. Some share a paragraph.
explained() {
	grep -E '^\*-' "$1" | grep -oE -- '(\*-[A-Za-z]\*, )?\*--[a-z-]+\*'
}

# The keys that the page of the configuration explains.
explained_keys() {
	sed -n '/^# KEYS/,/^# EXAMPLES/p' "$MAN/canhazgpu.yaml.5.scd" | grep -E '^\*' | grep -oE '\*[a-z.-]+\*' | tr -d '*'
}

# assert_same WHAT EXPECTED GOT: lists of lines, in any order.
assert_same() {
	diff <(sort <<<"$2") <(sort <<<"$3") || fail_with "$1: < is missing in the page, > is not in the program"
}

@test "the page of the program explains every global option, and no other" {
	assert_same canhazgpu.1 "$(global_options)" "$(explained "$MAN/canhazgpu.1.scd")"
}

@test "the page of every command explains its options, and no other" {
	for command in $(commands); do
		page=$MAN/canhazgpu-$command.1.scd
		[ -e "$page" ] || fail_with "$command has no page"
		assert_same "$command" "$(own_options "$command")" "$(explained "$page")"
	done
}

@test "options that a page mentions are options" {
	all=$({ global_options && for command in $(commands); do own_options "$command"; done; } | grep -o -- '--[a-z-]*')
	for page in "$MAN"/*.scd; do
		while read -r option; do
			grep -qxF -- "$option" <<<"$all" || fail_with "${page##*/} mentions $option"
		done < <(grep -oE -- '\*--[a-z][a-z-]*' "$page" | tr -d '*')
	done
}

@test "the page of the program has every command, in the order of the help, and names its page" {
	listed=$(sed -n '/^# COMMANDS/,/^# GLOBAL/s/^\*\([a-z]*\)\*.*/\1/p' "$MAN/canhazgpu.1.scd")
	assert_equal "$listed" "$(commands)"
	for command in $(commands); do
		grep -qF "see *canhazgpu-$command*(1)" "$MAN/canhazgpu.1.scd" || fail_with "$command"
	done
	for page in "$MAN"/canhazgpu-*.1.scd; do
		command=${page##*/canhazgpu-}
		grep -qxF "${command%.1.scd}" <<<"$(commands)" || fail_with "$page is of no command"
	done
}

@test "every key of the configuration is COMMAND.OPTION or explained in its page" {
	chg_ok config --json
	for key in $(json_get keys[]); do
		[ "$key" != config ] || continue # names the file itself
		command=${key%%.*} option=${key#*.}
		if ! grep -qxF "$command" <<<"$(commands)" ||
			! own_options "$command" | grep -q -- "\\*--$option\\*\$"; then
			grep -qxF "$key" <<<"$(explained_keys)" || fail_with "no word about $key"
		fi
	done
	# And the other way round.
	for key in $(explained_keys); do
		assert_json "has(\"$key\")" true
	done
}

@test "keys, options and variables that pages mention in passing exist" {
	chg_ok config --json
	for name in $(grep -ohE '\*CANHAZGPU_[A-Z_]+\*' "$MAN"/*.scd | tr -d '*' | sort -u); do
		case $name in
		CANHAZGPU_ | CANHAZGPU_RESERVATION_ID) continue ;;
		esac
		assert_equal "$name $(json_get "keys[] | select(\"CANHAZGPU_\" + (ascii_upcase | gsub(\"[.-]\"; \"_\")) == \"$name\")" | wc -l)" \
			"$name 1"
	done
	for key in $(grep -ohE '\*(run|reserve|release|status|report|admin|config)\.[a-z-]+\*' "$MAN"/*.scd | tr -d '*' | sort -u); do
		assert_equal "$key $(json_get "has(\"$key\")")" "$key true"
	done
}

@test "all pages pass scdoc, are built, and name each other right" {
	command -v scdoc >/dev/null || skip 'no scdoc'
	for page in "$MAN"/*.scd; do
		name=${page##*/}
		scdoc <"$page" >"$WORLD/page" || fail_with "$name"
		[ -s "$WORLD/page" ]
		title="${name%.scd}"
		assert_equal "$(head -n 1 "$page")" "${title%.*}(${title##*.})"
		grep -qF "'${name%.scd}'" "$MAN/meson.build" || fail_with "$name is not built"
		while read -r other section; do
			[ -e "$MAN/$other.$section.scd" ] || fail_with "$name names $other($section)"
		done < <(grep -oE '\*canhazgpu[a-z.-]*\*\([0-9]\)' "$page" | sed 's/^\*\(.*\)\*(\(.\))$/\1 \2/')
	done
}
