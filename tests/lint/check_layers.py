"""The modules depend one way, and each library stays in the modules that may know it.

Checked: every #include under src/, include/ and bench/; DEPS of every hashgate_module() and hashgate_binary() under
src/; that nothing names opencv_imgcodecs. The table is that of src/README.md.
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile

import common

# Module -> the modules it may include from, besides itself. A folder of src/ that is not here is a finding.
_SCAN = {"base", "obs", "hash/core", "decode", "index", "store", "lists", "exchange", "exchange/remote", "policy"}
_CASEWORK = _SCAN | {"scan"}
MAY_USE = {
    "base": set(),
    "obs": {"base"},
    "hash/core": {"base"},
    "decode": {"base", "obs", "hash/core"},
    "hash/perceptual": {"base", "hash/core"},
    "hash/plugin": {"base", "hash/core"},
    "hash/img_hash": {"base", "hash/core", "hash/perceptual"},
    "image": {"base", "hash/core", "hash/perceptual", "hash/plugin", "hash/img_hash"},
    "image/heif": {"base", "hash/core", "hash/perceptual", "image"},
    "image/tiff": {"base", "hash/core", "hash/perceptual", "image"},
    "decoder": {"base", "hash/core", "decode", "image", "image/heif", "image/tiff", "hash/perceptual", "hash/plugin"},
    "testkit": {"base", "hash/core", "hash/perceptual"},
    "index": {"base", "hash/core"},
    "store": {"base", "obs"},
    "lists": {"base", "obs", "hash/core", "index", "store"},
    "exchange/http": {"base"},
    "exchange": {"base", "obs", "hash/core", "lists"},
    "exchange/sync": {"base", "hash/core", "lists"},
    "exchange/feed": {"base", "lists", "exchange", "exchange/http", "exchange/sync"},
    "exchange/ncmec": {"base", "hash/core", "lists", "exchange", "exchange/http", "exchange/sync"},
    "exchange/stopncii": {"base", "hash/core", "lists", "exchange", "exchange/http", "exchange/sync"},
    "exchange/threatexchange": {"base", "hash/core", "lists", "exchange", "exchange/http", "exchange/sync"},
    "exchange/remote": {"base", "obs", "hash/core"},
    "exchange/shield": {"base", "hash/core", "exchange", "exchange/http", "exchange/remote"},
    "exchange/kinds": {"base", "exchange/http", "exchange/feed", "exchange/ncmec", "exchange/remote",
                       "exchange/shield", "exchange/stopncii",
                       "exchange/threatexchange", "exchange/sync"},
    "policy": {"base", "hash/core"},
    "scan": _SCAN,
    "casework": _CASEWORK | {"exchange/http"},
    "rpc/wire": {"base", "hash/core", "lists"},
    "rpc": _CASEWORK | {"casework", "rpc/wire", "exchange/sync"},
    "http": _CASEWORK | {"casework", "rpc/wire"},
    "app": _CASEWORK | {"casework", "rpc/wire", "rpc", "http", "testkit", "exchange/http", "exchange/sync",
            "exchange/kinds"},
}
# Single headers that a module may use although not the whole module: what both sides of the worker record share.
ALSO = {
    "image": {"decode/record.h", "decode/sniff.h", "decode/byte_order.h"},
    "image/heif": {"decode/byte_order.h", "decode/record.h"},
    "image/tiff": {"decode/record.h"},
    "hash/perceptual": {"decode/record.h"},
}

_WIRE = {"rpc/wire", "rpc", "app"}
# The test kit's encoders and list files are written by its build-time tools.
_CODECS = {"image", "testkit"}
# Start of an included name -> modules that may include it. The first that fits counts.
LIBRARIES = [
    ("spdlog/", {"base"}),
    ("fmt/", {"base"}),
    ("openssl/", {"base"}),
    ("xxhash.h", {"base"}),
    ("prometheus/", {"obs"}),
    ("seccomp.h", {"decode"}),
    ("linux/seccomp.h", {"decode"}),
    ("linux/landlock.h", {"decode"}),
    ("linux/filter.h", {"decode"}),
    ("linux/audit.h", {"decode"}),
    ("jpeglib.h", _CODECS),
    ("jerror.h", _CODECS),
    ("turbojpeg.h", _CODECS),
    ("png.h", _CODECS),
    ("webp/", _CODECS),
    ("gif_lib.h", _CODECS),
    ("zlib.h", _CODECS),
    ("tiff", {"image/tiff", "testkit"}),
    ("libheif/", {"image/heif", "testkit"}),
    ("libde265/", {"image/heif"}),
    ("avif/", {"image/heif", "testkit"}),
    ("opencv2/", {"image", "hash/perceptual"}),
    ("immintrin.h", {"index", "hash/perceptual"}),
    ("arm_neon.h", {"index"}),
    ("rocksdb/", {"store"}),
    ("curl/", {"exchange/http"}),
    ("pugixml.hpp", {"exchange", "exchange/ncmec", "casework"}),
    ("nlohmann/", {"exchange", "exchange/sync", "exchange/feed", "exchange/ncmec", "exchange/shield", "exchange/stopncii", "exchange/threatexchange", "testkit",
                   "app"}),
    ("nats/", {"casework"}),
    ("yaml-cpp/", {"policy", "app"}),
    ("httplib.h", {"http"}),
    ("CLI/", {"app"}),
    ("absl/", {"rpc"}),
    ("grpc", _WIRE),
    ("google/protobuf/", _WIRE),
    ("google/rpc/", _WIRE),
    ("hashgate/v1/", _WIRE),
]
# C headers of the platform that any module may use; the standard library's own have neither a dot nor a slash.
PLATFORM = re.compile(
    r"^(sys|netinet|arpa|net|linux)/[a-z0-9_]+\.h$|"
    r"^(dirent|dlfcn|endian|errno|fcntl|getopt|grp|inttypes|limits|malloc|netdb|poll|pthread|pwd|sched|setjmp|"
    r"signal|spawn|stddef|stdint|stdio|stdlib|string|syscall|termios|time|unistd)\.h$")
STANDARD = re.compile(r"^[a-z_0-9]+$")
# What a public header in C needs.
C_STANDARD = {"stddef.h", "stdint.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
CMAKE_CALL = re.compile(r"\bhashgate_(module|binary)\s*\(\s*(\S+)([^)]*)\)")
CMAKE_KEYWORDS = {"SOURCES", "DEPS", "LIBS"}


def module_of(relative):
    """The module a path below src/ belongs to (the longest name that fits), or None."""
    text = relative.as_posix()
    fitting = [name for name in MAY_USE if text.startswith(name + "/")]
    return max(fitting, key=len) if fitting else None


def check_include(root, where, module, name):
    """A sentence about one include of a file of `module`, or None. `module` is None for the public headers."""
    own = (root / "src" / name).is_file() or module_of(pathlib.PurePosixPath(name)) is not None
    if own and not name.endswith(".pb.h"):
        if module is None:
            return f"{where}: a public header includes {name} of src/"
        target = module_of(pathlib.PurePosixPath(name))
        if target is None:
            return f"{where}: {name} is in no known module"
        if target == module or target in MAY_USE[module] or name in ALSO.get(module, ()):
            return None
        return f"{where}: module {module} may not use {target} (includes {name})"
    for start, modules in LIBRARIES:
        if name.startswith(start):
            if module in modules:
                return None
            return f"{where}: {name} belongs in {', '.join(sorted(modules))}, not in {module or 'a public header'}"
    if name.startswith("hashgate/") or STANDARD.match(name) or name in C_STANDARD:
        return None
    if PLATFORM.match(name) and module is not None:
        return None
    return f"{where}: unknown header {name}: name its modules in {pathlib.Path(__file__).name}"


def check_cmake(path, where, module):
    """Sentences about the DEPS of one CMakeLists.txt."""
    text = "\n".join(line.split("#", 1)[0] for line in path.read_text(encoding="utf-8").splitlines())
    for call in CMAKE_CALL.finditer(text):
        # A binary is built in its module's folder and links like that module.
        owner = module_of(pathlib.PurePosixPath(call.group(2), "x")) if call.group(1) == "module" else module
        if owner is None:
            yield f"{where}: {call.group(2)} is no module"
            continue
        keyword = None
        for word in call.group(3).split():
            if word in CMAKE_KEYWORDS:
                keyword = word
            elif keyword == "DEPS":
                allowed = {"image": {"decode"}}.get(owner, set()) | MAY_USE.get(owner, set()) | {owner}
                target = module_of(pathlib.PurePosixPath(word, "x"))
                if target is None:
                    yield f"{where}: {word} is no module"
                elif target not in allowed:
                    yield f"{where}: module {owner} may not link {word}"


def check_presets(root):
    """Sentences about presets that configure some modules without those that they link."""
    needs = {}
    for path in sorted((root / "src").rglob("CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        # What is linked under a condition is its own affair.
        text = re.sub(r"^if\b.*?^endif\b", "", text, flags=re.DOTALL | re.MULTILINE)
        for call in CMAKE_CALL.finditer(text):
            words = call.group(3).split("DEPS")[-1].split("LIBS")[0].split() if "DEPS" in call.group(3) else []
            owner = module_of(pathlib.PurePosixPath(call.group(2), "x"))
            if call.group(1) == "module" and owner:
                needs.setdefault(owner, set()).update(
                    filter(None, (module_of(pathlib.PurePosixPath(word, "x")) for word in words)))
    presets = root / "CMakePresets.json"
    if not presets.is_file():
        return
    for preset in json.loads(presets.read_text(encoding="utf-8"))["configurePresets"]:
        modules = set(filter(None, preset.get("cacheVariables", {}).get("HASHGATE_MODULES", "").split(";")))
        for module in sorted(modules):
            for missing in sorted(needs.get(module, set()) - modules):
                yield f"CMakePresets.json: {preset['name']} has {module} without {missing}"


def check(root):
    """(findings, number of files looked at) for the tree at `root`."""
    findings = []
    files = common.own_files(root, common.CPP_SUFFIXES, ("src", "include"))
    for path in files:
        relative = path.relative_to(root)
        module = None
        if relative.parts[0] == "src":
            module = module_of(relative.relative_to("src"))
            if module is None:
                findings.append(f"{relative}: is in no known module")
                continue
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            finding = check_include(root, f"{relative}:{line}", module, match.group(2))
            if finding:
                findings.append(finding)
    for path in sorted((root / "src").rglob("CMakeLists.txt")):
        relative = path.relative_to(root)
        findings.extend(check_cmake(path, relative, module_of(relative.relative_to("src"))))
    findings.extend(check_presets(root))
    for path in common.own_files(root, ("CMakeLists.txt", ".cmake")):
        # The benchmark is compared with it and is never installed.
        if path.relative_to(root).parts[:2] == ("bench", "uploads"):
            continue
        if re.search(r"\bopencv_imgcodecs\b", path.read_text(encoding="utf-8")):
            findings.append(f"{path.relative_to(root)}: opencv_imgcodecs is never linked")
    return findings, len(files)


def self_test():
    """Plants one violation of each kind, and one clean tree."""
    cases = {
        "may not use lists": ("src/index/a.h", '#include "lists/catalog.h"\n'),
        "may not use image": ("src/app/cli/a.cc", '#include "image/process.h"\n'),
        "may not use decode": ("src/image/a.cc", '#include "decode/decoder_pool.h"\n'),
        "belongs in store": ("src/lists/a.cc", "#include <rocksdb/db.h>\n"),
        "belongs in image": ("src/decode/a.cc", "  #  include <jpeglib.h>\n"),
        "belongs in app": ("src/scan/a.cc", '#include "hashgate/v1/types.pb.h"\n'),
        "a public header": ("include/hashgate/a.h", '#include "base/hex.h"\n'),
        "unknown header": ("src/base/a.cc", "#include <nosuchlibrary/x.h>\n"),
        "no known module": ("src/elsewhere/a.cc", "#include <vector>\n"),
        "may not link store": ("src/index/CMakeLists.txt", "hashgate_module(index SOURCES a.cc\n  DEPS base store)\n"),
        "elsewhere is no module": ("src/elsewhere/CMakeLists.txt", "hashgate_module(elsewhere SOURCES a.cc)\n"),
        "is no module": ("src/index/CMakeLists.txt", "hashgate_module(index SOURCES a.cc DEPS bass)\n"),
        "index without hash/core": ("CMakePresets.json", '{"configurePresets": [{"name": "a", "cacheVariables": '
                                    '{"HASHGATE_MODULES": "base;index"}}, {"name": "b"}]}'),
        "never linked": ("src/image/CMakeLists.txt", "target_link_libraries(x opencv_imgcodecs)\n"),
    }
    clean = {
        "src/base/hex.h": "#include <vector>\n#include <sys/stat.h>\n",
        "src/lists/catalog.h": '#include "store/store.h"\n#include "hashgate/hash.h"\n',
        "src/image/process.h": '#include <jpeglib.h>\n#include "decode/record.h"\n',
        "src/rpc/wire/json.cc": '#include "hashgate/v1/types.pb.h"\n#include "rpc/wire/json.h"\n',
        "src/index/CMakeLists.txt": "hashgate_module(index SOURCES a.cc DEPS base hash/core LIBS x)\n",
        "src/app/cli/CMakeLists.txt": "hashgate_module(app/cli DEPS rpc/wire)\nhashgate_binary(a DEPS app/cli)\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in clean.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        findings, _ = check(root)
        common.expect(not findings, f"a clean tree gave {findings}")
        for wanted, (name, text) in cases.items():
            path = root / name
            before = path.read_text(encoding="utf-8") if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            findings, _ = check(root)
            common.expect(len(findings) == 1 and wanted in findings[0], f"{name}: wanted '{wanted}', got {findings}")
            if before is None:
                path.unlink()
            else:
                path.write_text(before, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=common.ROOT)
    root = parser.parse_args().root.resolve()
    self_test()
    return common.finish("check_layers", *check(root))


if __name__ == "__main__":
    sys.exit(main())
