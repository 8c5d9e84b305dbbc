#!/usr/bin/env python3
"""A storm on the line of those who wait: requests that wait and that do not, killed, stopped and
cancelled at random, holders and supervisors that die, GPUs that somebody uses, a server that is
killed. Afterwards every GPU must be free, the line empty, and the history right.

Usage: queue_storm.py PROGRAM[,PROGRAM...] sqlite|redis SECONDS [SEED]

Of several programs, which are releases that work on one pool, each request takes one at random, and
the first creates the pool and says how it ends.

What holds is read from the words of the commands themselves: each writes its reservation, its GPUs,
and when it began and ended. Prints what it did; exit status 1 and what is wrong otherwise.
"""
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

GPUS = 4
CROWD = 20  # processes of ours at a time
END_SECONDS = 120

COMMAND = """echo "start $$ $(date +%s%N) $CUDA_VISIBLE_DEVICES $CANHAZGPU_RESERVATION_ID" >>"$LOG"
sleep "$1"
echo "stop $$ $(date +%s%N)" >>"$LOG"
"""

# What a request may say when it fails without having been hit.
REFUSALS = re.compile(
    r"Not enough GPUs available|is not available|gave up after waiting"
    r"|the request was cancelled while it waited"
)
# What it may say where the storm has stopped who held the lock, or killed the server or a supervisor.
TROUBLE = re.compile(r"Redis at|is locked by|the supervisor did not start")


