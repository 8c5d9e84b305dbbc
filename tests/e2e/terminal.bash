# shellcheck shell=bash
# Real terminals for end-to-end tests (`load terminal` behind helpers): tmux, on a socket of the world.

# terminal COLUMNS ROWS [LANG]: a shell of the world in a new terminal of that size. Ends with the world.
terminal() {
	terminals=$((${terminals:-0} + 1))
	socket=$WORLD/tmux.$terminals
	in_world TERM=screen LANG="${3:-C.UTF-8}" tmux -u -S "$socket" -f /dev/null \
		new-session -d -c "$WORLD" -x "$1" -y "$2" env PS1='prompt> ' bash --norc --noprofile -i
	wait_until 'screen_has "prompt>"'
}

type() {
	tmux -S "$socket" send-keys -l "$1"
}

press() {
	tmux -S "$socket" send-keys "$@"
}

screen() {
	tmux -u -S "$socket" capture-pane -p
}

screen_has() {
	[[ $(screen) == *"$1"* ]]
}

# enter LINE: types a line into the shell.
enter() {
	type "$1"
	press Enter
}

helpers_end
