"""What is hashed is what the eye sees: wherever pictures are made smaller for hashing, areas are averaged. A filter that
picks or mixes a few pixels shows another picture to whoever chooses those pixels (Xiao and others, "Camouflage attacks
on image scaling algorithms", 2019; Quiring and others, 2020). So no source names such a filter, and every call that
takes a filter names the area one. The pipelines that are defined by picking pixels are excepted by name.
"""

import pathlib
import re
import sys
import tempfile

import common

# nn512 is a published pipeline that picks pixels, bounded in what its matches may do (docs/matching.md); img_hash's
# algorithms shrink pictures in ways of their own.
EXCEPTED = re.compile(r"(^|/)(nn512|img_hash)\b")
FILTER = re.compile(r"\b(INTER_(?:NEAREST|LINEAR|CUBIC|LANCZOS4|MAX)\w*|WARP_\w+)\b")
# Calls that take a filter, and fall back to a linear one where none is named.
CALL = re.compile(r"\bcv::(resize|remap|warpAffine|warpPerspective|warpPolar)\s*\(")
# Names that would let such a call go unseen.
HIDING = re.compile(r"\busing\s+namespace\s+cv\b|\busing\s+cv::(resize|remap|warp\w+)\b|\bnamespace\s+\w+\s*=\s*cv\s*;")
# libwebp can decode at a smaller size, by a filter of its own.
CODEC_SCALING = re.compile(r"\buse_scaling\b|\bscaled_width\b|\bscaled_height\b")
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)


def arguments(text, opening):
    """What stands between the parenthesis at `opening` and the one that closes it."""
    depth = 0
    for at in range(opening, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return text[opening + 1 : at]
    return text[opening + 1 :]


def check_text(name, text):
    """Sentences about one source, given its name below the root and its content."""
    if EXCEPTED.search(name):
        return
    # Lines keep their numbers.
    code = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)

    def where(at):
        return f"{name}:{code.count(chr(10), 0, at) + 1}"

    for match in FILTER.finditer(code):
        yield f"{where(match.start())}: {match.group()}: average areas (cv::INTER_AREA) on the way to a hash"
    for match in CALL.finditer(code):
        if "INTER_AREA" not in arguments(code, match.end() - 1):
            yield f"{where(match.start())}: cv::{match.group(1)} without cv::INTER_AREA filters linearly"
    for match in HIDING.finditer(code):
        yield f"{where(match.start())}: names of OpenCV are written out, so that its filters can be found"
    for match in CODEC_SCALING.finditer(code):
        yield f"{where(match.start())}: {match.group()}: a codec's own filter; decode whole pictures"


def check(root):
    """(findings, number of files looked at). Our own tests and benches may show what wrong filters do."""
    findings = []
    files = common.own_files(root, common.CPP_SUFFIXES, ("src", "include"))
    for path in files:
        name = path.relative_to(root).as_posix()
        findings.extend(check_text(name, path.read_text(encoding="utf-8")))
    return findings, len(files)


def self_test():
    wrong = (
        "cv::resize(a, b, size, 0, 0, cv::INTER_NEAREST);",
        "cv::resize(a, b, size, 0, 0, cv::INTER_LINEAR_EXACT);",
        "const int filter = cv::INTER_CUBIC;",
        "cv::resize(a, b, cv::Size(8, 8));",
        "cv::resize(a,\n           b,\n           Half(size));",
        "cv::warpAffine(a, b, matrix, size);",
        "using namespace cv;",
        "using cv::resize;",
        "namespace o = cv;",
        "config.options.use_scaling = 1;",
    )
    right = (
        "cv::resize(a, b, cv::Size(8, 8), 0, 0, cv::INTER_AREA);",
        "cv::resize(a, b, Size(Half(w), Half(h)), 0, 0,\n           cv::INTER_AREA);  // never INTER_LINEAR",
        "samples.resize(12);",
        'const char* text = "cv::INTER_NEAREST";',
        "/* INTER_NEAREST\n would pick pixels */",
    )
    for line in wrong:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in ("src/image", "src/hash/perceptual/img_hash"):
                (root / name).mkdir(parents=True)
            (root / "src/image/view.cc").write_text(line + "\n", encoding="utf-8")
            (root / "src/image/nn512.cc").write_text(line + "\n", encoding="utf-8")
            (root / "src/hash/perceptual/img_hash/a.cc").write_text(line + "\n", encoding="utf-8")
            findings, looked_at = check(root)
            common.expect(looked_at == 3, f"{looked_at} files looked at")
            common.expect(
                findings and all(found.startswith("src/image/view.cc:1:") for found in findings),
                f"'{line}' gave {findings}",
            )
    for line in right:
        findings = list(check_text("src/image/view.cc", line + "\n"))
        common.expect(not findings, f"'{line}' gave {findings}")
    findings = list(check_text("src/image/nn5120.cc", "int a = cv::INTER_LINEAR;\n"))
    common.expect(len(findings) == 1, "a name that only begins like an excepted one is let through")


def main():
    self_test()
    return common.finish("check_filters", *check(common.ROOT))


if __name__ == "__main__":
    sys.exit(main())
