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
                                        **machine.favoured())
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
    """The load at that rate while `action` runs: (what it printed, seconds of the action)."""
    took = []

    def run():
        started = time.monotonic()
        action()
        took.append(time.monotonic() - started)

    actor = threading.Thread(target=run)
    actor.start()
    result = send(work, server.address, files, "--rate", str(rate))
    actor.join()
    if not took:
        raise Failure("what was to run beside the scans failed")
    return result, took[0]


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
        server.create_list("npo")
        seconds = server.command_line("exchanges", "sync", "npo")
        speeds.append(["first sync, alone", f"{count:,}", count / seconds, seconds, before_mib, server.peak_mib()])
        send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))  # the server learns what files cost
        capacity = send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))["perSecond"]
        for share in SHARES:
            rate = max(1, round(share * capacity / os.cpu_count()))
            rest = send(work, server.address, files, "--rate", str(rate))
            rows.append([f"{share:.0%} of a core, at rest", rate, rest["p50Ms"], rest["p99Ms"], "1.00", "-"])
            for what, action in (("a sync from the beginning of a list that is there",
                                  lambda: server.command_line("exchanges", "sync", "npo", "--from-the-beginning")),
                                 ("a first sync", lambda: again(server)),
                                 ("an import of a file into an empty list",
                                  lambda name=f"file-{share * 100:.0f}": import_anew(server, name, csv))):
                result, seconds = beside(work, server, files, rate, action)
                rows.append([f"{share:.0%} of a core, beside {what}", rate, result["p50Ms"], result["p99Ms"],
                             f"{result['p99Ms'] / rest['p99Ms']:.2f}", f"{count / seconds:,.0f}"])
    shutil.rmtree(folder, ignore_errors=True)
    return (f"{count:,} entries of MD5, SHA-1 and PDQ from a fake NCMEC server in a process of its own, over HTTP on loopback, "
            "through `hashgate exchanges sync`; everything shares the machine.\n\n"
            + table(["sync", "entries", "entries a second", "seconds", "resident before, MiB", "peak MiB"], speeds)
            + f"\n\nScans of 0.3 MP JPEGs at random moments (Poisson) beside it, for {work.load_ms / 1000:.0f} s each; shares are of "
            "what one core gets done.\n\n"
            + table(["scans", "a second", "p50 ms", "p99 ms", "p99 to that at rest", "entries a second meanwhile"], rows))


def again(server):
    server.command_line("lists", "rm", "npo", "--yes")
    server.create_list("npo")
    server.command_line("exchanges", "sync", "npo", "--from-the-beginning")


def import_anew(server, name, path):
    server.create_list(name)
    server.import_file(name, path)
