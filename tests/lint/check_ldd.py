"""What the binaries load: the processes that hold the lists load no codec, the one that decodes loads no server.

Nor does a decoder load the codecs of another class. `check_ldd.py BIN_DIR` with hashgated, hashgate and the
decoders in it.
"""

import pathlib
import re
import subprocess
import sys

import common

CODEC = re.compile(r"^lib(jpeg|turbojpeg|png|webp|gif|tiff|heif|avif|aom|dav1d|de265|jxl|openjp2|opencv_)")
SERVER = re.compile(r"^lib(grpc|rocksdb|protobuf|curl|nats|ssl|yaml-cpp|cpp-httplib|prometheus-cpp)")
# A codec linked from an archive shows in no list of libraries, but in the symbols.
CODEC_SYMBOL = re.compile(r"^(jpeg_(read|start|create|Create)|png_(create|read)_|WebPDecode|DGif|TIFFOpen|heif_context|"
                          r"avifDecoder)")
HEIF = re.compile(r"^lib(heif|avif|de265|dav1d|aom|x265)")
TIFF = re.compile(r"^libtiff")
FORBIDDEN = {
    "hashgated": [CODEC],
    "hashgate": [CODEC],
    "hashgate-decoder": [SERVER, HEIF, TIFF],
    "hashgate-decoder-heif": [SERVER, TIFF],
    "hashgate-decoder-tiff": [SERVER, HEIF],
}


def loaded(binary):
    """Names of all libraries that the dynamic linker would load for `binary`."""
    done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True)
    names = [line.split()[0].rsplit("/", 1)[-1] for line in done.stdout.splitlines() if line.split()]
    if "not found" in done.stdout:
        raise RuntimeError(f"{binary.name}: a library was not found:\n{done.stdout}")
    return names


def defined(binary):
    """Names of the functions defined in `binary` itself."""
    done = subprocess.run(["nm", "--defined-only", "--format=posix", str(binary)], capture_output=True, text=True,
                          check=True)
    return [line.split()[0] for line in done.stdout.splitlines() if line.split()]


def bad_libraries(name, libraries):
    """The libraries of `libraries` that binary `name` may not load."""
    return [library for library in libraries if any(rule.match(library) for rule in FORBIDDEN[name])]


def self_test():
    sample = ["libc.so.6", "libjpeg.so.62", "libopencv_core.so.406", "libgrpc++.so.1.51", "librocksdb.so.7.8"]
    common.expect(bad_libraries("hashgated", sample) == sample[1:3], "codecs are not seen")
    common.expect(bad_libraries("hashgate-decoder", sample) == sample[3:], "server libraries are not seen")
    common.expect(bad_libraries("hashgate-decoder", ["libheif.so.1", "libtiff.so.6"]) == ["libheif.so.1", "libtiff.so.6"],
                  "another class's codecs are not seen")
    common.expect(CODEC_SYMBOL.match("jpeg_read_header") and CODEC_SYMBOL.match("png_create_read_struct"),
                  "codec symbols are not seen")


def main():
    self_test()
    bin_dir = pathlib.Path(sys.argv[1])
    findings = []
    for name in FORBIDDEN:
        binary = bin_dir / name
        if not binary.is_file():
            findings.append(f"{binary}: was not built")
            continue
        libraries = loaded(binary)
        findings.extend(f"{name} loads {library}" for library in bad_libraries(name, libraries))
        if name.startswith("hashgate-decoder"):
            # The rule must be able to see what it forbids elsewhere.
            common.expect(any(CODEC.match(library) for library in libraries), f"{name} loads no codec at all?")
        else:
            findings.extend(f"{name} holds {symbol}" for symbol in defined(binary) if CODEC_SYMBOL.match(symbol))
    return common.finish("check_ldd", findings, len(FORBIDDEN))


if __name__ == "__main__":
    sys.exit(main())
