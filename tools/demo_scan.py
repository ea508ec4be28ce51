"""The demo's middle: creates a list on the running server, imports entries, scans four files of the test kit, prints
the verdicts as a table. Exit 0 only if each verdict is the expected one.
"""

import argparse
import json
import pathlib
import subprocess
import sys

LIST = "testkit-csam"
# File of the kit, what it is, expected verdict.
CASES = (
    ("allow-photo.jpg", "unrelated picture", "ALLOW"),
    ("report-sha256.jpg", "exact copy of a listed file", "BLOCK_AND_REPORT"),
    ("block-pdq-rotated-90.jpg", "re-encoded, resized, rotated copy", "BLOCK"),
    ("hold-truncated.jpg", "file cut in the middle", "HOLD"),
)


def run(hashgate, *words, clean=True):
    """Standard output of one command; ends the demo when it fails. `clean`: exit code 1 counts as failure too."""
    done = subprocess.run([hashgate, *words], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode not in ((0,) if clean else (0, 1)):
        sys.exit(f"demo: hashgate {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def reason(answer):
    """Why a verdict came out, in a few words."""
    matches = answer.get("matches", [])
    if matches:
        best = matches[0]
        by = " + ".join(best["algorithms"])
        if "distanceBits" in best:
            by += f", {best['distanceBits']} of 256 bits away"
        return f"on list {best['list']} by {by}"
    cause = answer.get("cause")
    return f"not on a list ({cause})" if cause and cause != "UNSPECIFIED" else "not on a list"


def print_table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hashgate", required=True)
    parser.add_argument("--kit", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    kit = arguments.kit

    described = json.loads((kit / "lists.json").read_text(encoding="utf-8"))
    lists = described["lists"] if isinstance(described, dict) else described
    listed = next(entry for entry in lists if entry["name"] == LIST)
    run(arguments.hashgate, "lists", "create", LIST, "--purpose", listed["purpose"], "--trust", listed["trust"],
        "--source", listed["source"], "--legal-basis", listed["legalBasis"])
    run(arguments.hashgate, "lists", "import", LIST, str(kit / listed["file"]))
    print(f"  imported {listed['file']} as list {LIST}")
    print()

    files = [str(kit / "files" / name) for name, _, _ in CASES]
    # Exit code 1 says that not all is ALLOW: as it should be.
    output = run(arguments.hashgate, "scan", "--json", *files, clean=False)
    answers = {}
    for line in output.splitlines():
        answer = json.loads(line)
        if "file" in answer:
            answers[pathlib.Path(answer["file"]).name] = answer

    rows = [("file", "what it is", "verdict", "why", "")]
    wrong = 0
    for name, what, expected in CASES:
        answer = answers.get(name, {})
        verdict = answer.get("verdict", "no answer")
        right = verdict == expected
        wrong += not right
        rows.append((name, what, verdict, reason(answer), "ok" if right else f"WRONG: expected {expected}"))
    print_table(rows)
    print()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
