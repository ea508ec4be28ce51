"""Runs clang-tidy-19 over the sources of a compile_commands.json, several at a time; see tools/tidy.

A file that came out clean is not looked at again while it, the headers it includes, the checks and the tool stay
the same: the stamp is a digest of the preprocessed source.
"""

import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys
import time

import common

TOOL = "clang-tidy-19"
# Of the tests only what they share: the macros of gtest are full of what these checks complain of.
TIDIED = ("src/", "tests/testing/")


def sources(build, wanted):
    """(file, command words, folder) of each source to check."""
    with open(build / "compile_commands.json", encoding="utf-8") as stream:
        entries = json.load(stream)
    seen = set()
    for entry in entries:
        path = pathlib.Path(entry["file"])
        if path in seen or not path.is_relative_to(common.ROOT):
            continue
        relative = path.relative_to(common.ROOT)
        chosen = path in wanted if wanted else relative.as_posix().startswith(TIDIED)
        if chosen and path.suffix == ".cc" and relative.parts[0] != "build":
            seen.add(path)
            yield path, shlex.split(entry["command"]), entry["directory"]


def fingerprint(words, folder):
    """Digest of what the compiler would see; None when it cannot be had."""
    words = [word for word in words if not word.endswith("ccache")]
    output = words.index("-o")
    del words[output:output + 2]
    words.remove("-c")
    done = subprocess.run([*words, "-E", "-P"], cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        return None
    digest = hashlib.sha256(done.stdout)
    digest.update((common.ROOT / ".clang-tidy").read_bytes())
    digest.update(pathlib.Path(__file__).read_bytes())
    digest.update(subprocess.run([TOOL, "--version"], capture_output=True, check=False).stdout)
    return digest.hexdigest()


def check(build, path, words, folder):
    """(path, seconds, findings as text; empty when clean)."""
    started = time.monotonic()
    mark = fingerprint(words, folder)
    stamp = build / "clean" / mark if mark else None
    if stamp and stamp.exists():
        return path, 0.0, ""
    done = subprocess.run([TOOL, "--quiet", "-p", str(build), "--extra-arg=-Wthread-safety", str(path)],
                          capture_output=True, text=True, check=False)
    text = done.stdout.strip()
    if done.returncode != 0 and not text:
        text = done.stderr.strip() or f"{TOOL} ended with {done.returncode}"
    if not text and stamp:
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
    return path, time.monotonic() - started, text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    work = list(sources(build, {path.resolve() for path in arguments.files}))
    if not work:
        print("tidy: no source to check: is it in compile_commands.json?")
        return 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = [pool.submit(check, build, *item) for item in work]
        for done, run in enumerate(concurrent.futures.as_completed(runs), start=1):
            path, seconds, text = run.result()
            name = path.relative_to(common.ROOT)
            print(f"[{done}/{len(work)}] {name} {seconds:.0f} s{': findings' if text else ''}", flush=True)
            if text:
                failed += 1
                print(text, flush=True)
    print(f"tidy: {len(work)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
