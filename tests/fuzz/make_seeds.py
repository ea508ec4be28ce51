"""Writes the seeds of the fuzz targets that speak our own protocols: `make_seeds.py` fills tests/fuzz/corpus/request,
worker, scan_request and casework. Seeds of picture formats come from `hashgate-corpus-gen DIR --kind seeds`.

Sources: src/decode/record.h (a request), proto/hashgate/v1/scan_service.proto (field numbers), src/casework/FORMAT.md.
"""

import itertools
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
REQUEST_MAGIC = 0x31514748
# Room behind a request, so that the seeds stay good when the record grows.
SPARE = 32


def request(picture_format, length, nn512=0, magic=REQUEST_MAGIC, job=1, pixels=1 << 18):
    """A RequestRecord: its head, then the limits."""
    head = struct.pack("<IBB2xQQ", magic, picture_format, nn512, job, length)
    limits = struct.pack("<QQII QI I Q", 1 << 20, pixels, 4096, 100, 1 << 22, 1000, 2, 512 << 20)
    return head + limits


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One field of a message: bytes, text or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def pieces(*messages):
    """How fuzz_scan_request takes the messages of a stream: each with its length before it."""
    return b"".join(bytes([len(message)]) + message for message in messages)


def text8(value):
    return bytes([len(value)]) + value.encode()


def text16(*values):
    return b"".join(struct.pack("<H", len(value)) + value.encode() for value in values)


def casework_seeds():
    """One of each record; the first byte is the one by which the target chooses."""
    scan_id = "01" + "0" * 20 + "0005"
    verdict_id = text8("acme") + scan_id.encode()
    time = struct.pack("<q", 1_000)
    reversed_ = text16(scan_id, "content", "request") + time + bytes([5, 2]) + text16("demo") + struct.pack("<Q", 4)
    yield "event_reversed", b"\0\1\1" + time + text16("acme") + reversed_ + text16("ada", "a mistake")
    alarm = text16("demo") + struct.pack("<Q", 0) + text16("GATE_OPENED", "ada opens a gate")
    yield "event_alarm", b"\0\1\2" + time + text16("") + alarm
    head = b"\1" + time + text16("local", "request") + struct.pack("<i", -1) + text16("content", "default")
    head += bytes([5, 2, 1]) + b"\1" + b"\1" + text16("rule", "sha256:00") + struct.pack("<q", 258)
    matches = [struct.pack("<IQ", 3, 4) + text8("demo") + bytes([5, 1, 2, 1, 4]),
               struct.pack("<IQ", 5, 6) + text8("b") + bytes([2, 0, 0])]
    yield "verdict", b"\1" + head + struct.pack("<H", 2) + b"".join(matches)
    yield "verdict_without_matches", b"\1" + head + struct.pack("<H", 0)
    far = head.replace(time, struct.pack("<q", -(1 << 63)), 1)
    yield "verdict_of_no_time", b"\1" + far + struct.pack("<H", 0)
    yield "next_sequence", b"\2\1" + struct.pack("<Q", 9)
    yield "verdict_id", b"\3\1" + verdict_id
    yield "event_key", b"\4e" + struct.pack(">Q", 7)
    yield "verdict_key", b"\5v" + verdict_id
    yield "verdict_entry_key", b"\6" + struct.pack(">IQ", 3, 4) + verdict_id
    yield "list_name_key", b"\7n" + text8("demo") + struct.pack(">I", 7)


def picture(folder, name):
    return (CORPUS / folder / name).read_bytes()


def seeds():
    gif = picture("image_gif", "plain")
    png = picture("image_png", "palette")
    jpeg = picture("image_jpeg", "grey")
    pictures = {"gif": (4, gif), "png": (2, png), "jpeg": (1, jpeg)}
    for name, (number, data) in pictures.items():
        yield "request", name, request(number, len(data), nn512=1) + bytes(SPARE) + data
        yield "worker", name, struct.pack(">BH", 1, len(data)) + request(number, 0) + data
    yield "request", "no_pixels_allowed", request(2, len(png), pixels=0) + bytes(SPARE) + png
    yield "worker", "wrong_magic", struct.pack(">BH", 2, 4) + request(1, 4, magic=7) + b"data"
    yield "worker", "too_long_a_message", struct.pack(">BH", 0, 0) + request(1, 4) + bytes(100)
    yield "worker", "longer_than_the_buffer", struct.pack(">BH", 2, 0) + request(1, 1 << 40)
    yield "worker", "three_requests", struct.pack(">BH", 1, len(gif)) + request(4, 0) * 3 + gif

    context = field(1, "account") + field(2, "192.0.2.1") + field(4, "a.gif") + field(5, "DE")
    options = field(1, "listed") + field(2, 2) + field(3, 1) + field(4, 1)
    header = field(1, "request-1") + field(2, "content-1") + field(4, context) + field(5, options)
    for name, (_, data) in pictures.items():
        yield "scan_request", f"image_{name}", b"\0" + field(1, header) + field(2, data)
    yield "scan_request", "image_text", b"\0" + field(2, b"just a text")
    yield "scan_request", "image_nothing", b"\0"
    yield "scan_request", "image_unknown_surface", b"\0" + field(1, field(3, "nowhere")) + field(2, gif)
    upload = field(1, field(1, header) + field(2, len(gif)))
    chunks = [field(2, gif[at:at + 100]) for at in range(0, len(gif), 100)]
    yield "scan_request", "upload", b"\1" + pieces(upload, *chunks)
    yield "scan_request", "upload_without_header", b"\1" + pieces(*chunks[:2])
    yield "scan_request", "upload_two_headers", b"\1" + pieces(field(1, b""), field(1, b""), chunks[0])
    hashes = [field(1, field(1, 4) + field(2, bytes(range(32)))), field(1, field(1, 1) + field(2, bytes(16)))]
    yield "scan_request", "match", b"\2" + field(1, header) + field(2, hashes[0]) + field(2, hashes[0] + hashes[1])
    yield "scan_request", "match_nothing", b"\2"
    yield "scan_request", "fail_policy", b"\3"


def main():
    casework = (("casework", name, data) for name, data in casework_seeds())
    for folder, name, data in itertools.chain(seeds(), casework):
        path = CORPUS / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
