"""Our scripts are well-formed: bash and python parse them, they stop at the first error, those meant to be run can be.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import common


def check_script(path, where):
    """Sentences about one file, empty for what is no script."""
    text = path.read_text(encoding="utf-8", errors="replace")
    first = text.split("\n", 1)[0]
    if path.suffix == ".py":
        try:
            compile(text, str(path), "exec")
        except SyntaxError as error:
            yield f"{where}:{error.lineno}: {error.msg}"
    if first.startswith("#!"):
        if not os.access(path, os.X_OK):
            yield f"{where}: starts like a program but may not be executed"
    elif path.suffix != ".sh":
        return
    if first.startswith("#!/bin/bash") or path.suffix == ".sh":
        done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield f"{where}: {done.stderr.strip()}"
        if first.startswith("#!") and "\nset -euo pipefail\n" not in text:
            yield f"{where}: does not stop at the first error (set -euo pipefail)"


def self_test():
    cases = {
        "good": ("#!/bin/bash\nset -euo pipefail\necho\n", 0o755, 0),
        "torn": ("#!/bin/bash\nset -euo pipefail\nif true; then\n", 0o755, 1),
        "lax": ("#!/bin/bash\necho\n", 0o755, 1),
        "locked": ("#!/bin/bash\nset -euo pipefail\necho\n", 0o644, 1),
        "torn.py": ("def f(:\n", 0o644, 1),
        "good.py": ("def f():\n    return 1\n", 0o644, 0),
        "plain.txt": ("if true; then\n", 0o644, 0),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (text, mode, count) in cases.items():
            path = pathlib.Path(folder) / name
            path.write_text(text, encoding="utf-8")
            path.chmod(mode)
            findings = list(check_script(path, name))
            common.expect(len(findings) == count, f"{name}: wanted {count} findings, got {findings}")


def main():
    self_test()
    files = common.own_files(common.ROOT, folders=("tools", ".ci", "tests/lint", "docker", "bench"))
    findings = []
    for path in files:
        findings.extend(check_script(path, path.relative_to(common.ROOT)))
    return common.finish("check_scripts", findings, len(files))


if __name__ == "__main__":
    sys.exit(main())
