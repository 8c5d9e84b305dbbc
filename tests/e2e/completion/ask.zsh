# Prints the command line that zsh makes of one when Tab is pressed, in angle brackets.
# usage: zsh -f ask.zsh LINE
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= PS2= PROMPT_SP=; stty -echo; autoload -Uz compinit; compinit -u -D
source <(canhazgpu completion zsh); zstyle ":completion:*" list false; setopt noautolist
show-line() { print -r -- "<"$BUFFER">"; }; zle -N show-line; bindkey "^X" show-line
bindkey "^I" complete-word; print RE''ADY'
zpty -r -m shell output '*READY*'
zpty -w -n shell "$1"$'\t\x18'
zpty -r -m shell output '*<*>*'
output=${output##*<}
print -r -- "<${output%%>*}>"