class World:
    def __init__(self, programs, store):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chg-storm."))
        self.programs, self.store = programs, store
        self.log = self.folder / "log"
        self.log.touch()
        self.socket = self.folder / "socket"
        self.server = None
        self.fake(set())
        url = f"sqlite:{self.folder}/pool.db" if store == "sqlite" else f"unix://{self.socket}?db=0"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "LOG": str(self.log),
            "CANHAZGPU_STORE": url,
            "CANHAZGPU_FAKE_STATE": str(self.folder / "fake.json"),
            "CANHAZGPU_TEST_WORLD": str(self.folder),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.start_server()
        self.canhazgpu("admin", "--gpus", str(GPUS), "--provider", "fake", check=True)

    def fake(self, busy):
        text = json.dumps({"gpus": [{"index": i, "memory_used_mb": 9000} for i in sorted(busy)]})
        (self.folder / "fake.new").write_text(text)
        (self.folder / "fake.new").rename(self.folder / "fake.json")

    def start_server(self):
        if self.store != "redis":
            return
        options = "--port 0 --appendonly yes --appendfsync always --loglevel warning".split()
        self.server = subprocess.Popen(
            ["redis-server", *options, "--unixsocket", self.socket, "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        while self.redis("ping").strip() != "PONG":
            time.sleep(0.02)

    def restart_server(self):
        self.server.kill()
        self.server.wait()
        self.start_server()

    def redis(self, *words):
        call = ["redis-cli", "-s", self.socket, "--raw", *words]
        return subprocess.run(call, capture_output=True, text=True, check=False).stdout

    def canhazgpu(self, *words, check=False):
        call = [self.programs[0], *words]
        return subprocess.run(
            call, env=self.environment, capture_output=True, text=True, check=check
        )

    def processes(self):
        """Those of this world: pid and command line."""
        mark = f"CANHAZGPU_TEST_WORLD={self.folder}".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name), (entry / "cmdline").read_bytes()
            except OSError:
                continue

    def supervisors(self):
        return [pid for pid, line in self.processes() if b"__supervise" in line]

    def waiting(self):
        if self.store == "redis":
            return int(self.redis("zcard", "canhazgpu:queue").strip() or 0)
        return int(self.sql("SELECT count(*) FROM queue")[0][0])

    def sql(self, text):
        call = ["sqlite3", "-cmd", ".timeout 10000", "-separator", " ", self.folder / "pool.db", text]
        lines = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        return [line.split(" ") for line in lines.splitlines()]

    def history(self):
        """(reservation, gpu) of every usage record."""
        if self.store == "sqlite":
            rows = self.sql("SELECT reservation_id, gpu FROM usage_history")
            return [(row[0], int(row[1])) for row in rows]
        records = self.redis("zrange", "canhazgpu:usage_history_sorted", "0", "-1").splitlines()
        records = map(json.loads, records)
        return [(record["reservation_id"], record["gpu_id"]) for record in records]

    def close(self):
        for _ in range(50):
            left = [pid for pid, _ in self.processes()]
            for pid in left:
                send(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.02)
        if self.server:
            self.server.kill()
            self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Request:
    """One canhazgpu, which may become a command."""

    def __init__(self, world, number, program, words):
        self.errors = world.folder / f"err.{number}"
        self.words, self.hits = words, set()
        self.stopped_until = 0
        with open(self.errors, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [program, *words],
                env=world.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def said(self):
        return self.errors.read_text(errors="replace")

    def strike(self, number, died):
        """A signal that may end it; from then on it has no GPUs for certain."""
        self.hits.add(number)
        died.setdefault(self.process.pid, time.time_ns())
        send(self.process.pid, signal.SIGCONT)
        send(self.process.pid, number)

    def problem(self):
        """What is wrong with how it ended; None: nothing."""
        status, said = self.process.returncode, self.said().strip().split("\n")[-1]
        if status == 0 or -status in self.hits or self.hits and status == 1:
            return None
        if status in (1, 75) and (REFUSALS.search(said) or TROUBLE.search(said)):
            return None
        return f"{' '.join(self.words[:6])} ended with {status}: {said}"


def request_words(chance):
    """A random request."""
    wish = ["--gpus", str(chance.choice([1, 1, 1, 2, 3, GPUS]))]
    if chance.random() < 0.3:
        ids = sorted(chance.sample(range(GPUS), chance.randint(1, 2)))
        wish = ["--gpu-ids", ",".join(map(str, ids))]
    wait = chance.choice([[], ["--wait"], ["--wait"], ["--wait"], ["--wait", "2s"]])
    if chance.random() < 0.15:
        return ["reserve", *wish, *wait, "--duration", "1s"]
    length = f"{chance.random() * 0.4:.2f}"
    return ["run", *wish, *wait, "--", "sh", "-c", COMMAND, "sh", length]


class Storm:
    def __init__(self, world, seed):
        self.world, self.chance = world, random.Random(seed)
        self.live, self.ended, self.died = [], [], {}
        self.did = collections.Counter()
        self.busy_until = {}
        self.problems = []

    def pick(self):
        return self.chance.choice(self.live) if self.live else None

    def one_thing(self):
        what = self.chance.choices(
            ["request", "kill", "signal", "stop", "supervisor", "cancel", "use", "server"],
            [60, 6, 5, 6, 3, 4, 4, 0.4 if self.world.store == "redis" else 0],
        )[0]
        target = self.pick()
        if what == "request" and len(self.live) < CROWD:
            number = len(self.live) + len(self.ended)
            program = self.chance.choice(self.world.programs)
            self.live.append(Request(self.world, number, program, request_words(self.chance)))
        elif what == "kill" and target:
            target.strike(signal.SIGKILL, self.died)
        elif what == "signal" and target:
            number = self.chance.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
            target.strike(number, self.died)
        elif what == "stop" and target:
            send(target.process.pid, signal.SIGSTOP)
            target.stopped_until = time.time() + 2 * self.chance.random()
        elif what == "supervisor" and (found := self.world.supervisors()):
            send(self.chance.choice(found), signal.SIGKILL)
        elif what == "cancel" and target:
            entry = re.search(r"as request (\w+)", target.said())
            if entry:
                target.hits.add(0)
                self.world.canhazgpu("cancel", entry[1])
        elif what == "use":
            self.busy_until[self.chance.randrange(GPUS)] = time.time() + self.chance.random()
        elif what == "server":
            self.world.restart_server()
        else:
            return
        self.did[what] += 1

    def tend(self):
        """Wakes who has been stopped long enough, and takes note of who has ended."""
        now = time.time()
        busy = {gpu for gpu, until in self.busy_until.items() if until > now}
        self.world.fake(busy)
        for request in self.live[:]:
            if request.stopped_until and request.stopped_until < now:
                request.stopped_until = 0
                send(request.process.pid, signal.SIGCONT)
            if request.process.poll() is None:
                continue
            self.live.remove(request)
            self.ended.append(request)
            problem = request.problem()
            if problem:
                self.problems.append(problem)

    def rage(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            self.one_thing()
            self.tend()
            time.sleep(self.chance.random() * 0.06)

    def calm_down(self):
        """Nobody comes any more: everything must come to its end."""
        end = time.time() + END_SECONDS
        self.busy_until = {}
        while time.time() < end:
            self.tend()
            seen = self.world.canhazgpu("status", "--json")
            free = [gpu["status"] for gpu in json.loads(seen.stdout or "[]")]
            free = free == ["AVAILABLE"] * GPUS
            # What has ended is shown as free also where somebody is in the way of recording it.
            free = free and not seen.stderr
            if free and not self.live and not self.world.waiting() and not self.world.supervisors():
                return
            time.sleep(0.1)
        for request in self.live:
            self.problems.append(f"still there: {' '.join(request.words[:6])}: {request.said()[-300:]}")
        self.problems.append(f"{self.world.waiting()} in the line, {self.world.supervisors()} left")
        self.problems.append(self.world.canhazgpu("status").stdout)

    def check(self):
        """Reads what the commands wrote: owners of each GPU, and their records."""
        started, stopped = {}, {}
        for line in self.world.log.read_text().splitlines():
            words = line.split()
            if words[0] == "start":
                gpus = [int(gpu) for gpu in words[3].split(",")]
                started[int(words[1]), words[4]] = int(words[2]), gpus
            else:
                stopped[int(words[1])] = int(words[2])
        uses = collections.defaultdict(list)
        records = collections.Counter(self.world.history())
        for (pid, reservation), (begin, gpus) in started.items():
            end = min(stopped.get(pid, sys.maxsize), self.died.get(pid, sys.maxsize))
            if end == sys.maxsize:
                self.problems.append(f"{pid} ({reservation}) never ended")
            for gpu in gpus:
                uses[gpu].append((begin, max(begin, end), reservation))
                if records[reservation, gpu] != 1:
                    count = records[reservation, gpu]
                    self.problems.append(f"{reservation} on GPU {gpu} has {count} records")
        for gpu, owners in uses.items():
            owners.sort()
            for one, next_one in zip(owners, owners[1:]):
                if next_one[0] < one[1]:
                    self.problems.append(f"GPU {gpu} had two owners: {one} and {next_one}")
        for record, count in records.items():
            if count > 1:
                self.problems.append(f"{record} is recorded {count} times")
        self.did["started"] = len(started)
        if not started:
            self.problems.append("nothing was ever started")


def main():
    programs, store, seconds = sys.argv[1].split(","), sys.argv[2], float(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(10**6)
    world = World([os.path.realpath(program) for program in programs], store)
    try:
        storm = Storm(world, seed)
        storm.rage(seconds)
        storm.calm_down()
        storm.check()
    finally:
        world.close()
    did = ", ".join(f"{what} {count}" for what, count in sorted(storm.did.items()))
    print(f"{store}, seed {seed}: {did}; {len(storm.problems)} problems")
    for problem in storm.problems[:20]:
        print(f"  {problem}")
    return 1 if storm.problems else 0


if __name__ == "__main__":
    sys.exit(main())
