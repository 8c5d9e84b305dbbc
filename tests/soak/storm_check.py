"""What must hold after a storm, by the words of the commands themselves: each writes its reservation,
its GPUs, and when it began and ended. Nothing of this asks the program.
"""
import collections
import sys

SECOND = 10**9
# Where all goes well a request waits for some seconds, and one that cannot take its GPUs is passed over
# after 4 s. The rest is for a busy machine.
LONGEST_WAIT = 90 * SECOND
LONGEST_OVERTAKEN = 20 * SECOND
# From a grant to the start of the command.
STARTS_WITHIN = 3 * SECOND


class Use:
    def __init__(self, request, begin, gpus, reservation):
        self.request, self.begin, self.gpus, self.reservation = request, begin, gpus, reservation
        self.end, self.stopped = sys.maxsize, False


def read_log(text, died):
    uses, live = [], {}
    for line in text.splitlines():
        words = line.split()
        number = int(words[1])
        if words[0] == "start":
            gpus = [int(gpu) for gpu in words[3].split(",")]
            live[number] = Use(number, int(words[2]), gpus, words[4])
            uses.append(live[number])
        else:
            live[number].end, live[number].stopped = int(words[2]), True
    for use in uses:
        use.end = max(use.begin, min(use.end, died.get(use.request, sys.maxsize)))
    return uses


def check_owners(uses):
    """Nobody has what another has."""
    owners = collections.defaultdict(list)
    for use in uses:
        if use.end == sys.maxsize:
            yield f"request {use.request} ({use.reservation}) never ended"
        for gpu in use.gpus:
            owners[gpu].append((use.begin, use.end, use.reservation))
    for gpu, rows in owners.items():
        rows.sort()
        for one, next_one in zip(rows, rows[1:]):
            if next_one[0] < one[1]:
                yield f"GPU {gpu} had two owners: {one} and {next_one}"


def check_records(uses, history):
    """Each use is recorded once."""
    counts = collections.Counter((row[0], row[1]) for row in history)
    for use in uses:
        for gpu in use.gpus:
            if counts[use.reservation, gpu] != 1:
                yield f"{use.reservation} on GPU {gpu} has {counts[use.reservation, gpu]} records"
    for record, count in counts.items():
        if count > 1:
            yield f"{record} is recorded {count} times"


def check_charges(uses, history, elapsed_s):
    """What was had is charged, and a GPU is not charged for more time than there was."""
    charged = collections.defaultdict(float)
    lengths = {}
    for reservation, gpu, seconds, reason in history:
        charged[gpu] += seconds
        lengths[reservation, gpu] = seconds, reason
        if not 0 <= seconds <= elapsed_s or reason == "expired" and abs(seconds - 1) > 0.1:
            yield f"{reservation} on GPU {gpu} is charged {seconds:.3f} s ({reason})"
    for gpu, seconds in charged.items():
        if seconds > elapsed_s + 1:
            yield f"GPU {gpu} is charged {seconds:.1f} s of {elapsed_s:.1f}"
    for use in uses:
        had = (use.end - use.begin) / SECOND
        for gpu in use.gpus:
            seconds, reason = lengths.get((use.reservation, gpu), (0, ""))
            if use.stopped and reason == "released" and seconds < had - 0.05:
                yield f"{use.reservation} had GPU {gpu} for {had:.2f} s, and is charged {seconds:.2f}"


def check_waits(uses, requests):
    """Nobody who could have had a GPU waits for long, or sees others who came later go first for long."""
    began = {use.request: use.begin for use in uses}
    arrived = {request.number: request.came for request in requests}
    came = sorted((use.begin, arrived[use.request]) for use in uses)
    for request in requests:
        begin = began.get(request.number)
        if begin is None or request.disturbed or request.hits:
            continue
        what = " ".join(request.words[:6])
        if begin - request.came > LONGEST_WAIT:
            yield f"{what} waited {(begin - request.came) / SECOND:.1f} s"
        if not request.queued or not request.waits_for_one():
            continue
        first = next((at for at, since in came if since > request.queued), begin)
        if begin - first > LONGEST_OVERTAKEN:
            yield f"{what} began {(begin - first) / SECOND:.1f} s after one that came later"


def check_excluded(uses, requests, excluded):
    """`excluded` has rows of (GPU, since when, until when)."""
    disturbed = {request.number for request in requests if request.disturbed}
    for use in uses:
        for gpu, since, until in excluded:
            late = since + STARTS_WITHIN < use.begin < until
            if gpu in use.gpus and late and use.request not in disturbed:
                yield f"{use.reservation} was given GPU {gpu}, which was excluded"
