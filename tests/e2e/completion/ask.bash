#!/bin/bash
# Prints what bash offers at the end of a command line, one word per line.
# usage: ask.bash WORD... (the last one is what is being typed; "" when nothing is yet)
# shellcheck source=/dev/null
source /usr/share/bash-completion/bash_completion
# shellcheck source=/dev/null
source <(canhazgpu completion bash)

# Only readline has the options that compopt sets.
compopt() { :; }

COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE=$*
COMP_POINT=${#COMP_LINE}
COMPREPLY=()
specification=$(complete -p "$1")
[[ $specification == *' -F _canhazgpu '* ]] || exit 1
_canhazgpu
printf '%s\n' "${COMPREPLY[@]}"
