"""The part uploads: JPEGs scanned end to end on one core, beside what others do with the same files on it."""

import json
import os
import pathlib
import subprocess

import machine
from micro import fastest, run_benchmark
from server import Failure, Server
from service import filled_folder, run_load
from tables import table

SIZES = ("1", "3", "12")
# Photographs that Debian packages bring along, where they are installed.
PHOTOGRAPHS = pathlib.Path("/usr/share/backgrounds")


def on_one_core(measure):
    """What `measure` returns, it and all that it starts on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        return measure()
    finally:
        os.sched_setaffinity(0, before)


def scans_per_second(work, files):
    with Server(work.bin_dir, filled_folder(work, work.load_entries, "full")) as server:
        results = {size: run_load(work, server, 1, *files[size]) for size in SIZES}
    for size, result in results.items():
        if result["errors"]:
            raise Failure(f"{size} MP: not every scan succeeded: {result['errors']}")
    return {size: result["perSecond"] for size, result in results.items()}


def speeds(work):
    files = {size: sorted(str(path) for path in work.corpus().glob(f"*-{size}mp.jpg")) for size in SIZES}
    scans = on_one_core(lambda: scans_per_second(work, files))
    peers = on_one_core(lambda: run_benchmark(work, "uploads_bench", *(path for size in SIZES for path in files[size])))
    rows = []
    for size in SIZES:
        decode, textbook, picked = (1e6 / peers[f"{name}/{size}mp"]["us"] for name in ("imdecode", "textbook", "picked"))
        rows.append([f"{size} MP JPEG", scans[size], decode, textbook, scans[size] / textbook, picked, scans[size] / picked])
    return table(["picture", "Hashgate: scans a second", "imdecode alone", "imdecode + textbook", "Hashgate / that",
                  "imdecode + 512 picked", "Hashgate / that"], rows)


def distances(work):
    photographs = []
    for path in sorted(PHOTOGRAPHS.rglob("*.jpg")):
        if path.is_file() and not path.is_symlink():
            photographs.append(str(path))
    if not photographs:
        return f"There are no photographs in {PHOTOGRAPHS}."
    done = subprocess.run([str(work.bench_dir / "reduced_hash"), *photographs], capture_output=True, text=True, check=False,
                          **machine.favoured())
    if done.returncode != 0:
        raise Failure(f"reduced_hash ended with {done.returncode}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    forms = sum(found["forms_by_bits"].values())
    rows = [[bits, f"{count:,}", f"{100 * count / forms:.2f} %"] for bits, count in found["forms_by_bits"].items()]
    return (f"{len(photographs)} pictures of Debian's backgrounds, cropped five ways and stored by qualities 80 to 95, with and "
            f"without subsampled chroma: {found['files']} files large enough, {found['left_to_codec']} of them left to a full "
            f"decode. Qualities differ by {found['worst_quality']} at most. Bits between the forms of a reduced and of a full "
            "decode:\n\n" + table(["bits", "forms", "share"], rows))


def uploads(work):
    if not (work.bench_dir / "uploads_bench").exists():
        raise Failure("OpenCV was not there when the benchmarks were built: install libopencv-imgcodecs-dev")
    return ("One core for client, server and decoder, and for what they are compared with: OpenCV's imdecode and PDQ as it is "
            f"written down, without digests and matching. One scan at a time; {work.load_entries:,} entries with PDQ (of the "
            f"pipeline full), MD5 and SHA-1. {fastest(work)}\n\n" + speeds(work) + "\n\n" + distances(work))
