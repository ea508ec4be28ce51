"""The parts that run the server: load, import, start."""

import json
import random
import shutil
import statistics
import subprocess

import machine
from server import Failure, Server
from tables import table

SEED = 7


def write_list(path, count, form):
    """`count` made-up entries with PDQ, MD5 and SHA-1, the same every time."""
    if path.exists():
        return
    draw = random.Random(SEED)
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="ascii") as out:
        if form == "csv":
            out.write("sourceId,md5,sha1,pdq,pdqQuality\n")
        for number in range(count):
            text = draw.randbytes(68).hex()
            md5, sha1, pdq = text[:32], text[32:72], text[72:]
            if form == "csv":
                out.write(f"bench-{number},{md5},{sha1},{pdq},100\n")
            else:
                entry = {"sourceId": f"bench-{number}", "md5": md5, "sha1": sha1, "pdq": pdq, "pdqQuality": 100}
                out.write(json.dumps(entry, separators=(",", ":")) + "\n")
    unfinished.rename(path)


def filled_folder(work, count, pipeline="unknown"):
    """A data folder whose one list has `count` entries, made once a run."""
    folder = work.folder / f"store-{count}-{pipeline}"
    if not (folder / "filled").exists():
        shutil.rmtree(folder, ignore_errors=True)
        source = work.folder / f"list-{count}.csv"
        write_list(source, count, "csv")
        with Server(work.bin_dir, folder) as server:
            server.create_list("bench", "--pipeline", pipeline)
            server.import_file("bench", source)
        (folder / "filled").touch()
    return folder


def run_load(work, server, in_flight, *arguments):
    """One run of the load generator: what it printed, and the processor time each side took for a call."""
    command = [str(work.bench_dir / "hashgate-load"), "--server", server.address, "--in-flight", str(in_flight),
               "--measure", str(work.load_ms), "--warm-up", str(work.warm_up_ms), *arguments]
    # Includes the warm-up, on both sides of the fraction.
    calls_before = server.metric("hashgate_rpcs_total", absent=0)
    before = server.processor_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **machine.favoured())
    if done.returncode not in (0, 1):
        raise Failure(f"hashgate-load ended with {done.returncode}: {done.stderr.strip()}")
    after = server.processor_seconds()
    result = json.loads(done.stdout)
    calls = server.metric("hashgate_rpcs_total") - calls_before
    result["processorMs"] = [1000 * (b - a) / calls for a, b in zip(before, after)]
    return result


def load(work):
    files = {size: sorted(str(path) for path in work.corpus().glob(f"*-{size}mp.jpg")) for size in ("0.3", "1")}
    cases = [(f"ScanImage {size} MP JPEG", in_flight, files[size]) for size in files for in_flight in (1, 4, 8)]
    cases.append(("ScanImage 0.3 MP JPEG, with request ids", 8, ["--request-ids", *files["0.3"]]))
    cases += [(f"MatchHashes, {count} PDQ hash{'es' if count > 1 else ''} a call", in_flight, ["--match", str(count)])
              for count in (1, 64) for in_flight in (1, 4, 8)]
    rows, stage_rows = [], []
    with Server(work.bin_dir, filled_folder(work, work.load_entries)) as server:
        for name, in_flight, arguments in cases:
            result = run_load(work, server, in_flight, *arguments)
            errors = ", ".join(f"{reason} {count}" for reason, count in result["errors"].items()) or "none"
            rows.append([name, str(in_flight), result["perSecond"], result["p50Ms"], result["p90Ms"], result["p99Ms"],
                         result["maxMs"], *result["processorMs"], errors])
            stages = result["stageMicros"]
            known = sum(value for stage, value in stages.items() if stage != "total")
            if name.startswith("ScanImage"):
                stage_rows.append([f"{name}, {in_flight}", *stages.values(), stages["total"] - known])
    headings = ["call", "in flight", "calls a second", "p50 ms", "p90 ms", "p99 ms", "max ms", "server CPU ms a call",
                "decoder CPU ms a call", "errors"]
    names = ["queue", "digest", "decode_wait", "decode", "hash", "match", "decide", "total", "total less the stages"]
    return (f"{work.load_entries:,} entries with PDQ, MD5 and SHA-1; client and server share the machine.\n\n"
            + table(headings, rows)
            + "\n\nWhere a scan's time goes by the server's own clock, mean microseconds:\n\n"
            + table(["call, in flight", *names], stage_rows))


def pdq_folder(work, count):
    """A data folder whose one list has `count` made-up PDQ hashes. Kept for later runs: ten million take a while."""
    folder = work.folder / f"pdq-{count}"
    if not (folder / "filled").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        source = folder / "list.txt"
        draw = random.Random(SEED)
        with source.open("w", encoding="ascii") as out:
            for _ in range(count):
                out.write(draw.randbytes(32).hex() + "\n")
        with Server(work.bin_dir, folder) as server:
            server.create_list("bench")
            server.import_file("bench", source, "--algorithm", "pdq")
        source.unlink()
        (folder / "filled").touch()
    return folder


