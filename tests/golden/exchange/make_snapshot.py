"""Writes snapshot.hgl as src/exchange/signed/FORMAT.md describes it: a second reading of that page, independent of the
program. Wants the `openssl` command for the signature. The keys are test vector 1 of RFC 8032, section 7.1.
"""

import base64
import hashlib
import pathlib
import struct
import subprocess
import tempfile

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
MD5, SHA1, SHA256, PDQ = 1, 2, 3, 4
FULL, NN512 = 1, 2
TEST = 5


def text16(text):
    return struct.pack("<H", len(text.encode())) + text.encode()


def text8(text):
    return struct.pack("<B", len(text.encode())) + text.encode()


def entry(source_id, classification, labels, hashes):
    out = text16(source_id) + text16(classification) + bytes([len(labels)])
    out += b"".join(text8(label) for label in labels) + bytes([len(hashes)])
    for algorithm, pipeline, quality, value in sorted(hashes):
        out += struct.pack("<BBhH", algorithm, pipeline, quality, len(value)) + value
    return out


ENTRIES = [
    entry("a-1", "A1", ["one", "two; \u00e4"], [(PDQ, 0, 90, bytes(range(32))), (MD5, 0, -1, bytes(16))]),
    entry("", "", [], [(SHA256, 0, -1, b"\xff" * 32)]),
    entry("a-3", "", [], [(PDQ, NN512, 0, b"\x01" * 32), (PDQ, FULL, 100, b"\x02" * 32), (SHA1, 0, -1, b"\x03" * 20)]),
]


def sign(message):
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    label = "PRIVATE" + " KEY"
    pem = f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"
    with tempfile.TemporaryDirectory() as folder:
        key, data = pathlib.Path(folder, "key"), pathlib.Path(folder, "data")
        key.write_text(pem, encoding="ascii")
        data.write_bytes(message)
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", str(data)],
                              check=True, capture_output=True).stdout


def snapshot():
    header = struct.pack("<BBBQqq", 1, 1, TEST, 7, 1_700_000_000_123, 4_000_000_000_000)
    header += text16("golden") + text16("generated")
    content = b"\x89HGL\r\n\x1a\n" + struct.pack("<I", len(header)) + header
    for one in ENTRIES:
        content += struct.pack("<I", len(one)) + one
    content += struct.pack("<I", 0)
    terms = (hashlib.sha256(b"hashgate entry 1\n" + one).digest() for one in ENTRIES)
    state = sum(int.from_bytes(term, "little") for term in terms) % (1 << 256)
    trailer = struct.pack("<Q", len(ENTRIES)) + state.to_bytes(32, "little") + hashlib.sha256(content).digest()
    return content + trailer + sign(b"hashgate signed list 1\n" + header + trailer)


if __name__ == "__main__":
    pathlib.Path(__file__).with_name("snapshot.hgl").write_bytes(snapshot())
