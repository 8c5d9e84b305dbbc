# Prints what fish offers at the end of a command line, one word per line, without descriptions.
# usage: fish ask.fish LINE
canhazgpu completion fish | source
complete -C $argv[1] | string replace -r '\t.*' ''