def match_load(work):
    """MatchHashes with 64 hashes a call: against one entry, which leaves what is around the index, and against many."""
    cases = [("64 files", in_flight, []) for in_flight in (1, 4, 16)]
    cases += [("1 file", 4, ["--one-file"]), ("64 files, with request ids", 4, ["--request-ids"])]
    rows = []
    for count in (1, work.match_entries):
        with Server(work.bin_dir, pdq_folder(work, count)) as server:
            for name, in_flight, arguments in cases:
                result = run_load(work, server, in_flight, "--match", "64", *arguments)
                calls, failed = result["calls"], sum(result["errors"].values())
                cpu = 1000 * result["processorMs"][0]
                # A wall clock says how long a search computes only where nothing else waits for the cores.
                index = result["stageMicros"]["match"] * result["results"] / calls if in_flight == 1 else None
                outside = cpu - index if index is not None else None
                rows.append([f"{count:,}", name, str(in_flight), result["perSecond"], 64 * result["perSecond"],
                             result["p50Ms"], result["p99Ms"], cpu, index, outside, 64e6 / cpu, failed])
    return ("64 made-up PDQ hashes a call, none of them listed. Microseconds a call: what the server's process took, "
            "and, with one call at a time, how long its own clock says that searching took and so what was left. Against one "
            "entry next to all of it is outside the index. Client and server share the machine.\n\n"
            + table(["entries", "call", "in flight", "calls a second", "hashes a second", "p50 ms", "p99 ms", "server CPU us",
                     "index us", "CPU outside the index us", "hashes a CPU second", "errors"], rows))


def import_speed(work):
    """CSV into an empty list, the same again, and JSONL into a second list."""
    count = work.import_entries
    sources = {}
    for form in ("csv", "jsonl"):
        sources[form] = work.folder / f"list-{count}.{form}"
        write_list(sources[form], count, form)
    folder = work.folder / "import"
    shutil.rmtree(folder, ignore_errors=True)
    rows = []

    def measure(server, what, name, form):
        cpu = server.processor_seconds()[0]
        seconds = server.import_file(name, sources[form])
        cpu = server.processor_seconds()[0] - cpu
        rows.append([what, count / seconds, seconds, cpu, server.resident_mib(), server.peak_mib(),
                     server.metric("hashgate_index_bytes") / (1 << 20), server.disk_bytes() / (1 << 20)])

    with Server(work.bin_dir, folder) as server:
        server.create_list("bench")
        server.create_list("second")
        rows.append(["before", None, None, None, server.resident_mib(), server.peak_mib(),
                     server.metric("hashgate_index_bytes") / (1 << 20), server.disk_bytes() / (1 << 20)])
        measure(server, "CSV, all new", "bench", "csv")
        measure(server, "the same file again", "bench", "csv")
        measure(server, "JSONL, all new, into a second list", "second", "jsonl")
    empty, first = rows[0], rows[1]
    with Server(work.bin_dir, folder) as server:
        rows.append(["after a restart", None, None, None, server.resident_mib(), server.peak_mib(),
                     server.metric("hashgate_index_bytes") / (1 << 20), server.disk_bytes() / (1 << 20)])
    last = rows[-1]
    each = table(["bytes an entry", "index", "resident", "store on disk"],
                 [["after the first import", *((first[i] - empty[i]) * (1 << 20) / count for i in (6, 4, 7))],
                  ["two lists, after a restart", *((last[i] - empty[i]) * (1 << 20) / (2 * count) for i in (6, 4, 7))]])
    shutil.rmtree(folder, ignore_errors=True)
    return (f"{count:,} lines with PDQ, MD5 and SHA-1 through `hashgate lists import`; MiB are those of the server.\n\n"
            + table(["import", "lines a second", "seconds", "server CPU s", "resident MiB", "peak MiB", "index MiB",
                     "store MiB"], rows) + "\n\n" + each + "\n\n" + against_plain(work, count))


def against_plain(work, count):
    """The catalogue's ways of writing beside plain RocksDB batches of the same rows, in one process: its own table."""
    folder = work.folder / "store-plain"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run([str(work.bench_dir / "lists_import_bench"), str(folder), str(count)], capture_output=True,
                          text=True, check=False, **machine.favoured())
    if done.returncode != 0:
        raise Failure(f"lists_import_bench ended with {done.returncode}: {done.stderr.strip()}")
    return ("The same without server and files: records in memory into an empty list. Each entry is two rows of 270 bytes "
            "together, one key random; the plain batches write these rows and do nothing else. Processor time is that of "
            "all threads.\n\n" + done.stdout.rstrip())


def start(work):
    rows = []
    for count in (0, work.load_entries, work.import_entries):
        seconds, resident = [], []
        for _ in range(work.starts):
            if count:
                folder = filled_folder(work, count)
            else:
                folder = work.folder / "empty"
                shutil.rmtree(folder, ignore_errors=True)
            with Server(work.bin_dir, folder) as server:
                seconds.append(server.ready_seconds)
                resident.append(server.resident_mib())
        rows.append([f"{count:,}", statistics.median(seconds), min(seconds), max(seconds), statistics.median(resident)])
    return (f"From the start of the process to the first 200 on /readyz, {work.starts} starts each, files in the page "
            "cache. The server finds an index snapshot but for the first start of each.\n\n"
            + table(["entries", "median s", "least s", "most s", "resident MiB"], rows) + "\n\n" + first_answers(work))


def first_answers(work):
    """The lists alone, in one process: from opening the store to the first right answer."""
    rows = []
    for count in work.start_entries:
        folder = work.folder / f"start-{count}"
        done = subprocess.run([str(work.bench_dir / "start_bench"), str(folder), str(count), "3"], capture_output=True,
                              text=True, check=False, **machine.favoured())
        if done.returncode != 0:
            raise Failure(f"start_bench ended with {done.returncode}: {done.stderr.strip()}")
        took = json.loads(done.stdout)
        rows.append([f"{count:,}", took["storeAlone"], took["fromSnapshot"], took["reading"],
                     took["fromSnapshot"] - took["reading"], took["snapshotBytes"] / (1 << 20), took["saving"]])
    return ("Without the server, entries with one PDQ hash: from opening the store to the first right answer, fastest of "
            "three, in seconds.\n\n"
            + table(["entries", "from the store alone", "from the snapshot", "reading the snapshot's bytes", "beyond that",
                     "snapshot MiB", "writing it"], rows))
