"""Runs the parts that were asked for and prints their tables as Markdown. Started by tools/bench."""

import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import time

import effective
import machine
import micro
import overload
import service
import sync
import tables
import uploads
from server import Failure

PARTS = {"stages": micro.stages, "pipelines": micro.pipelines, "kernels": micro.kernels, "match": micro.match, "load": service.load,
         "matchload": service.match_load, "overload": overload.overload,
         "import": service.import_speed, "start": service.start, "handover": micro.handover,
         "uploads": uploads.uploads, "sync": sync.sync, "effective": effective.effective}


@dataclasses.dataclass
class Work:
    """Where things lie, and how long to look."""
    bin_dir: pathlib.Path
    bench_dir: pathlib.Path
    folder: pathlib.Path
    min_time: float = 0.15
    repetitions: int = 9
    pictures: int = 4
    load_ms: int = 8_000
    warm_up_ms: int = 1_500
    load_entries: int = 100_000
    match_entries: int = 1_000_000
    import_entries: int = 1_000_000
    effective_entries: tuple = (1_000_000, 10_000_000)
    start_entries: tuple = (1_000_000, 10_000_000)
    starts: int = 5

    def corpus(self):
        """Folder of generated pictures, made once and kept: the same seed gives the same files."""
        folder = self.folder / f"corpus-{self.pictures}"
        if not folder.exists():
            unfinished = self.folder / "corpus.part"
            shutil.rmtree(unfinished, ignore_errors=True)
            subprocess.run([str(self.bin_dir / "hashgate-corpus-gen"), str(unfinished), "--kind", "bench", "--count",
                            str(self.pictures)], check=True)
            unfinished.rename(folder)
        return folder


def copy_programs(build, folder):
    """Copies of the binaries, (bin, bench): a build meanwhile must not change what is measured."""
    copies = []
    for name in ("bin", "bench"):
        copies.append(folder / "programs" / name)
        shutil.rmtree(copies[-1], ignore_errors=True)
        copies[-1].mkdir(parents=True)
        for path in (build / name).iterdir():
            if path.is_file() and path.stat().st_mode & 0o100:
                shutil.copy2(path, copies[-1])
    shutil.copy2(build / "tests" / "hashgate-fake-ncmec", copies[-1])
    return copies


QUICK = {"min_time": 0.05, "repetitions": 1, "pictures": 1, "load_ms": 1_000, "warm_up_ms": 300, "load_entries": 10_000,
         "match_entries": 20_000, "import_entries": 50_000, "effective_entries": (50_000,), "starts": 1, "start_entries": (20_000,)}


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description="Measures Hashgate and prints Markdown tables.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of: {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true",
                        help="small inputs and short runs: shows that it works, no more")
    parser.add_argument("--wait", type=float, default=0, metavar="MINUTES",
                        help="before a part wait for a quiet machine, this long in all at most")
    parser.add_argument("--record", action="store_true", help="also put the tables into bench/RESULTS.md")
    parser.add_argument("--entries", type=int, metavar="N", help="PDQ hashes that matchload matches against")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part '{unknown[0]}': there are {', '.join(PARTS)}")
    if arguments.quick and arguments.record:
        parser.error("--quick says nothing worth recording")
    folder = machine.ROOT / "build" / "bench-work"
    programs = copy_programs(machine.ROOT / "build" / "release", folder)
    work = Work(*programs, folder, **(QUICK if arguments.quick else {}))
    if arguments.entries:
        work.match_entries = arguments.entries
    results = machine.ROOT / "bench" / "RESULTS.md"
    deadline = time.monotonic() + 60 * arguments.wait
    try:
        for part in arguments.parts or PARTS:
            machine.wait_until_quiet(deadline)
            load_before = machine.load_average()
            others = machine.OthersWork()
            body = PARTS[part](work)
            state = machine.describe(load_before, others, work.bin_dir / "hashgated")
            body = f"`tools/bench {part}`: {state}\n\n{body}"
            print(f"\n## {part}\n\n{body}", flush=True)
            if arguments.record:
                results.write_text(tables.section(results.read_text(encoding="utf-8"), part, body), encoding="utf-8")
    except (Failure, subprocess.CalledProcessError) as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        for folder in work.folder.glob("store-*"):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
