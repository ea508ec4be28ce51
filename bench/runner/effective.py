"""The part effective: a file of ten million lines, and how soon a change of such a list is in force."""

import itertools
import json
import os
import random
import shutil
import statistics
import subprocess
import time

import machine
from server import Failure, Server
from service import write_list
from tables import table

SEED = 11
ROUNDS = 10
# SHA-256 of an entry of a trusted list.
FOUND = "BLOCK_AND_REPORT"
SAID = ("--author", "bench", "--reason", "measured")


class CommandLine:
    """hashgate, and what it takes to say nothing."""

    def __init__(self, work, server):
        self.command = [str(work.bin_dir / "hashgate"), "--server", server.address, "--json"]

    def run(self, *arguments):
        """What it printed."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=False,
                              **machine.favoured())
        if done.returncode not in (0, 1):
            raise Failure(f"hashgate {arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def verdict(self, sha256):
        answer = json.loads(self.run("match", "--sha256", sha256))
        return answer["verdict"], [match["entryId"] for match in answer["matches"]]


def until(command_line, sha256, wanted, acknowledged):
    """Seconds from the acknowledgement to the end of the first call with that verdict, and how many calls it took."""
    for calls in itertools.count(1):
        if command_line.verdict(sha256)[0] == wanted:
            return time.monotonic() - acknowledged, calls
        if time.monotonic() - acknowledged > 30:
            raise Failure(f"the verdict did not become {wanted} within 30 s")


def changes(command_line, folder, what, rows):
    """Adds an entry, suppresses it, takes that back, brakes the list; `what` counts the lines of the list."""
    draw = random.Random(SEED)
    took = {}

    def measure(name, wanted, sha256, *arguments):
        started = time.monotonic()
        command_line.run(*arguments)
        acknowledged = time.monotonic()
        seconds, calls = until(command_line, sha256, wanted, acknowledged)
        took.setdefault(name, []).append((acknowledged - started, seconds, calls))

    for number in range(ROUNDS):
        sha256 = draw.randbytes(32).hex()
        line = folder / "line.jsonl"
        line.write_text(json.dumps({"sourceId": f"new-{number}", "sha256": sha256}) + "\n", encoding="ascii")
        measure("a new entry", FOUND, sha256, "lists", "import", "bench", str(line))
        entry = str(command_line.verdict(sha256)[1][0])
        opinion = ("suppress", "--list", "bench", "--entry", entry)
        measure("an entry suppressed", "ALLOW", sha256, "opinions", "set", *opinion, *SAID)
        measure("a suppression taken back", FOUND, sha256, "opinions", "rm", *opinion, *SAID)
        measure("a brake on the list", "REVIEW", sha256, "brake", "--list", "bench", *SAID)
        measure("the brake released", FOUND, sha256, "brake", "--list", "bench", "--release", *SAID)
    for name, rounds in took.items():
        calls = max(row[2] for row in rounds)
        rows.append([f"{what}: {name}", 1000 * statistics.median(row[0] for row in rounds),
                     1000 * max(row[0] for row in rounds), 1000 * statistics.median(row[1] for row in rounds),
                     1000 * max(row[1] for row in rounds), calls])


def import_file(work, server, path):
    """(seconds, the command line's peak in MiB)."""
    started = time.monotonic()
    process = subprocess.Popen([str(work.bin_dir / "hashgate"), "--server", server.address, "lists", "import", "bench",
                                str(path)], stdout=subprocess.DEVNULL, **machine.favoured())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"the import ended with {process.returncode}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def effective(work):
    imports, rows = [], []
    for count in work.effective_entries:
        csv = work.folder / f"list-{count}.csv"
        write_list(csv, count, "csv")
        folder = work.folder / "effective"
        shutil.rmtree(folder, ignore_errors=True)
        with Server(work.bin_dir, folder) as server:
            server.create_list("bench")
            before = server.resident_mib()
            seconds, own_peak = import_file(work, server, csv)
            index = server.metric("hashgate_index_bytes") / (1 << 20)
            imports.append([f"{count:,}", count / seconds, seconds, before, server.peak_mib(), index,
                            (server.peak_mib() - before - index), own_peak])
            changes(CommandLine(work, server), work.folder, f"{count:,} entries", rows)
        shutil.rmtree(folder, ignore_errors=True)
    return ("A CSV file of MD5, SHA-1 and PDQ into an empty list. The command line's memory does not grow with the file; the server's "
            "does with the index, of which a merge holds old and new parts at once.\n\n"
            + table(["lines", "lines a second", "seconds", "server before, MiB", "server's peak", "index then",
                     "peak beside both", "command line's peak"], imports)
            + f"\n\nThen single changes of that list through the command line, {ROUNDS} of each, milliseconds: the whole command, and "
            "from its end to the end of the first `hashgate match` with the new verdict, a program's start and end "
            "included.\n\n"
            + table(["change", "command, median", "most", "in force after, median", "most", "calls until then, most"], rows))
