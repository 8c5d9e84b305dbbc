#!/usr/bin/env bats
# scripts/check-handles: no descriptor of ours reaches a user's command, and there is no shell.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	tree=$BATS_TEST_TMPDIR/src
	mkdir -p "$tree/pool"
}

# refused LINE EXPECTED: a source with that line is refused, with that complaint.
refused() {
	printf '%s\n' "$1" >"$tree/pool/a.c"
	run scripts/check-handles "$tree"
	[ "$status" -ne 0 ]
	[[ $output == *"$2"* ]]
}

@test "the sources keep the rule" {
	scripts/check-handles
}

@test "a handle that is not closed on exec is refused" {
	refused 'fd = open(path, O_RDONLY);' 'pool/a.c:1: open without O_CLOEXEC'
	refused 'fd = open(path,
		O_RDONLY);' 'pool/a.c:1: open without O_CLOEXEC'
	refused 'f = fopen(path, "r");' 'fopen without'
	refused 'fd = socket(AF_UNIX, SOCK_STREAM, 0);' 'socket without SOCK_CLOEXEC'
	refused 'fd = accept(fd, NULL, NULL);' 'accept is not to be used'
	refused '	pipe(ends);' 'pipe is not to be used'
	refused 'fd = fcntl(fd, F_DUPFD, 3);' 'F_DUPFD is not to be used'
	refused 'dup2(fd, 7);' 'dup2 without'
	refused 'fd = memfd_create("x", 0);' 'memfd_create without MFD_CLOEXEC'
}

@test "a shell is refused" {
	refused 'system("ls");' 'system is not to be used'
	refused 'f = popen("ls", "r");' 'popen is not to be used'
	refused 'execl("/bin/sh", "sh", "-c", text, NULL);' 'through a shell'
}

@test "what keeps the rule, comments and texts pass" {
	cat >"$tree/pool/a.c" <<-'END'
		/* open(path, 0) would be wrong */
		fd = open(path, O_RDONLY |
		          O_CLOEXEC);
		f = fopen(path, "re");
		r = backend->open(url);
		r = my_open(url);
		say("cannot open (sorry)");
		dup2(fd, STDIN_FILENO);
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	END
	scripts/check-handles "$tree"
}
