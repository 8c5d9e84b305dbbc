#!/usr/bin/env python3
"""How well callers of `run --host any` spread over hosts of GPUS GPUs each: reads the events of each host (`events
--json`, a file each) and prints how many requests queued, how many of them although another host had enough for them
at that moment, and for how long they waited while one had."""
import json
import re
import sys


def steps_of(path, host):
    with open(path, encoding="utf-8") as file:
        return [(int(event["id"]) / 1e6, host, event) for event in json.load(file)["events"]]


class Host:
    def __init__(self, gpus):
        self.gpus = gpus
        self.busy = {}  # GPU: the reservation that has it, or the request that it is collected for
        self.waiting = {}  # request: the GPUs that it lacks

    def room(self):
        return self.gpus - len(self.busy) - sum(self.waiting.values())

    def take(self, event):
        kind, gpus, request = event["kind"], event["gpus"], event["queue_id"]
        if kind == "queued":
            self.waiting[request] = int(re.search(r"waits for (\d+) GPU", event["reason"])[1])
        elif kind == "collected":
            self.busy.update((gpu, request) for gpu in gpus)
            if request in self.waiting:
                self.waiting[request] -= len(gpus)
        elif kind == "granted":
            self.waiting.pop(request, None)
            self.busy.update((gpu, event["reservation_id"]) for gpu in gpus)
        elif kind == "released":
            for gpu in gpus:
                if self.busy.get(gpu) == event["reservation_id"]:
                    del self.busy[gpu]


def main(gpus, *paths):
    hosts = [Host(int(gpus)) for _ in paths]
    steps = sorted((step for i, path in enumerate(paths) for step in steps_of(path, hosts[i])), key=lambda step: step[0])
    queued = needless = 0
    wasted, last = 0.0, steps[0][0]

    def elsewhere(host, wanted):
        return any(other.room() >= wanted for other in hosts if other is not host)

    for time, host, event in steps:
        for one in hosts:
            wasted += sum(time - last for lacks in one.waiting.values() if lacks and elsewhere(one, lacks))
        last = time
        host.take(event)
        if event["kind"] == "queued":
            queued += 1
            needless += elsewhere(host, host.waiting[event["queue_id"]])
    print(f"{queued} queued, {needless} of them while another host had room; {wasted:.1f} s of waiting while one had; "
          f"{last - steps[0][0]:.1f} s in all")


main(*sys.argv[1:])
