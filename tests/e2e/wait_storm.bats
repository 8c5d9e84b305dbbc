#!/usr/bin/env bats
# Everything that can happen to a line of those who wait, at random and with real processes, for a
# short while. `make soak` does the same for minutes.

load helpers

# It waits for all to end, however slow the machine.
export BATS_TEST_TIMEOUT=300

@test "a storm on the line: every GPU is free afterwards, nobody is left, and the history is right" {
	store=${E2E_STORE:-sqlite}
	run timeout 280 python3 "$BATS_TEST_DIRNAME/../soak/queue_storm.py" "$CANHAZGPU_BIN" "$store" 15
	echo "$output"
	[ "$status" -eq 0 ]
}
