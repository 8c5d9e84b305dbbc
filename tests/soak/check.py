#!/usr/bin/env python3
"""Checks what the clients of redis_soak did, from their own words and the server's final state alone:
no GPU had two owners at any time, every release is recorded exactly once, and nothing is left over.

Usage: check.py FOLDER SOCKET GPUS [allocations at least] [--open-ends]
"""
import json
import pathlib
import subprocess
import sys

folder, socket, gpus = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 0
problems = []


def redis(*words):
    return subprocess.run(
        ["redis-cli", "-s", socket, "--raw", *words], check=True, capture_output=True, text=True
    ).stdout.splitlines()


# Owners: from a take until the give that follows, by the same client.
intervals = {gpu: [] for gpu in range(gpus)}
gives = {}
for path in folder.glob("*.log"):
    client, held = path.stem, {}
    gives[client] = 0
    for line in path.read_text().splitlines():
        when, what, gpu = line.split()
        if what == "take":
            if gpu in held:
                problems.append(f"{client} took GPU {gpu} twice")
            held[gpu] = int(when)
        elif what == "lost":
            problems.append(f"{client} had GPU {gpu}, and the server says otherwise")
        else:
            intervals[int(gpu)].append((held.pop(gpu), int(when), client))
            gives[client] += what == "give"
    if held:
        problems.append(f"{client} never gave back {held}")

for gpu, owners in intervals.items():
    owners.sort()
    for a, b in zip(owners, owners[1:]):
        if b[0] < a[1]:
            problems.append(f"GPU {gpu} had two owners: {a} and {b}")

# Nothing left: no reservation, no lock, no queue.
for gpu in range(gpus):
    text = "".join(redis("GET", f"canhazgpu:gpu:{gpu}"))
    if text and json.loads(text).get("user") is not None:
        problems.append(f"GPU {gpu} is still reserved: {text}")
if redis("EXISTS", "canhazgpu:allocation_lock") != ["0"]:
    problems.append("the lock is still held")

# The history: as many records per client as it gave back GPUs; more only where a failure left open
# whether there was a reservation.
records, open_ends = {}, "--open-ends" in sys.argv
for line in redis("ZRANGE", "canhazgpu:usage_history_sorted", "0", "-1"):
    user = json.loads(line)["user"]
    records[user] = records.get(user, 0) + 1
for client, count in gives.items():
    found = records.get(client, 0)
    if found < count or (found > count and not open_ends):
        problems.append(f"{client} gave back {count} GPUs, {found} are recorded")
total = sum(len(owners) for owners in intervals.values())
if total < wanted:
    problems.append(f"only {total} allocations")
for problem in problems[:20]:
    print("not ok -", problem)
print(f"{total} allocations by {len(gives)} clients on {gpus} GPUs, {len(problems)} problems")
sys.exit(1 if problems else 0)
