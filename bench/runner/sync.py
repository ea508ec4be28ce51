"""The part sync: an exchange's first sync from a fake server, alone and beside scans."""

import os
import shutil
import subprocess
import threading
import time

import machine
from overload import CAPACITY_IN_FLIGHT, send
from server import Failure, Server
from service import write_list
from tables import table

# Of one core's capacity, for scans beside a sync.
SHARES = (0.3, 0.8)
CREDENTIALS = "bench:bench"


class FakeNcmec:
    """A fake NCMEC server with made-up entries, in a process of its own."""

    def __init__(self, work, entries):
        self.command = [str(work.bench_dir / "hashgate-fake-ncmec"), "--entries", str(entries)]
        self.process = None
        self.base_url = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "HASHGATE_FAKE_NCMEC_CREDENTIALS": CREDENTIALS},
                                        **machine.elsewhere())
        words = self.process.stdout.readline().split()
        if len(words) != 3:
            raise Failure("the fake NCMEC server did not start")
        self.base_url = words[2]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def exchange_config(fake):
    os.environ["HASHGATE_BENCH_CREDENTIALS"] = CREDENTIALS
    return ('exchanges:\n  npo:\n    kind: ncmec\n'
            f'    base_url: "{fake.base_url}"\n    credentials_env: "HASHGATE_BENCH_CREDENTIALS"\n')


def beside(work, server, files, rate, action):
    """The load at that rate while `action` runs again and again: (what it printed, seconds of one action)."""
    took, failed = [], []
    ended = threading.Event()

    def run():
        while not ended.is_set() and not failed:
            started = time.monotonic()
            try:
                action()
            except Failure as failure:
                failed.append(failure)
            took.append(time.monotonic() - started)

    actor = threading.Thread(target=run)
    actor.start()
    try:
        result = scans(work, server, files, rate)
    finally:
        ended.set()
        actor.join()
    if failed:
        raise failed[0]
    return result, sum(took) / len(took)


def settle(server):
    """Until nothing that was put off is left to do: the server takes less than a fiftieth of a core for three seconds."""
    for _ in range(100):
        before = server.processor_seconds()[0]
        time.sleep(3)
        if server.processor_seconds()[0] - before < 0.06:
            return
    raise Failure("the server never came to rest")


def scans(work, server, files, rate):
    """The load at that rate: three times as long as elsewhere, because it is about the slowest of a hundred."""
    result = send(work, server.address, files, "--rate", str(rate), extra_ms=2 * work.load_ms, priority=machine.punctual)
    if result["errors"]:
        raise Failure(f"scans had no answer: {result['errors']}")
    return result


def sync(work):
    count = work.import_entries
    files = sorted(str(path) for path in work.corpus().glob("*-0.3mp.jpg"))
    csv = work.folder / f"list-{count}.csv"
    write_list(csv, count, "csv")
    folder = work.folder / "sync"
    shutil.rmtree(folder, ignore_errors=True)
    rows, speeds = [], []
    with FakeNcmec(work, count) as fake, Server(work.bin_dir, folder, config=exchange_config(fake)) as server:
        before_mib = server.resident_mib()
        server.create_list("standing")
        server.import_file("standing", csv)
        server.create_list("file")
        server.create_list("npo")
        seconds = server.command_line("exchanges", "sync", "npo")
        speeds.append(["first sync, alone", f"{count:,}", count / seconds, seconds, before_mib, server.peak_mib()])
        send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))  # the server learns what files cost
        capacity = send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))["perSecond"]
        rates = {share: max(1, round(share * capacity / os.cpu_count())) for share in SHARES}
        settle(server)
        at_rest = {share: scans(work, server, files, rate) for share, rate in rates.items()}
        for share, rate in rates.items():
            rest = at_rest[share]
            rows.append([f"{share:.0%} of a core, at rest", rate, rest["p50Ms"], rest["p99Ms"], "1.00", "-"])
            for what, action in (("syncs from the beginning of a list that is there",
                                  lambda: server.command_line("exchanges", "sync", "npo", "--from-the-beginning")),
                                 ("first syncs", lambda: again(server)),
                                 ("imports of a file into an empty list, the command line where nothing else runs",
                                  lambda: import_anew(server, csv, machine.elsewhere)),
                                 ("the same, the command line as any other program",
                                  lambda: import_anew(server, csv, dict))):
                result, seconds = beside(work, server, files, rate, action)
                rows.append([f"{share:.0%} of a core, beside {what}", rate, result["p50Ms"], result["p99Ms"],
                             f"{result['p99Ms'] / rest['p99Ms']:.2f}", f"{count / seconds:,.0f}"])
    shutil.rmtree(folder, ignore_errors=True)
    return (f"{count:,} entries of MD5, SHA-1 and PDQ from a fake NCMEC server in a process of its own, over HTTP on loopback, "
            "through `hashgate exchanges sync`, beside a list of as many. Everything shares the machine: the fake server runs where "
            "nothing else does, the load in real time, because both stand for other machines.\n\n"
            + table(["sync", "entries", "entries a second", "seconds", "resident before, MiB", "peak MiB"], speeds)
            + f"\n\nScans of 0.3 MP JPEGs at random moments (Poisson) beside it, for {3 * work.load_ms / 1000:.0f} s each; shares are of "
            "what one core gets done. What runs beside them is begun anew until they end, and its last run ends without them.\n\n"
            + table(["scans", "a second", "p50 ms", "p99 ms", "p99 to that at rest", "entries a second meanwhile"], rows))


def again(server):
    make_anew(server, "npo")
    server.command_line("exchanges", "sync", "npo", "--from-the-beginning")


def import_anew(server, path, priority):
    make_anew(server, "file")
    server.import_file("file", path, priority=priority)


def make_anew(server, name):
    server.command_line("lists", "rm", name, "--yes")
    server.create_list(name)
