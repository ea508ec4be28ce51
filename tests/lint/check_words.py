"""What must not stand in our files: leftovers, sleeps in tests, paths of one machine, characters outside ASCII in
sources, tabs and blanks at line ends, files too long to read.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import common

SOURCES = (".cc", ".h", ".S", ".py", ".proto", ".cmake", ".sh", "CMakeLists.txt")
TEXTS = SOURCES + (".md", ".yaml", ".yml", ".json", ".txt", "Dockerfile")
# Written so that this file does not find itself.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
UNFINISHED = re.compile(r"\b(not (yet )?implemented|stubbed|lorem ipsum)\b", re.IGNORECASE)
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|time\.sleep)\b|\bsleep\s*\(|^\s*sleep\s+[0-9.]")
# A test that waits for a condition asks again after a short pause; it says so on the line, or uses tests/testing.
POLL = re.compile(r"poll", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.*/-])/(home|root|Users|mnt|media)/\w")
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b")
MAX_LINES = 620
# Data and texts of others are as long as they are; these are listings, not prose or code.
LONG_ALLOWED = ("tests/golden/", "tests/fuzz/corpus/", "LICENSE", "bench/RESULTS.md", "docs/", "tests/conformance/data/")


def machine_folders(root):
    """Text that names the place this checkout lies in, where that place is special enough to be told apart."""
    common_places = {"/", "/usr", "/usr/src", "/var", "/var/tmp", "/tmp", "/opt", "/srv", "/home", "/builds", "/src"}
    for folder in (root, root.parent):
        if str(folder) not in common_places:
            yield re.compile(r"(?<![\w.*/-])" + re.escape(str(folder)) + r"(?![\w.-])")


def check_text(relative, text, folders):
    """Sentences about one file, given its name below the root and its content."""
    name = relative.as_posix()
    source = name.endswith(SOURCES) or relative.parts[0] in ("tools", ".ci")
    own_rules = name in ("tests/lint/check_words.py",)
    lines = text.split("\n")
    if source and len(lines) > MAX_LINES and not name.startswith(LONG_ALLOWED):
        yield f"{name}: {len(lines)} lines; split it by meaning ({MAX_LINES} at most)"
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        if source and not line.isascii():
            yield f"{where}: characters outside ASCII"
        if source and (line != line.rstrip() or "\t" in line):
            yield f"{where}: a tab, or blanks at the end"
        if LEFTOVER.search(line):
            yield f"{where}: a leftover mark"
        if own_rules:
            continue
        if source and UNFINISHED.search(line):
            yield f"{where}: says it is unfinished"
        if name.startswith("tests/") and not name.startswith("tests/testing/"):
            if SLEEP.search(line) and not POLL.search(line):
                yield f"{where}: a sleep in a test: wait for the condition with a deadline"
        if MACHINE.search(line) or any(folder.search(line) for folder in folders):
            yield f"{where}: a path of one machine"
        if SECRET.search(line):
            yield f"{where}: looks like a secret"


def strangers(root):
    """Folders at the top that are committed and none of ours: what tests leave behind where they are started by hand."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
    tops = {name.split(b"/")[0].decode(errors="replace") for name in listed.stdout.split(b"\0") if b"/" in name}
    return sorted(tops - set(common.OWN_FOLDERS))


def check(root):
    """(findings, number of files looked at)."""
    findings = [f"{name}/: a folder that is none of the project's" for name in strangers(root)]
    looked_at = 0
    folders = list(machine_folders(root))
    for path in common.own_files(root):
        relative = path.relative_to(root)
        name = relative.as_posix()
        in_tools = relative.parts[0] in ("tools", ".ci")
        if name.startswith("tests/fuzz/corpus/") or not (in_tools or path.name.endswith(TEXTS)):
            continue
        looked_at += 1
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            findings.append(f"{name}: is not UTF-8")
            continue
        findings.extend(check_text(relative, text, folders))
    return findings, looked_at


def self_test():
    mark = "TO" + "DO"
    cases = {
        "leftover": ("src/a.cc", f"int a;  // {mark}: later\n"),
        "unfinished": ("src/a.cc", "// not yet implemented\n"),
        "sleep": ("tests/unit/a_test.cc", "std::this_thread::sleep_for(1s);\n"),
        "path of one machine": ("docs/a.md", "see /home/" + "someone/x\n"),
        "outside ASCII": ("src/a.cc", "// caf\u00e9\n"),
        "at the end": ("src/a.cc", "int a; \n"),
        "lines; split": ("src/a.cc", "\n" * (MAX_LINES + 1)),
        "a secret": ("docs/a.md", "-----BEGIN " + "PRIVATE KEY-----\n"),
        "not UTF-8": ("src/a.cc", b"\xff\xfe"),
    }
    for wanted, (name, text) in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
            (root / "src").mkdir(exist_ok=True)
            (root / "src/clean.cc").write_text("int main() { return 0; }\n", encoding="utf-8")
            findings, _ = check(root)
            common.expect(len(findings) == 1 and wanted in findings[0], f"wanted '{wanted}', got {findings}")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "checkout"
        (root / "docs").mkdir(parents=True)
        (root / "docs/a.md").write_text(f"built in {root}/build\n", encoding="utf-8")
        findings, _ = check(root)
        common.expect(len(findings) == 1, "the checkout's own place is not seen")


    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in ("src/a.cc", "ListsTest.Leftover/list"):
            (root / name).parent.mkdir()
            (root / name).write_text("x\n", encoding="utf-8")
        git = ["git", "-C", folder]
        if subprocess.run([*git, "init", "-q"], check=False).returncode == 0:
            subprocess.run([*git, "add", "-A"], check=True)
            common.expect(strangers(root) == ["ListsTest.Leftover"], "a folder left behind is not seen")


def main():
    self_test()
    return common.finish("check_words", *check(common.ROOT))


if __name__ == "__main__":
    sys.exit(main())
