#!/usr/bin/env bats
# scripts/check-layers must refuse what the folder rules forbid.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	tree=$BATS_TEST_TMPDIR/src
	mkdir -p "$tree"/{base,host,store,gpu,pool,cmd}
	printf '#include "base/err.h"\n#include <stdio.h>\n' >"$tree/base/err.c"
}

# refused FILE LINE EXPECTED: the tree with that file is refused, with that complaint.
refused() {
	mkdir -p "$(dirname "$tree/$1")"
	printf '%s\n' "$2" >"$tree/$1"
	run scripts/check-layers "$tree"
	[ "$status" -ne 0 ]
	[[ $output == *"$3"* ]]
}

@test "a tree that keeps the rules passes" {
	printf '#include "pool/pool.h"\n#include "base/err.h"\n#include "cmd/command.h"\n' >"$tree/cmd/run.c"
	printf '#include "cmd/command.h"\n' >"$tree/main.c"
	printf '\tsnprintf(text, size, "x");\n\t_exit(1);\n\tfputs("x", file);\n' >"$tree/pool/a.c"
	scripts/check-layers "$tree"
}

@test "an include that goes up is refused" {
	refused base/a.c '#include "pool/pool.h"' 'base/a.c:1: base may not include "pool/pool.h"'
}

@test "an include that goes sideways is refused" {
	refused store/a.c '#include "gpu/gpu.h"' 'store/a.c:1: store may not include "gpu/gpu.h"'
}

@test "an include that skips a folder is refused" {
	refused cmd/a.c '  # include "store/store.h"' 'cmd/a.c:1: cmd may not include "store/store.h"'
	refused main.c '#include "pool/pool.h"' 'main.c:1: main may not include "pool/pool.h"'
}

@test "a folder that is seen through another header is refused, with the way it comes" {
	printf '#include "store/store.h"\n' >"$tree/pool/pool.h"
	: >"$tree/store/store.h"
	refused cmd/a.c '#include "pool/pool.h"' 'cmd/a.c: cmd may not see store/ (by pool/pool.h -> store/store.h)'
}

@test "the plan sees base alone" {
	: >"$tree/host/proc.h"
	refused plan/a.c '#include "host/proc.h"' 'plan/a.c:1: plan may not include "host/proc.h"'
}

@test "a decision that includes another one, or what stands behind it, is refused" {
	refused plan/wait.c '#include "plan/reserve.h"' 'plan/wait.c:1: "plan/reserve.h" does not stand above it'
	refused plan/actor.c '#include "plan/queue.h"' 'plan/actor.c:1: "plan/queue.h" does not stand above it'
}

@test "a plan that reads a clock, a file or the environment is refused" {
	refused plan/a.c '	now = clock_now_ns();' 'plan/a.c:1: the plan is pure'
	refused stats/a.c '	file = fopen(path, "re");' 'stats/a.c:1: the plan is pure'
	refused plan/a.c '	home = getenv("HOME");' 'plan/a.c:1: the plan is pure'
}

@test "files that include each other in a circle are refused" {
	printf '#pragma once\n#include "base/b.h"\n' >"$tree/base/a.h"
	refused base/b.h $'#pragma once\n#include "base/a.h"' 'in a circle: base/a.h -> base/b.h -> base/a.h'
}

@test "an include that is no path below src is refused" {
	refused base/a.c '#include "err.h"' '"err.h" is not a path below src/'
	refused base/a.c '#include "../base/err.h"' '"../base/err.h" is not a path below src/'
}

@test "a folder that nobody described is refused" {
	refused new/a.c '#include "base/err.h"' 'folder "new" has no row'
}

@test "a library that prints or exits is refused" {
	refused pool/a.c '	printf("hello\n");' 'may neither print nor exit'
	refused pool/a.c '	fprintf(stderr, "hello\n");' 'may neither print nor exit'
	refused pool/a.c '	exit(1);' 'may neither print nor exit'
}
