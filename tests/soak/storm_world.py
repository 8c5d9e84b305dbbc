"""The world of the storms: a pool of fake GPUs on SQLite or Redis, with a home, a clock, an /etc, a
program file and servers of its own, all of which can be changed while requests and runs go on.
"""
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

CLONE_NEWNS, MS_REC, MS_PRIVATE, MS_BIND = 0x20000, 0x4000, 0x40000, 0x1000


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A redis-server on a socket in the world's folder, and on a port for its replica."""

    def __init__(self, folder, name):
        self.folder, self.port = folder / name, free_port()
        self.folder.mkdir()
        self.socket = self.folder / "socket"
        self.process = None

    def start(self, password, primary=None):
        options = "--appendonly yes --appendfsync always --loglevel warning --bind 127.0.0.1".split()
        options += "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1".split()
        options += ["--port", str(self.port), "--dir", self.folder, "--unixsocket", self.socket]
        # Of the program alone: redis-cli and the replica come as the default user, who needs none.
        options += ["--user", "canhazgpu", "on", f">{password}", "~*", "&*", "+@all"]
        if primary:
            options += ["--replicaof", f"127.0.0.1 {primary.port}"]
        self.process = subprocess.Popen(
            ["redis-server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while self.cli("ping").strip() != "PONG":
            if self.process.poll() is not None:
                raise RuntimeError(f"redis-server in {self.folder} ended")
            time.sleep(0.02)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def cli(self, *words):
        call = ["redis-cli", "-s", self.socket, "--raw", *words]
        return subprocess.run(call, capture_output=True, text=True, check=False).stdout

    def info(self, section):
        lines = self.cli("info", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


class World:
    """`programs` are releases that take part; the first creates the pool. With `faults`, everything
    that can be changed below is there; without, only what any release lives with."""

    def __init__(self, programs, store, gpus, faults=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chg-storm."))
        self.originals, self.store, self.gpus, self.faults = programs, store, gpus, faults
        self.etc = None
        self.log = self.folder / "log"
        self.log.touch()
        self.fake({})
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "LOG": str(self.log),
            "CANHAZGPU_STORE": f"sqlite:{self.folder}/pool.db",
            "CANHAZGPU_FAKE_STATE": str(self.folder / "fake.json"),
            "CANHAZGPU_TEST_WORLD": str(self.folder),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.servers, self.password = [], "0"
        if store == "redis":
            self.start_servers()
        self.programs = programs
        if faults:
            self.make_changeable()
        self.canhazgpu("admin", "--gpus", str(gpus), "--provider", "fake", check=True)

    def make_changeable(self):
        """The program file, the clock, and the configuration of the host."""
        self.programs = [str(self.folder / "canhazgpu")]
        self.install_program()
        clock = pathlib.Path(self.originals[0]).parent / "tests/stubs/clock/libclock_stub.so"
        if clock.exists():
            self.set_clock(0)
            self.environment["LD_PRELOAD"] = str(clock)
            self.environment["CANHAZGPU_STUB_CLOCK"] = str(self.folder / "clock")
        libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
            return
        etc = self.folder / "etc"
        (etc / "canhazgpu").mkdir(parents=True)
        for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "hosts", "localtime"):
            if os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", etc)
        libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        if libc.mount(str(etc).encode(), b"/etc", None, MS_BIND, None) == 0:
            self.etc = etc

    # ---- what can change ----

    def replace(self, path, text):
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        new.rename(path)

    def fake(self, used):
        """What is in use: GPU -> MB."""
        rows = [{"index": gpu, "memory_used_mb": mb} for gpu, mb in sorted(used.items())]
        self.replace(self.folder / "fake.json", json.dumps({"gpus": rows}))

    def set_clock(self, set_s, passed_s=0):
        self.replace(self.folder / "clock", f"{set_s} {passed_s}\n")

    def host_config(self, text):
        self.replace(self.etc / "canhazgpu/config.yaml", text)

    def own_config(self, text):
        self.replace(self.folder / ".canhazgpu.yaml", text)

    def hide_program(self):
        """As while a package is unpacked: the old file is gone, and the new one not there yet."""
        pathlib.Path(self.programs[0]).unlink(missing_ok=True)

    def install_program(self):
        shutil.copy(self.originals[0], self.programs[0] + ".new")
        os.rename(self.programs[0] + ".new", self.programs[0])

    # ---- servers ----

    def start_servers(self):
        self.servers = [Server(self.folder, "one")]
        self.servers[0].start(self.password)
        if self.faults:
            self.servers.append(Server(self.folder, "two"))
            self.servers[1].start(self.password, self.servers[0])
        self.point()
        self.environment["CANHAZGPU_STORE"] = f"unix://{self.folder}/primary?db=0"
        if not self.faults:
            return
        self.set_password_file()
        self.environment["CANHAZGPU_REDIS_USER"] = "canhazgpu"
        self.environment["CANHAZGPU_REDIS_PASSWORD_FILE"] = str(self.folder / "password")

    def point(self):
        """The address leads to the first of the servers."""
        new = self.folder / "primary.new"
        new.symlink_to(self.servers[0].socket)
        new.rename(self.folder / "primary")

    def restart_server(self):
        self.servers[0].kill()
        self.servers[0].start(self.password)

    def move_primary(self):
        """The replica takes over with all that it has; no connection is closed. False: not in sync."""
        one, two = self.servers
        if two.info("replication").get("master_link_status") != "up":
            return False
        if one.cli("failover", "to", "127.0.0.1", str(two.port), "timeout", "3000").strip() != "OK":
            return False
        while one.info("replication").get("master_failover_state") != "no-failover":
            time.sleep(0.01)
        if two.info("replication").get("role") != "master":
            return False
        self.servers.reverse()
        return True

    def change_password(self):
        """On the servers: who is connected has to come again, and the file still holds the old one."""
        self.password = str(int(self.password) + 1)
        for server in self.servers:
            server.cli("acl", "setuser", "canhazgpu", "resetpass", f">{self.password}")
            server.cli("client", "kill", "user", "canhazgpu")

    def set_password_file(self):
        self.replace(self.folder / "password", self.password + "\n")
        (self.folder / "password").chmod(0o600)

    # ---- looking ----

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
        if self.servers:
            return int(self.servers[0].cli("zcard", "canhazgpu:queue").strip() or 0)
        return self.sql("SELECT count(*) FROM queue")[0][0]

    def sql(self, text):
        with sqlite3.connect(self.folder / "pool.db", timeout=10) as pool:
            rows = pool.execute(text).fetchall()
        pool.close()
        return rows

    def heartbeats(self):
        """Those of all runs, as stored, whatever their form."""
        if self.store == "sqlite":
            return self.sql("SELECT heartbeat_ns FROM reservations ORDER BY id")
        keys = [f"canhazgpu:gpu:{gpu}" for gpu in range(self.gpus)]
        states = [json.loads(self.servers[0].cli("get", key) or "{}") for key in keys]
        return [state.get("heartbeat_exact", state.get("last_heartbeat")) for state in states]

    def history(self):
        """(reservation, gpu, seconds charged, reason) of every usage record."""
        if self.store == "sqlite":
            rows = self.sql("SELECT reservation_id, gpu, end_ns - start_ns, reason FROM usage_history")
            return [(row[0], row[1], row[2] / 1e9, row[3]) for row in rows]
        records = self.servers[0].cli("zrange", "canhazgpu:usage_history_sorted", "0", "-1")
        records = map(json.loads, filter(None, records.splitlines()))
        return [
            (one["reservation_id"], one["gpu_id"], one["duration_seconds"], one["reason"])
            for one in records
        ]

    def close(self):
        for _ in range(50):
            left = [pid for pid, _ in self.processes()]
            for pid in left:
                send(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.02)
        for server in self.servers:
            server.kill()
        if self.etc:
            ctypes.CDLL(None).umount2(b"/etc", 2)
        shutil.rmtree(self.folder, ignore_errors=True)
