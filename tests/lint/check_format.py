"""Every C++ file is as clang-format-19 leaves it. `--fix` rewrites instead of complaining."""

import argparse
import shutil
import subprocess
import sys

import common

TOOL = "clang-format-19"
SKIPPED = 77  # registered with ctest as SKIP_RETURN_CODE


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fix", action="store_true")
    arguments = parser.parse_args()
    if shutil.which(TOOL) is None:
        print(f"check_format: {TOOL} is not installed (tools/install-packages lint); nothing was checked")
        return 1 if arguments.fix else SKIPPED
    files = [str(path) for path in common.own_files(common.ROOT, common.CPP_SUFFIXES)]
    action = ["-i"] if arguments.fix else ["--dry-run", "-Werror", "-ferror-limit=1"]
    done = subprocess.run([TOOL, *action, *files], cwd=common.ROOT, capture_output=True, text=True, check=False)
    findings = [line for line in done.stderr.splitlines() if "error:" in line]
    if done.returncode != 0 and not findings:
        findings = [done.stderr.strip() or f"{TOOL} ended with {done.returncode}"]
    if findings:
        print("put right by: tools/format")
    return common.finish("check_format", findings, len(files))


if __name__ == "__main__":
    sys.exit(main())
