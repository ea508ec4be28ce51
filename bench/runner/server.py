"""The built hashgated on free loopback ports with a folder of its own."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import time

import machine

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 300
STOP_SECONDS = 60


class Failure(Exception):
    """A sentence for the person who runs the benchmark."""


def status_number(pid, key):
    """A number of /proc/PID/status; None where the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return None


def processor_seconds(pid, with_ended_children=False):
    """User and system time of one process, on request with that of children it has waited for; 0 where it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    after_name = fields.rsplit(")", 1)[1].split()
    return sum(int(ticks) for ticks in after_name[11:15 if with_ended_children else 13]) / TICKS


class Server:
    """Started on entry, stopped on exit. `ready_seconds` is the time from the start of the process to the first 200 on
    /readyz."""

    def __init__(self, bin_dir, folder, admin_socket=None, config=""):
        self.bin_dir = bin_dir
        self.more_config = config
        self.admin_socket = admin_socket
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / "hashgated.log"
        self.process = None
        self.log = None
        self.grpc_port = self.http_port = None
        self.ready_seconds = None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "hashgated.yaml"
        config.write_text(f'data_dir: "{self.folder}/data"\n'
                          'grpc:\n  listen: "127.0.0.1:0"\n'
                          + (f'  admin_socket: "{self.admin_socket}"\n  loopback_is_admin: false\n'
                             if self.admin_socket else '') +
                          'http:\n  listen: "127.0.0.1:0"\n'
                          # The load is a few files again and again, and each is to be decoded.
                          'scan:\n  reuse_mib: 0\n'
                          'drain:\n  notice_ms: 0\n' + self.more_config, encoding="utf-8")
        self.log = self.log_path.open("wb")
        started = time.monotonic()
        self.process = subprocess.Popen([str(self.bin_dir / "hashgated"), "--config", str(config)],
                                        stdout=self.log, stderr=self.log, **machine.favoured())
        try:
            self._wait_ready(started)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise Failure(f"the server did not stop within {STOP_SECONDS} s of SIGTERM") from None
        finally:
            self.log.close()

    def _kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def _wait_ready(self, started):
        while time.monotonic() - started < START_SECONDS:
            if self.process.poll() is not None:
                raise Failure(f"the server ended by itself: {self._last_words()}")
            if self.http_port is None:
                self._read_ports()
            if self.http_port is not None and self._is_ready():
                self.ready_seconds = time.monotonic() - started
                return
            time.sleep(0.001)
        raise Failure(f"the server is not ready after {START_SECONDS} s: {self._last_words()}")

    def _last_words(self):
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else f"it wrote nothing and its exit code is {self.process.returncode}"

    def _read_ports(self):
        for line in self.log_path.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"event":"listening"' in line.replace(" ", "") and line.endswith("}"):
                fields = json.loads(line)
                self.grpc_port, self.http_port = fields["grpc_port"], fields["http_port"]

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8")
        finally:
            connection.close()

    def _is_ready(self):
        try:
            return self._get("/readyz")[0] == 200
        except OSError:
            return False

    @property
    def address(self):
        return f"127.0.0.1:{self.grpc_port}"

    def metric(self, name, absent=None):
        """The sum of a metric's samples; `absent` where it has none yet."""
        _, text = self._get("/metrics")
        samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        values = [float(value) for sample, value in samples if sample.split("{")[0] == name]
        if not values and absent is not None:
            return absent
        if not values:
            raise Failure(f"/metrics has no {name}")
        return sum(values)

    def resident_mib(self):
        return (status_number(self.process.pid, "VmRSS") or 0) / 1024

    def peak_mib(self):
        return (status_number(self.process.pid, "VmHWM") or 0) / 1024

    def disk_bytes(self):
        return sum(path.stat().st_size for path in (self.folder / "data").rglob("*") if path.is_file())

    def processor_seconds(self):
        """(server, spawner and workers): processor time since their start."""
        below = [self.process.pid]
        for pid in below:
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                below += [int(child) for child in task.read_text(encoding="ascii").split()]
        return processor_seconds(below[0]), sum(processor_seconds(pid, True) for pid in below[1:])

    def command_line(self, *arguments, priority=machine.favoured):
        """Runs `hashgate` against this server; returns the seconds it took."""
        started = time.monotonic()
        done = subprocess.run([str(self.bin_dir / "hashgate"), "--server", self.address, *arguments],
                              capture_output=True, text=True, check=False, **priority())
        if done.returncode != 0:
            raise Failure(f"hashgate {arguments[0]} {arguments[1]} ended with {done.returncode}: {done.stderr.strip()}")
        return time.monotonic() - started

    def create_list(self, name, *options):
        self.command_line("lists", "create", name, "--purpose", "CSAM", "--trust", "TRUSTED", "--source", "synthetic",
                          "--legal-basis", "none: random numbers", *options)

    def import_file(self, name, path, *options, priority=machine.favoured):
        return self.command_line("lists", "import", name, str(path), *options, priority=priority)
