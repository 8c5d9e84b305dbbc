"""The requests of a storm, and what each may say when it ends."""
import fcntl
import os
import re
import signal
import subprocess
import time

from storm_world import send

# Real times: the clock of the world is not that of the storm.
COMMAND = """now() { LD_PRELOAD= date +%s%N; }
echo "start $REQUEST $(now) $CUDA_VISIBLE_DEVICES $CANHAZGPU_RESERVATION_ID" >>"$LOG"
sleep "$1"
echo "stop $REQUEST $(now)" >>"$LOG"
"""

# What a request may say when it fails without having been hit.
REFUSALS = re.compile(
    r"Not enough GPUs available|is not available|gave up after waiting"
    r"|the request was cancelled while it waited|pool\.exclude"
)
# What it may say where the storm has stopped who held the lock, or killed the server or a supervisor.
TROUBLE = re.compile(r"Redis at|is locked by|the supervisor did not start")
# What it may say to begin with, but not once it waits.
MISTAKES = re.compile(r"Error: \S+/(\.canhazgpu|config)\.yaml:")


def full_pipe():
    """Both ends of a pipe that nobody reads, and that has no room any more."""
    ends = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(ends[0], False)
    os.set_blocking(ends[1], False)
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
    os.write(ends[1], b"." * 4096)
    os.set_blocking(ends[1], True)
    return ends


class Request:
    """One canhazgpu, which may become a command."""

    def __init__(self, world, number, words, program, stalled=False):
        # Not its pid, which is another's in a minute or two.
        self.number = number
        self.errors = world.folder / f"err.{number}"
        self.words, self.hits = words, set()
        self.stopped_until, self.group, self.disturbed = 0, None, False
        self.came, self.queued = time.time_ns(), None
        # A terminal that is stopped, as far as the program can tell.
        self.stalled = None
        if stalled:
            self.stalled, errors = full_pipe()
            self.errors.touch()
        else:
            errors = os.open(self.errors, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
        self.process = subprocess.Popen(
            [program, *words],
            env={**world.environment, "REQUEST": str(number)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        os.close(errors)

    def said(self):
        return self.errors.read_text(errors="replace")

    def drain(self):
        """Its terminal goes on."""
        if self.stalled is None:
            return
        try:
            while text := os.read(self.stalled, 65536):
                with open(self.errors, "ab") as errors:
                    errors.write(text.replace(b".", b""))
        except BlockingIOError:
            pass

    def note_queued(self):
        if not self.queued and "as request " in self.said():
            self.queued = time.time_ns()

    def is_within(self):
        """It ran on what is held by hand, whose owner and record that is."""
        return "that you hold by hand" in self.said()

    def waits_for_one(self):
        """Any GPU would do for it, and nothing that was done to it keeps it from taking one."""
        return self.words[1:4] == ["--gpus", "1", "--wait"] and not self.disturbed and not self.hits

    def strike(self, signal_number, died):
        """A signal that may end it; from then on it has no GPUs for certain."""
        self.hits.add(signal_number)
        died.setdefault(self.number, time.time_ns())
        send(self.process.pid, signal.SIGCONT)
        send(self.process.pid, signal_number)

    def problem(self):
        """What is wrong with how it ended; None: nothing."""
        status, said = self.process.returncode, self.said().strip().split("\n")[-1]
        if status == 0 or -status in self.hits or self.hits and status == 1:
            return None
        if self.is_within() and status < 0:
            return None  # until the reservation by hand ended
        if status in (1, 75) and (REFUSALS.search(said) or TROUBLE.search(said)):
            return None
        if status > 0 and (self.stalled is not None or MISTAKES.search(said) and not self.queued):
            return None
        return f"{' '.join(self.words[:6])} ended with {status}: {said}"


def random_words(chance, gpus, faults):
    """A random request."""
    wish = ["--gpus", str(chance.choice([1, 1, 1, 2, 3, gpus]))]
    if chance.random() < 0.3:
        ids = sorted(chance.sample(range(gpus), chance.randint(1, 2)))
        wish = ["--gpu-ids", ",".join(map(str, ids))]
    wait = chance.choice([[], ["--wait"], ["--wait"], ["--wait"], ["--wait", "2s"]])
    if chance.random() < 0.15:
        return ["reserve", *wish, *wait, "--duration", "1s"]
    length = f"{chance.random() * 0.4:.2f}"
    # Of its own, so that it minds what nobody else does.
    own = ["--memory-threshold", "100"] if faults and chance.random() < 0.1 else []
    return ["run", *wish, *wait, *own, "--", "sh", "-c", COMMAND, "sh", length]
