"""Every *_test.cc and fuzz_*.cc under tests/ is compiled into a test that ctest runs, and none is switched off.

`check_tests_registered.py BUILD_DIR`, a configuration of all modules.
"""

import json
import pathlib
import re
import subprocess
import sys

import common

OBJECT = re.compile(r" -o \S*CMakeFiles/([^/]+)\.dir/")


def check(sources, compiled, tests):
    """Findings. `sources`: file names; `compiled`: file name -> names of its targets; `tests`: ctest's own list."""
    # hashgate_test() gives test and target one name; ctest tells the command only of what has been built.
    run = {test["name"] for test in tests}
    run |= {pathlib.Path(test["command"][0]).name for test in tests if test.get("command")}
    findings = []
    for source in sources:
        targets = compiled.get(source, set())
        if not targets:
            findings.append(f"{source}: is compiled into nothing")
        elif not targets & run:
            findings.append(f"{source}: {', '.join(sorted(targets))} is no test")
    for test in tests:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        if properties.get("DISABLED"):
            findings.append(f"{test['name']}: is switched off")
        if not properties.get("LABELS"):
            findings.append(f"{test['name']}: has no label")
        if "TIMEOUT" not in properties:
            findings.append(f"{test['name']}: has no time limit")
    return findings


def self_test():
    labels = [{"name": "LABELS", "value": ["unit"]}, {"name": "TIMEOUT", "value": 9}]
    good = {"name": "a_test", "command": ["/b/a_test"], "properties": labels}
    common.expect(not check(["a_test.cc"], {"a_test.cc": {"a_test"}}, [good]), "a good test is refused")
    common.expect(check(["b_test.cc"], {}, [good]), "a test that is not compiled is not seen")
    common.expect(check(["b_test.cc"], {"b_test.cc": {"b_test"}}, [good]), "a test that is not run is not seen")
    off = {**good, "properties": labels + [{"name": "DISABLED", "value": True}]}
    common.expect(check(["a_test.cc"], {"a_test.cc": {"a_test"}}, [off]), "a test switched off is not seen")
    bare = {"name": "a_test", "command": ["/b/a_test"]}
    common.expect(len(check(["a_test.cc"], {"a_test.cc": {"a_test"}}, [bare])) == 2, "missing properties are not seen")


def main():
    self_test()
    build = pathlib.Path(sys.argv[1])
    compiled = {}
    with open(build / "compile_commands.json", encoding="utf-8") as stream:
        for entry in json.load(stream):
            path = pathlib.Path(entry["file"])
            target = OBJECT.search(entry["command"])
            if path.is_relative_to(common.ROOT) and target:
                compiled.setdefault(str(path.relative_to(common.ROOT)), set()).add(target.group(1))
    listing = subprocess.run(["ctest", "--test-dir", str(build), "--show-only=json-v1"], capture_output=True,
                             text=True, check=True)
    sources = [str(path.relative_to(common.ROOT)) for path in common.own_files(common.ROOT, (".cc",), ("tests",))
               if path.name.endswith("_test.cc") or path.name.startswith("fuzz_")]
    tests = json.loads(listing.stdout)["tests"]
    return common.finish("check_tests_registered", check(sources, compiled, tests), len(sources))


if __name__ == "__main__":
    sys.exit(main())
