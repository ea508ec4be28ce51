"""The group `run` of tools/packages.txt, which the container image installs, holds exactly the packages whose libraries
the binaries name.

`check_run_packages.py BIN_DIR`. What those packages depend on is their business; the C and C++ runtime is in every
Debian system.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import common

BINARIES = ("hashgated", "hashgate", "hashgate-decoder", "hashgate-decoder-heif", "hashgate-decoder-tiff")
ALWAYS_THERE = {"libc6", "libgcc-s1", "libstdc++6"}
SKIPPED = 77  # registered with ctest as SKIP_RETURN_CODE
NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")


def packages_of_group(text, group):
    """Names in one group of the package list."""
    inside = False
    names = set()
    for line in text.splitlines():
        word = line.split("#", 1)[0].strip()
        if word.startswith("["):
            inside = word == f"[{group}]"
        elif word and inside:
            names.add(word)
    return names


def needed_libraries(binary):
    """Names of the libraries that `binary` itself asks for."""
    done = subprocess.run(["readelf", "-d", str(binary)], capture_output=True, text=True, check=True)
    return set(NEEDED.findall(done.stdout))


def package_of(binary, library):
    """The package that owns the file which `library` of `binary` is loaded from, or None."""
    done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        words = line.split()
        if words and words[0] == library and "=>" in words:
            path = pathlib.Path(words[2])
            # The package may know the file by its name before /lib became a link to /usr/lib.
            names = {str(path), str(path.resolve())}
            names |= {name.removeprefix("/usr") for name in set(names) if name.startswith("/usr/lib")}
            owner = subprocess.run(["dpkg-query", "-S", *sorted(names)], capture_output=True, text=True, check=False)
            for answer in owner.stdout.splitlines():
                return answer.split(":", 1)[0]
    return None


def compare(wanted, listed):
    """Findings. `wanted`: package -> the library it is wanted for."""
    findings = [f"group run lacks {package} ({library})" for package, library in sorted(wanted.items())
                if package not in listed]
    findings.extend(f"group run lists {package}, which no binary names" for package in sorted(listed - set(wanted)))
    return findings


def self_test():
    text = "# a\n[build]\ngcc\n[run]\n# why\nliba1  # more\nlibb2\n\n[lint]\nlibc3\n"
    common.expect(packages_of_group(text, "run") == {"liba1", "libb2"}, "the package list is misread")
    common.expect(len(compare({"libx": "libx.so"}, {"libx"})) == 0, "equal sets are refused")
    common.expect(len(compare({"libx": "libx.so"}, {"liby"})) == 2, "differing sets are not seen")


def main():
    self_test()
    if shutil.which("dpkg-query") is None:
        print("check_run_packages: this is no Debian system; nothing was checked")
        return SKIPPED
    bin_dir = pathlib.Path(sys.argv[1])
    wanted = {}
    findings = []
    for name in BINARIES:
        binary = bin_dir / name
        if not binary.is_file():
            findings.append(f"{binary}: was not built")
            continue
        for library in sorted(needed_libraries(binary)):
            if library.startswith("ld-linux"):
                continue
            package = package_of(binary, library)
            if package is None:
                findings.append(f"{name}: no package owns {library}")
            elif package not in ALWAYS_THERE:
                wanted[package] = library
    listed = packages_of_group((common.ROOT / "tools/packages.txt").read_text(encoding="utf-8"), "run")
    return common.finish("check_run_packages", findings + compare(wanted, listed), len(wanted))


if __name__ == "__main__":
    sys.exit(main())
