"""What the lint scripts share: where the sources are, and how findings are reported."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folders of the tree that hold our own files; everything else at the top is single files.
OWN_FOLDERS = ("src", "include", "tests", "bench", "proto", "cmake", "tools", "docker", "docs", ".ci")
CPP_SUFFIXES = (".cc", ".h")


def own_files(root, suffixes=None, folders=OWN_FOLDERS):
    """All files of the tree below `root` that are ours, sorted; only those ending in `suffixes` where given."""
    found = []
    for folder in folders:
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                if suffixes is None or path.name.endswith(tuple(suffixes)):
                    found.append(path)
    for path in root.glob("*"):
        if path.is_file() and (suffixes is None or path.name.endswith(tuple(suffixes))):
            found.append(path)
    return sorted(found)


def finish(name, findings, looked_at):
    """Prints the findings and gives the exit code. A check that looked at nothing has failed too."""
    for finding in findings:
        print(finding)
    if looked_at == 0:
        print(f"{name}: nothing to look at: the check is broken or was started in the wrong place")
        return 1
    print(f"{name}: {looked_at} looked at, {len(findings)} found")
    return 1 if findings else 0


def expect(condition, message):
    """A self-test's assertion: ends the script with a sentence when it does not hold."""
    if not condition:
        print(f"self-test: {message}")
        sys.exit(1)
