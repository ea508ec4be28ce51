"""The parts that run Google Benchmark programs: stages, pipelines, kernels, handover."""

import json
import subprocess

import machine
from server import Failure
from tables import table

SIZES = ("0.3mp", "1mp", "3mp", "12mp")


def run_benchmark(work, program, *arguments, pattern=None):
    """{name: {"us": processor time of one round, "wall_us", counters}}: each the least of the repetitions, which other
    programs disturbed least."""
    command = [str(work.bench_dir / program), *map(str, arguments), "--benchmark_format=json",
               f"--benchmark_min_time={work.min_time}", f"--benchmark_repetitions={work.repetitions}"]
    if pattern:
        command.append(f"--benchmark_filter={pattern}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, **machine.favoured())
    if done.returncode != 0:
        raise Failure(f"{program} ended with {done.returncode}: {done.stderr.strip()}")
    scale = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
    found = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run.get("error_occurred"):
            raise Failure(f"{program}: {run['name']}: {run['error_message']}")
        if run["run_type"] == "aggregate":
            continue
        name = run["run_name"].removesuffix("/real_time").removesuffix("/manual_time")
        unit = scale[run["time_unit"]]
        best = found.setdefault(name, {**run, "us": float("inf"), "wall_us": float("inf")})
        if run["cpu_time"] * unit < best["us"]:
            best.update({**run, "us": run["cpu_time"] * unit})
        best["wall_us"] = min(best["wall_us"], run["real_time"] * unit)
    return found


def fastest(work):
    return f"Fastest of {work.repetitions} repetitions." if work.repetitions > 1 else "One run."


def stages(work):
    runs = run_benchmark(work, "stages_bench", work.corpus())
    rows = []
    for kind in ("jpg", "png"):
        for size in SIZES:
            name = f"{size}.{kind}"
            rows.append([f"{size.removesuffix('mp')} MP {'JPEG' if kind == 'jpg' else 'PNG'}",
                         runs[f"digest/{name}"]["file_bytes"] / 1000, runs[f"digest_sha256/{name}"]["us"] / 1000,
                         runs[f"digest/{name}"]["us"] / 1000, runs[f"digest_apart/{name}"]["us"] / 1000,
                         runs[f"decode/{name}"]["us"] / 1000, runs[f"process/{name}"]["us"] / 1000, runs[f"worker/{name}"]["wall_us"] / 1000,
                         worker_cost(runs, name)])
    per_picture = table(["picture", "KB", "SHA-256", "three digests", "the same in three passes", "full decode",
                         "what a worker does", "wall clock through a locked worker", "locked worker: % on top of the same in this process"],
                        rows)
    rows = []
    for size in SIZES:
        took = {kind: runs[f"pdq_{kind}/{size}"]["us"] / 1000
                for kind in ("grey", "color", "luma", "exact_forms", "exact", "textbook")}
        rows.append([size.removesuffix("mp") + " MP", *took.values(), took["textbook"] / took["grey"],
                     took["textbook"] / took["exact"]])
    planes = table(["picture", "8 forms of grey pixels", "8 forms of colours", "8 forms of a luma plane",
                    "8 forms in the textbook's order", "1 form in the textbook's order", "textbook, 1 form",
                    "textbook / grey pixels", "textbook / textbook's order"], rows)
    matching = run_benchmark(work, "kernel_bench", pattern="^SearchEightForms|^LookUpDigest")
    rows = []
    for count, label in ((100_000, "100 k"), (1_000_000, "1 M")):
        rows.append([label,
                     *(matching[f"SearchEightForms/entries:{count}/radius:{radius}"]["us"] for radius in (31, 63)),
                     *(1000 * matching[f"LookUpDigest/entries:{count}/listed:{listed}"]["us"] for listed in (0, 1)),
                     matching[f"SearchEightForms/entries:{count}/radius:31"]["bytes_each"],
                     matching[f"LookUpDigest/entries:{count}/listed:0"]["bytes_each"]])
    lookups = table(["entries", "8 PDQ forms, 31 bits, us", "8 PDQ forms, 63 bits, us", "SHA-256 not listed, ns",
                     "SHA-256 listed, ns", "bytes a PDQ hash", "bytes a SHA-256"], rows)
    return (f"Milliseconds of processor time, mean over the pictures of that size. {fastest(work)}\n\n" + per_picture
            + "\n\nThe hash alone:\n\n" + planes + "\n\nMatching:\n\n" + lookups)


def worker_cost(runs, name):
    return 100 * (runs[f"worker/{name}"]["wall_us"] / runs[f"process/{name}"]["wall_us"] - 1)


def kernels(work):
    runs = run_benchmark(work, "kernel_bench", pattern="^Scan/")
    rows = {}
    for name, run in runs.items():
        _, kernel, radius, hashes, queries = name.split("/")
        column = (int(hashes.split(":")[1]), int(queries.split(":")[1]))
        rows.setdefault((kernel, radius.split(":")[1]), {})[column] = run["comparisons"] / 1e6
    columns = sorted({column for row in rows.values() for column in row})
    headings = ["kernel, radius"] + [f"{hashes // 1000:,} k hashes, {queries} at once" for hashes, queries in columns]
    comparisons = table(headings, [[f"{kernel}, {radius}", *(row.get(column) for column in columns)]
                                   for (kernel, radius), row in rows.items()])
    return (f"Million comparisons of 256 bits a second, one core. {fastest(work)}\n\n{comparisons}\n\n"
            + vectors(work) + "\n\n" + img_hash_bits(work))


def vectors(work):
    """PhotoDNA: bytes of vectors that pass by in a second, beside what the memory gives in the same run."""
    runs = run_benchmark(work, "kernel_bench", pattern="^ScanVectors/|^SearchVectors/|^ReadVectors")
    read = runs["ReadVectors"]["bytes"] / 1e9
    rows = {"plain reading": {}}
    for name, run in runs.items():
        if name == "ReadVectors":
            continue
        *kind, queries = name.split("/")
        label = "the index, three lists" if kind[0] == "SearchVectors" else f"kernel {kind[1]}"
        rows.setdefault(label, {})[int(queries.split(":")[1])] = run["bytes"] / 1e9
    columns = sorted({column for row in rows.values() for column in row})
    rows["plain reading"] = dict.fromkeys(columns, read)
    took = runs["SearchVectors/queries:1"]["us"] / 1000
    each = runs["SearchVectors/queries:1"]["bytes_each"]
    return (f"1 M PhotoDNA vectors (144 MB), threshold 20,000: GB of them a second, one core. A search for one query takes "
            f"{took:.1f} ms; the index holds {each:.0f} bytes a vector.\n\n"
            + table(["", *(f"{count} queries at once" if count > 1 else "1 query" for count in columns)],
                    [[label, *(row.get(column) for column in columns)] for label, row in rows.items()]))


def img_hash_bits(work):
    """The widest hashes of img_hash, in as many bytes as the vectors above."""
    runs = run_benchmark(work, "kernel_bench", pattern="^ScanBits/")
    rows = {}
    for name, run in runs.items():
        _, kernel, queries = name.split("/")
        rows.setdefault(f"kernel {kernel}", {})[int(queries.split(":")[1])] = run["bytes"] / 1e9
    columns = sorted({column for row in rows.values() for column in row})
    return ("2 M Marr-Hildreth hashes of 576 bits (144 MB): GB of them a second, one core.\n\n"
            + table(["", *(f"{count} queries at once" if count > 1 else "1 query" for count in columns)],
                    [[label, *(row.get(column) for column in columns)] for label, row in rows.items()]))


def match(work):
    """The program's own tables: it measures one search at a time, for which Google Benchmark has no percentiles."""
    sizes = ("0.1",) if work.repetitions == 1 else ("1", "10")
    done = subprocess.run([str(work.bench_dir / "match_bench"), *sizes], capture_output=True, text=True, check=False,
                          **machine.favoured())
    if done.returncode != 0:
        raise Failure(f"match_bench ended with {done.returncode}: {done.stderr.strip()}")
    return ("Radius 31, one core. Recall is against brute force over 128 queries, a quarter of them 0 to 31 bits from an "
            "entry.\n" + done.stdout.rstrip())


def pipelines(work):
    runs = run_benchmark(work, "pipelines_bench", work.corpus())
    rows = []
    for size in SIZES:
        full, both = (runs[f"hash_{kind}/{size}"] for kind in ("full", "both"))
        rows.append([f"{size.removesuffix('mp')} MP JPEG", runs[f"decode/{size}"]["wall_us"] / 1000, full["wall_us"] / 1000,
                     both["wall_us"] / 1000, (both["wall_us"] - full["wall_us"]) / 1000,
                     both["wall_us"] / full["wall_us"]])
    inside = table(["picture", "decode", "full, 8 forms", "full and nn512, 16 forms", "nn512 on top", "ratio"], rows)
    rows = []
    matching = runs["match_forms"]["us"] / 1000
    for size in SIZES:
        grey, *pixels = (runs[f"{kind}/{size}"]["us"] / 1000 for kind in ("decode_grey", "pixels_grey", "pixels_color"))
        rows.append([f"{size.removesuffix('mp')} MP JPEG", grey, *pixels, matching,
                     *(100 * (hashing + matching) / grey for hashing in pixels)])
    beside = table(["picture", "grey decode", "both pipelines, grey", "both pipelines, colours", "match of 16 forms",
                    "grey: % of the grey decode", "colours: % of the grey decode"], rows)
    return (f"Milliseconds of wall clock, all pixels decoded. {fastest(work)}\n\n{inside}\n\nHashing by both pipelines and "
            "matching against a million entries, beside the decode of the luma alone; milliseconds of processor time:\n\n"
            + beside)


def handover(work):
    runs = run_benchmark(work, "handover_bench")
    rows = []
    for count, label in ((1, "1 byte"), (121_000, "121 KB"), (3_150_000, "3.15 MB")):
        copy = runs.get(f"FillAndWipe/bytes:{count}")
        rows.append([label, runs[f"ThereAndBack/bytes:{count}"]["wall_us"], copy["wall_us"] if copy else None])
    start = table(["workers", "ms"],
                  [[str(count), runs[f"StartWorkers/workers:{count}"]["wall_us"] / 1000] for count in (1, 8)])
    return (f"Wall clock. {fastest(work)}\n\n"
            + table(["upload", "there and back, us", "of which copying in and wiping, us"], rows)
            + "\n\nStart of spawner and locked workers:\n\n" + start)
