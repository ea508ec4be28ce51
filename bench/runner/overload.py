"""The part overload: more than the server can do, at moments that do not wait for it, and one caller who sends bombs."""

import json
import struct
import subprocess
import threading
import zlib

import machine
from server import Failure, Server
from service import filled_folder
from tables import table

BOMB_SIDE = 7_000
BOMBS_PER_SECOND = 20
CAPACITY_IN_FLIGHT = 6
OTHERS_IN_FLIGHT = 4


def write_bomb(path):
    """A picture of one colour, 49 megapixels in 140 KB: small to send, as long to decode as any within the limits."""
    if path.exists():
        return
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + 3 * BOMB_SIDE)
    packed = b"".join(packer.compress(row) for _ in range(BOMB_SIDE)) + packer.flush()
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def send(work, address, files, *arguments, extra_ms=0, priority=machine.favoured):
    """One run of the load generator: what it printed."""
    command = [str(work.bench_dir / "hashgate-load"), "--server", address, "--connections", "2", "--deadline", "10000",
               "--measure", str(work.load_ms + extra_ms), "--warm-up", str(work.warm_up_ms), *arguments, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **priority())
    if done.returncode not in (0, 1):
        raise Failure(f"hashgate-load ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def open_loop(work, server, size):
    """Rows at shares of the capacity, which a few calls at once that never pause show."""
    files = sorted(str(path) for path in work.corpus().glob(f"*-{size}mp.jpg"))
    send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))  # the server learns what files cost
    capacity = send(work, server.address, files, "--in-flight", str(CAPACITY_IN_FLIGHT))["perSecond"]
    rows, calm_p99 = [], None
    for share in (0.8, 1.0, 2.0):
        result = send(work, server.address, files, "--rate", str(max(1, round(share * capacity))))
        calm_p99 = calm_p99 or result["p99Ms"]
        offered = max(1, result["offered"])
        rows.append([f"{size} MP JPEG, {share:.1f} x", result["offered"] / (work.load_ms / 1000), result["perSecond"],
                     f"{100 * result['perSecond'] / capacity:.0f} %", f"{100 * result['refused'] / offered:.1f} %",
                     result["p50Ms"], result["p99Ms"], f"{result['p99Ms'] / calm_p99:.2f}" if calm_p99 else "-",
                     result["refusalP50Ms"], result["refusalP99Ms"], str(result["held"]),
                     str(sum(result["errors"].values()) - result["refused"])])
    return rows


def bombs(work, server, folder):
    """Rows of a caller alone and beside another who sends bombs."""
    bomb = folder / "bomb.png"
    write_bomb(bomb)
    rows, alone = [], None
    sent = {}
    for size in ("0.3", "1"):
        files = sorted(str(path) for path in work.corpus().glob(f"*-{size}mp.jpg"))
        for with_bombs in (False, True):
            bomber = threading.Thread(target=lambda: sent.update(send(
                work, f"unix:{server.admin_socket}", [str(bomb)], "--rate", str(BOMBS_PER_SECOND), "--constant",
                extra_ms=work.warm_up_ms)))
            if with_bombs:
                bomber.start()
            result = send(work, server.address, files, "--in-flight", str(OTHERS_IN_FLIGHT))
            if with_bombs:
                bomber.join()
            else:
                alone = result
            rows.append([f"{size} MP JPEG" + (", beside bombs" if with_bombs else ""), result["perSecond"],
                         f"{100 * result['perSecond'] / alone['perSecond']:.0f} %", result["p50Ms"], result["p99Ms"],
                         f"{result['p99Ms'] / alone['p99Ms']:.2f}", str(sum(result["errors"].values()))]
                        + ([sent["offered"], sent["calls"], sent["refused"], sent["refusalP99Ms"]] if with_bombs else
                           ["-"] * 4))
    return rows


def overload(work):
    folder = filled_folder(work, work.load_entries)
    socket = folder / "admin.sock"
    socket.unlink(missing_ok=True)
    # Two callers on one machine: one over TCP, which is not an administrator here, and one through the socket.
    with Server(work.bin_dir, folder, admin_socket=socket) as server:
        loops = [row for size in ("0.3", "1") for row in open_loop(work, server, size)]
        others = bombs(work, server, folder)
    return ("Open loop: calls leave at random moments (Poisson) whatever became of those before, and times count from the "
            "moment a call was due. Capacity is what " + str(CAPACITY_IN_FLIGHT) + " calls at once that never pause "
            "get done. The client has its share of the same cores.\n\n"
            + table(["uploads, of the capacity", "offered a second", "done a second", "of the capacity", "refused",
                     "p50 ms", "p99 ms", "p99 to that at 0.8", "refusal p50 ms", "refusal p99 ms", "held", "other errors"],
                    loops)
            + f"\n\nOne caller with {OTHERS_IN_FLIGHT} uploads at once that never pause, alone and beside another caller "
            f"who sends {BOMBS_PER_SECOND} bombs a second (PNG, {BOMB_SIDE} x {BOMB_SIDE} pixels in 140 KB).\n\n"
            + table(["uploads", "done a second", "of alone", "p50 ms", "p99 ms", "p99 to alone", "refused",
                     "bombs sent", "bombs done", "bombs refused", "bomb refusal p99 ms"], others))
