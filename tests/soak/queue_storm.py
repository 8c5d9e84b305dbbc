#!/usr/bin/env python3
"""A storm on the queue: requests that wait and that do not, killed, stopped, frozen and cancelled at
random, with terminals that stall and thresholds of their own; holders and supervisors that die, GPUs
that somebody uses; a clock that is set, configurations with mistakes, a program that is replaced; and
a server that is killed, moves, and changes its password. Afterwards every GPU must be free, the queue
empty, the history right, and nobody may have waited longer than the rules allow.

Usage: queue_storm.py PROGRAM[,PROGRAM...] sqlite|redis SECONDS [SEED]

Of several programs, which are releases that work on one pool, each request takes one at random, and
the first creates the pool and says how it ends. Then only that happens which any release lives with.

Prints what it did; exit status 1 and what is wrong otherwise.
"""
import collections
import json
import os
import random
import re
import signal
import sys
import time

import storm_check
from storm_frozen import Freezer
from storm_request import Request, random_words
from storm_world import World, send

GPUS = 4
CROWD = 20  # processes of ours at a time
END_SECONDS = 120

WEIGHTS = {"request": 60, "kill": 6, "signal": 5, "stop": 6, "supervisor": 3, "cancel": 4, "use": 4}
FAULTS = {"freeze": 2, "clock": 1, "mistake": 1.5, "program": 1}
MISTAKES = ["policy: [\n", "memory.threshold: many\n", "no.such: 1\n", "\0"]


