"""What a figure was measured on, and waiting until nothing else runs there."""

import contextlib
import datetime
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Above this the other work on the machine shows in the figures.
QUIET_LOAD = 1.5


def load_average():
    """Mean number of runnable processes of the last minute."""
    return os.getloadavg()[0]


def wait_until_quiet(deadline):
    """Polls the load until it is low or the deadline (of time.monotonic) is over; says so where it stays high."""
    while load_average() >= QUIET_LOAD and time.monotonic() < deadline:
        time.sleep(5)
    if load_average() >= QUIET_LOAD:
        print(f"bench: the load is {load_average():.1f}; measuring all the same", file=sys.stderr)


class OthersWork:
    """How many cores programs that this one did not start kept busy since it was made."""

    def __init__(self):
        self.since = time.monotonic()
        self.busy = self._busy_seconds()
        self.own = self._own_seconds()

    @staticmethod
    def _busy_seconds():
        user, nice, system, _, _, irq, softirq, *_ = map(
            int, pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:])
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own_seconds():
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def cores(self):
        work = (self._busy_seconds() - self.busy) - (self._own_seconds() - self.own)
        return max(0.0, work / (time.monotonic() - self.since))


def favoured():
    """Options of subprocess that give a measured process priority over others, where this user may give it. Linux's
    autogroups weigh sessions first, so it gets a session of its own, and that session the priority too."""
    def favour():
        os.setsid()
        os.nice(-10)
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/self/autogroup").write_text("-10", encoding="ascii")
    return {"preexec_fn": favour} if os.geteuid() == 0 else {}


def elsewhere():
    """The same for a program that stands for another machine and needs much of this one: it runs where nothing else does."""
    def step_aside():
        os.setsid()
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/self/autogroup").write_text("19", encoding="ascii")
    return {"preexec_fn": step_aside}


def punctual():
    """The same for one that stands for another machine and needs little of this one, but at once: its own waiting for a
    processor would be measured as the server's. Where this user may not give that, as `favoured`."""
    def hurry():
        os.setsid()
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return {"preexec_fn": hurry} if os.geteuid() == 0 else favoured()


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    """Short hash, with a plus where the sources that are measured differ from it."""
    short = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", "src", "include", "proto", "cmake", "bench/*.cc", "bench/*.h")
    return short + ("+" if changed else "")


def built(program):
    """When a program was linked: figures are of that moment's sources."""
    return datetime.datetime.fromtimestamp(program.stat().st_mtime, datetime.timezone.utc).strftime("%H:%M")


def processor():
    text = subprocess.run(["lscpu"], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"}).stdout
    facts = dict(re.findall(r"^\s*([^:\n]+):\s+(.+)$", text, re.MULTILINE))
    numbers = ", ".join(f"{key.lower()} {facts[key]}" for key in ("CPU family", "Model") if key in facts)
    return f"{facts.get('Model name', platform.machine())} ({numbers}), {os.cpu_count()} cores"


def memory_gib():
    text = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"^MemTotal:\s+(\d+)", text, re.MULTILINE).group(1)) / (1 << 20)


def describe(load_before, others, server):
    """One line on machine, time and state."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    return (f"{processor()}, {memory_gib():.0f} GiB, Linux {platform.release()}; commit {commit()}, hashgated of "
            f"{built(server)} UTC, {now}; load {load_before:.1f} before; "
            f"other programs kept {others.cores():.1f} cores busy meanwhile.")
