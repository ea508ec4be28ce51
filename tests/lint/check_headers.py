"""Each public header compiles alone, twice in a row, with include/ as the only folder of ours.

`check_headers.py COMPILER`. That it compiles so also proves that it uses nothing but the standard library.
"""

import pathlib
import subprocess
import sys
import tempfile

import common


def compile_error(compiler, include, header):
    """The first lines of what the compiler says about a unit of `header` alone; empty when it likes it."""
    text = f'#include "{header}"\n#include "{header}"\n'
    done = subprocess.run([compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", str(include),
                           "-x", "c++", "-"], input=text, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else "\n".join(done.stderr.splitlines()[:5])


def self_test(compiler):
    with tempfile.TemporaryDirectory() as folder:
        include = pathlib.Path(folder)
        (include / "needy.h").write_text("inline std::string Needy() { return {}; }\n", encoding="utf-8")
        (include / "unguarded.h").write_text("struct Unguarded {};\n", encoding="utf-8")
        (include / "good.h").write_text("#pragma once\n#include <string>\nstd::string Good();\n", encoding="utf-8")
        common.expect(compile_error(compiler, include, "needy.h"), "a header that needs another is not seen")
        common.expect(compile_error(compiler, include, "unguarded.h"), "a header without a guard is not seen")
        common.expect(not compile_error(compiler, include, "good.h"), "a good header is refused")


def main():
    compiler = sys.argv[1]
    self_test(compiler)
    include = common.ROOT / "include"
    headers = [path.relative_to(include) for path in common.own_files(common.ROOT, (".h",), ("include",))]
    headers = [header for header in headers if (include / header).is_file()]
    findings = []
    for header in headers:
        error = compile_error(compiler, include, header)
        if error:
            findings.append(f"include/{header} does not compile alone:\n{error}")
    return common.finish("check_headers", findings, len(headers))


if __name__ == "__main__":
    sys.exit(main())
