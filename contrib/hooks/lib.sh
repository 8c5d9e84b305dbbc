# shellcheck shell=sh
# What the hooks in this directory share. It lies beside them, also where they are linked from elsewhere; its own name
# has a dot, so that it is no hook itself. Needs sh, awk, and for web services curl.
#
# An event comes as one JSON object on standard input. Text in it may be anybody's (names, notes): here it is only ever
# passed on as data, never as words of a command.

# The settings: NAME=value lines for sh, in a file that only the hooks' account and root can read.
if [ -n "${HOME:-}" ] && [ -r "$HOME/.config/canhazgpu/hooks.conf" ]; then
	# shellcheck disable=SC1091
	. "$HOME/.config/canhazgpu/hooks.conf"
elif [ -r /etc/canhazgpu/hooks.conf ]; then
	# shellcheck disable=SC1091
	. /etc/canhazgpu/hooks.conf
fi

event=$(cat)

# json NAME: the value of that member of the event as it stands there, a string without its quotes but with its escapes:
# what another JSON document can hold as it is. Nested objects are not looked into.
json() {
	printf '%s\n' "$event" | LC_ALL=C awk -v name="$1" '
	{ text = text $0 }
	END {
		depth = 0
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			if (c == "{" || c == "[") { depth++; continue }
			if (c == "}" || c == "]") { depth--; continue }
			if (c != "\"") continue
			for (end = i + 1; end <= length(text) && substr(text, end, 1) != "\""; end++)
				if (substr(text, end, 1) == "\\") end++
			token = substr(text, i + 1, end - i - 1)
			i = end
			if (depth != 1) continue
			if (value) { print token; exit }
			rest = substr(text, end + 1)
			value = token == name && rest ~ /^[ \t]*:[ \t]*"/
		}
	}'
}

# json_line: the event as it came.
json_line() {
	printf '%s\n' "$event"
}

# plain NAME: the same as text: one line, control characters as question marks.
plain() {
	json "$1" | LC_ALL=C awk '{
		out = ""
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			if (c == "\\") {
				c = substr($0, ++i, 1)
				if (c == "u") { c = "?"; i += 4 }
				else if (c == "n" || c == "t" || c == "r") c = " "
				else if (c == "b" || c == "f") c = "?"
			}
			out = out c
		}
		print out
	}'
}

# is_wanted: whether the event is of one of the kinds in $KINDS; without that setting, of those that administrators should look at. "all" is all.
is_wanted() {
	case " ${KINDS:-warned stopped sick well drained undrained refused admin} " in
	*' all '* | *" $(json kind) "*) return 0 ;;
	esac
	return 1
}

# send SECRETS CURL-OPTION...: the HTTP request; its body comes on standard input. SECRETS are lines of a configuration of curl, with
# what others must not see in the list of processes: addresses and tokens.
send() {
	secrets=$1
	shift
	curl --silent --show-error --fail --max-time 8 --output /dev/null --config /dev/fd/3 --data-binary @- "$@" 3<<-END
		$secrets
	END
}