class Storm:
    def __init__(self, world, seed):
        self.world, self.chance = world, random.Random(seed)
        self.began = time.time()
        self.live, self.ended, self.died = [], [], {}
        self.did = collections.Counter()
        self.used_until = {}  # GPU -> (until when, MB)
        self.excluded = []
        self.problems = []
        self.later = {}  # what is undone when: name -> (when, function)
        self.freezer = Freezer()
        self.weights = dict(WEIGHTS)
        if world.servers:
            self.weights["server"] = 0.4
        if world.faults:
            self.weights.update(FAULTS)
            if "LD_PRELOAD" not in world.environment:
                del self.weights["clock"]
            if not self.freezer.place:
                del self.weights["freeze"]
            if world.etc:
                self.weights["exclude"] = 1
            if world.servers:
                self.weights.update({"move": 0.5, "password": 0.5})

    def pick(self):
        return self.chance.choice(self.live) if self.live else None

    def undo(self, name, seconds, function):
        self.later[name] = time.time() + seconds * self.chance.random(), function

    def one_thing(self):
        names = list(self.weights)
        what = self.chance.choices(names, [self.weights[name] for name in names])[0]
        # One of a kind at a time.
        if what not in self.later and getattr(self, f"do_{what}")() is not False:
            self.did[what] += 1

    # ---- to a request ----

    def do_request(self):
        # While its file is not there, nobody can start it.
        if len(self.live) >= CROWD or "program" in self.later:
            return False
        number = len(self.live) + len(self.ended)
        program = self.chance.choice(self.world.programs)
        words = random_words(self.chance, GPUS, self.world.faults)
        # What names GPUs has to say whether it runs on what is held by hand.
        stalls = self.world.faults and "--gpu-ids" not in words
        stalled = stalls and self.chance.random() < 0.15
        self.live.append(Request(self.world, number, words, program, stalled))
        self.did["stalled terminal"] += stalled
        return True

    def do_kill(self):
        return self.strike(signal.SIGKILL)

    def do_signal(self):
        return self.strike(self.chance.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))

    def strike(self, number):
        target = self.pick()
        if not target:
            return False
        self.let_go(target)
        target.strike(number, self.died)
        return True

    def do_stop(self):
        target = self.pick()
        if not target or target.stopped_until:
            return False
        target.disturbed = True
        target.stopped_until = time.time() + 2 * self.chance.random()
        send(target.process.pid, signal.SIGSTOP)
        return True

    def do_freeze(self):
        target = self.pick()
        if not target or not target.queued or target.stopped_until:
            return False
        target.group = self.freezer.freeze(target.process.pid)
        if not target.group:
            return False
        target.disturbed = True
        target.stopped_until = time.time() + 8 * self.chance.random()
        return True

    def let_go(self, request):
        request.stopped_until = 0
        if request.group:
            self.freezer.thaw(request.group)
            request.group = None
        send(request.process.pid, signal.SIGCONT)

    def do_cancel(self):
        target = self.pick()
        entry = target and re.search(r"as request (\w+)", target.said())
        if not entry or "program" in self.later:
            return False
        target.hits.add(0)
        self.world.canhazgpu("cancel", entry[1])
        return True

    def do_supervisor(self):
        found = self.world.supervisors()
        if not found:
            return False
        send(self.chance.choice(found), signal.SIGKILL)
        return True

    # ---- to the host ----

    def do_use(self):
        # Less than anybody minds without a threshold of their own, or more.
        mb = self.chance.choice([500, 9000]) if self.world.faults else 9000
        seconds = self.chance.random() * (8 if mb == 500 else 1)
        self.used_until[self.chance.randrange(GPUS)] = time.time() + seconds, mb

    def do_clock(self):
        self.world.set_clock(self.chance.choice([0, 600, -600, 7200, 86400 * 10, -86400]))

    def do_mistake(self):
        self.world.own_config(self.chance.choice(MISTAKES))
        good = self.chance.choice(["{}\n", "memory.threshold: 2000\n"])
        self.undo("mistake", 1.5, lambda: self.world.own_config(good))

    def do_exclude(self):
        gpu, since = self.chance.randrange(GPUS), time.time_ns()
        self.world.host_config(f"pool.exclude: {gpu}\n")

        def end():
            self.excluded.append((gpu, since, time.time_ns()))
            self.world.host_config("{}\n")

        self.undo("exclude", 8, end)

    def do_program(self):
        self.world.hide_program()
        self.undo("program", 1, self.world.install_program)

    # ---- to the servers ----

    def do_server(self):
        self.world.restart_server()

    def do_move(self):
        if not self.world.move_primary():
            return False
        self.undo("move", 1, self.world.point)
        return True

    def do_password(self):
        self.world.change_password()
        self.undo("password", 2, self.world.set_password_file)

    # ---- time goes on ----

    def tend(self, everything=False):
        """Ends what has lasted long enough, and takes note of who has ended."""
        now = time.time()
        for name, (when, function) in list(self.later.items()):
            if when < now or everything:
                function()
                del self.later[name]
        used = {gpu: mb for gpu, (until, mb) in self.used_until.items() if until > now}
        self.world.fake(used)
        for request in self.live[:]:
            request.note_queued()
            if request.stopped_until and request.stopped_until < now:
                self.let_go(request)
            if everything:
                request.drain()
            if request.process.poll() is None:
                continue
            request.drain()
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
        self.used_until = {}
        while time.time() < end:
            self.tend(everything=True)
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
        self.problems.append(f"{self.world.waiting()} in the queue, {self.world.supervisors()} left")
        self.problems.append(self.world.canhazgpu("status").stdout)

    def check(self):
        uses = storm_check.read_log(self.world.log.read_text(), self.died)
        history, requests = self.world.history(), self.ended + self.live
        within = {request.number for request in requests if request.is_within()}
        self.did["within"] = len(within)
        uses = [use for use in uses if use.request not in within]
        self.problems += storm_check.check_owners(uses)
        self.problems += storm_check.check_records(uses, history)
        if self.world.faults:
            elapsed = time.time() - self.began
            self.problems += storm_check.check_charges(uses, history, elapsed)
            self.problems += storm_check.check_waits(uses, requests)
            self.problems += storm_check.check_excluded(uses, requests, self.excluded)
        self.did["started"] = len(uses)
        if not uses:
            self.problems.append("nothing was ever started")


def main():
    programs, store, seconds = sys.argv[1].split(","), sys.argv[2], float(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(10**6)
    programs = [os.path.realpath(program) for program in programs]
    world = World(programs, store, GPUS, faults=len(programs) == 1)
    storm = None
    try:
        storm = Storm(world, seed)
        storm.rage(seconds)
        storm.calm_down()
        storm.check()
    finally:
        if storm:
            storm.freezer.close()
        world.close()
    did = ", ".join(f"{what} {count}" for what, count in sorted(storm.did.items()))
    print(f"{store}, seed {seed}: {did}; {len(storm.problems)} problems")
    for problem in storm.problems[:20]:
        print(f"  {problem}")
    return 1 if storm.problems else 0


if __name__ == "__main__":
    sys.exit(main())
