#!/usr/bin/env python3
"""A week of one run and its supervisor, with a request that waits behind it, in less than a minute:
the time is that of a clock that the test moves on, half an hour for each heartbeat. Meanwhile the clock
is set, the server moves and changes its password, the program is replaced, the configuration changes
and has mistakes, and the store is away for an hour. The run ends with exactly its hours charged, and
the request gets the GPU.

Usage: supervisor_week.py PROGRAM sqlite|redis [DAYS]
"""
import os
import signal
import sqlite3
import subprocess
import sys
import time

from storm_world import World, send

HOUR, DAY = 3600, 86400
PATIENCE_S = 60  # for anything to happen; nobody waits for it where all is well

COMMAND = 'echo "start $$" >>"$LOG"; exec sleep 100000'


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"within {PATIENCE_S} s: {what}")
        time.sleep(0.02)


class Week:
    def __init__(self, world):
        self.world = world
        self.set_s = self.passed_s = 0
        self.lock = None
        # Real time is part of the week, but little of it: as many heartbeats as there can be.
        world.environment["CANHAZGPU_RUN_HEARTBEAT"] = "100ms"
        self.run = self.start("run")
        wait_until("the command starts", lambda: self.started() == 1)
        self.began = time.monotonic()
        self.waiter = self.start("waits", "--wait")
        wait_until("the request waits", lambda: world.waiting() == 1)

    def start(self, name, *options):
        words = ["run", "--timeout", "30d", *options, "--", "sh", "-c", COMMAND]
        with open(self.world.folder / f"{name}.err", "w", encoding="utf-8") as errors:
            return subprocess.Popen(
                [self.world.programs[0], *words],
                env=self.world.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def started(self):
        return self.world.log.read_text().count("start")

    # ---- time ----

    def move_on(self, seconds):
        self.passed_s += seconds
        self.world.set_clock(self.set_s, self.passed_s)

    def live(self, seconds):
        """Time in which all is well: heartbeats follow it."""
        end = self.passed_s + seconds
        while self.passed_s < end:
            before = self.world.heartbeats()
            self.move_on(min(HOUR // 2, end - self.passed_s))
            wait_until("a heartbeat", lambda: self.world.heartbeats() != before)
        self.look()

    def look(self):
        """Somebody looks, and tries to get the GPU."""
        wait_until("the store answers", lambda: self.world.canhazgpu("status").returncode == 0)
        refused = self.world.canhazgpu("reserve")
        assert "Not enough GPUs" in refused.stderr, f"reserve: {refused}"
        assert self.world.history() == [], f"ended: {self.world.history()}"
        assert self.run.poll() is None and self.waiter.poll() is None, "somebody gave up"
        assert self.started() == 1, "the GPU was given away"

    # ---- what happens ----

    def clock(self):
        for set_s in (600, -HOUR, 10 * DAY, 0):
            self.set_s = set_s
            self.live(HOUR)

    def server_moves(self):
        wait_until("a failover", self.world.move_primary)
        self.move_on(60)
        self.world.point()

    def password(self):
        self.world.change_password()
        self.move_on(60)
        time.sleep(0.5)  # heartbeats fail
        self.world.set_password_file()

    def program(self):
        self.world.hide_program()
        self.live_without_looking()
        self.world.install_program()

    def live_without_looking(self):
        before = self.world.heartbeats()
        self.move_on(60)
        wait_until("a heartbeat", lambda: self.world.heartbeats() != before)

    def settings(self):
        for text in ("memory.threshold: many\n", "policy: [\n"):
            self.world.own_config(text)
            self.live_without_looking()
        self.world.own_config("memory.threshold: 2000\nrun.timeout: 1h\n")
        if self.world.etc:
            self.live(HOUR)
            for text in ("pool.exclude: 0\n", "policy.max-duration: 1h\n", "policy: [\n", "{}\n"):
                self.world.host_config(text)
                self.live_without_looking()

    def take_store(self):
        if self.world.servers:
            self.world.servers[0].kill()
            return
        self.lock = sqlite3.connect(self.world.folder / "pool.db", timeout=30, isolation_level=None)
        self.lock.execute("BEGIN EXCLUSIVE")

    def give_store(self):
        if self.world.servers:
            self.world.restart_server()
            return
        self.lock.execute("ROLLBACK")
        self.lock.close()

    def store_gone(self):
        """For an hour, minute by minute, each long enough for several heartbeats to fail."""
        self.take_store()
        for _ in range(60):
            self.move_on(60)
            time.sleep(0.1)
        self.give_store()

    def end(self):
        """The run ends after so many hours: those are charged, and the request has the GPU. Before the
        end can be stored, the clock is set once more."""
        self.take_store()
        send(self.run.pid, signal.SIGTERM)
        had = self.passed_s + time.monotonic() - self.began
        self.run.wait(PATIENCE_S)
        time.sleep(0.5)  # the supervisor tries to release
        self.set_s = 10 * DAY
        self.move_on(60)
        self.give_store()
        wait_until("the record of the run", lambda: len(self.world.history()) == 1)
        _, _, charged, reason = self.world.history()[0]
        assert reason == "released", f"ended as {reason}"
        assert abs(charged - had) < 2, f"had the GPU for {had:.1f} s, and is charged {charged:.1f}"
        wait_until("the request gets the GPU", lambda: self.started() == 2)
        send(self.waiter.pid, signal.SIGTERM)
        wait_until("all ends", lambda: not list(self.world.processes()))
        assert len(self.world.history()) == 2, f"records: {self.world.history()}"
        print(f"{self.world.store}: {had / HOUR:.2f} h, charged {charged - had:+.3f} s")


def main():
    program, store = os.path.realpath(sys.argv[1]), sys.argv[2]
    days = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    world = World([program], store, 1)
    if "LD_PRELOAD" not in world.environment:
        sys.exit(77)
    try:
        week = Week(world)
        events = [week.clock, week.program, week.settings, week.store_gone]
        if world.servers:
            events[1:1] = [week.server_moves, week.password]
        for day in range(1, days + 1):
            if day <= len(events):
                print(f"day {day}: {events[day - 1].__name__}")
                events[day - 1]()
            week.live(max(0, day * DAY - week.passed_s))
        week.end()
    except AssertionError as problem:
        print(f"{store}: {problem}")
        for said in world.folder.glob("*.err"):
            print(f"{said.name}: {said.read_text()[-1500:]}")
        print(world.canhazgpu("status").stdout)
        sys.exit(1)
    finally:
        world.close()


if __name__ == "__main__":
    main()
