"""The disturbances, and the folder in which a round runs."""

import ctypes
import dataclasses
import fcntl
import os
import pathlib
import pty
import select
import signal
import subprocess
import termios
import threading
import time

from commands import CONFIG

# Longer than any command takes to end cleanly on a busy machine.
ENDS_WITHIN_S = 240
TMPFS_BYTES = 3 << 20


class Stuck(Exception):
    """A process did not end."""


@dataclasses.dataclass
class Ended:
    """How a command ended."""

    code: int
    stderr: str
    # Whether it ended before it was disturbed.
    early: bool


class Place:
    """The folder of a round, its processes, and the mark that identifies them."""

    def __init__(self, root, seed, world):
        self.root, self.world, self.mark = root, world, f"soak-{os.getpid()}-{seed}"
        self.disk = root / "disk"
        self.disk.mkdir()
        self.out = self.disk / "out"
        self.config, self.model, self.log = self.disk / "config.json", self.disk / "model.gguf", self.disk / "log.csv"
        self.helpers, self.master, self.drain, self.closing = [], None, None, threading.Event()
        self.mounted = False

    def mount(self):
        """Mounts a separate disk that can be filled."""
        if libc().mount(b"soak", str(self.disk).encode(), b"tmpfs", 0, f"size={TMPFS_BYTES}".encode()) == 0:
            self.mounted = True
        return self.mounted

    def unmount(self):
        if self.mounted:
            libc().umount2(str(self.disk).encode(), 2)
            self.mounted = False

    def fill(self):
        """Fills the mounted disk."""
        with open(self.disk / "filler", "wb", buffering=0) as filler:
            for piece in (1 << 16, 4096, 512):
                try:
                    while True:
                        filler.write(b"x" * piece)
                except OSError:
                    pass

    def bridge(self):
        """Starts a separate bridge."""
        self.bridge_process = self.helper("bridge --port 0", stdout=subprocess.PIPE)
        address = self.bridge_process.stdout.readline().strip()
        if not address:
            raise Stuck("the bridge did not say where it listens")
        return address

    def helper(self, line, **streams):
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **streams}
        helper = subprocess.Popen([self.world.program, *line.split()], env=self.world.env(), cwd=self.root, stdin=subprocess.DEVNULL, text=True, **streams)
        self.helpers.append(helper)
        return helper

    def words(self, command):
        """The command line with its placeholders replaced."""
        fixtures, known = self.world.fixtures, {}
        words = command.line.split()
        if "BRIDGE" in words:
            known["BRIDGE"] = self.bridge()
        if "SLEEPER" in words:
            known["SLEEPER"] = str(self.helper("bridge --port 0").pid)
        if "CONFIG" in words:
            self.config.write_text(CONFIG)
        if command.name == "undo":
            done = subprocess.run([self.world.program, "apply", fixtures / "advice", "--config", self.config, "--yes"], env=self.world.env(), capture_output=True, text=True)
            if done.returncode:
                raise Stuck(f"the change to undo could not be made: {done.stderr}")
        known.update(
            OUT=str(self.out), LOG=str(self.log), CONFIG=str(self.config), MODEL=str(self.model), OLD=str(fixtures / "old"),
            NEW=str(fixtures / "new"), SESSION=str(self.world.session), ADVICE=str(fixtures / "advice"),
            VERDICT=str(self.disk / "verdict.xml"),
            ARGS_A="ipc --bridge embedded --messages 20 --load closed", ARGS_B="ipc --bridge embedded --messages 20 --load closed",
        )
        return [self.world.program, *(known.get(word, word.replace("=VERDICT", "=" + known["VERDICT"])) for word in words)]

    def start(self, command, on_terminal=False):
        """Starts the command in a separate session, with a terminal if it needs one."""
        words, stderr = self.words(command), open(self.root / "stderr.txt", "wb")
        options = {"env": self.world.env(self.mark), "cwd": self.root, "start_new_session": True}
        if on_terminal or command.view:
            self.master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")

            def take_terminal():
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

            process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=stderr, preexec_fn=take_terminal, **options)
            os.close(slave)
            self.drain = threading.Thread(target=drain, args=(self.master, self.closing), daemon=True)
            self.drain.start()
        else:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, **options)
        stderr.close()
        return process

    def finish(self, process, early, within_s=ENDS_WITHIN_S):
        """Waits for its end."""
        try:
            code = process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Stuck(f"it did not end within {within_s} s; {self.stderr()}") from None
        return Ended(code, self.stderr(), early)

    def stderr(self):
        return (self.root / "stderr.txt").read_text(errors="replace")[-1500:]

    def left(self):
        """Remaining processes of the command."""
        wanted, found = f"WORKLY_PERF_SOAK={self.mark}".encode(), []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                is_dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
                if not is_dead and wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def close_terminal(self):
        """Closes the terminal, as seen by the command."""
        if self.master is not None:
            # A read in progress would keep it open.
            self.closing.set()
            self.drain.join()
            os.close(self.master)
            self.master = None

    def clear_up(self):
        self.close_terminal()
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)


def drain(master, closing):
    """Reads the display, so that the command is not blocked."""
    while not closing.is_set():
        try:
            if select.select([master], [], [], 0.02)[0] and not os.read(master, 65536):
                return
        except OSError:
            # The command has closed its side, but may reopen it.
            time.sleep(0.02)


def libc():
    return ctypes.CDLL(None, use_errno=True)


def can_mount(world):
    folder = world.folder / "mount-test"
    folder.mkdir()
    can = libc().mount(b"soak", str(folder).encode(), b"tmpfs", 0, b"size=65536") == 0
    if can:
        libc().umount2(str(folder).encode(), 2)
    world.can_mount = can
    return can


class Fault:
    """No disturbance: the command ends by itself, or is asked to if it would run forever."""

    name = "undisturbed"
    weight = 1

    def fits(self, command):
        return not command.endless

    def moment(self, rng, command):
        # Often early, when most is started; sometimes after the end.
        return rng.random() ** 1.5 * command.span_s * 1.2

    def play(self, place, command, moment, rng):
        return place.finish(place.start(command), False)


class Disturbance(Fault):
    """An event at some time, after which the command ends by itself, or is asked to."""

    on_terminal = False
    # Whether a command that runs until stopped must be asked to end.
    asks = True

    def fits(self, command):
        return True

    def prepare(self, place):
        return True

    def play(self, place, command, moment, rng):
        if not self.prepare(place):
            return None
        process = place.start(command, self.on_terminal)
        early = slept(process, moment)
        if not early:
            self.disturb(place, process, rng)
            if command.endless and self.asks:
                slept(process, 0.5)
                process.send_signal(signal.SIGINT)
        return place.finish(process, early)


class Signal(Disturbance):
    """A signal."""

    weight = 3
    asks = False

    def __init__(self, number):
        self.number, self.name = number, signal.Signals(number).name

    def disturb(self, place, process, rng):
        process.send_signal(self.number)


class Suspended(Disturbance):
    """Suspended for seconds, as by a sleeping laptop, then continued."""

    name = "suspended"

    def disturb(self, place, process, rng):
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(rng.uniform(1, 3))
        os.killpg(process.pid, signal.SIGCONT)


class TerminalClosed(Disturbance):
    """The terminal is closed, or ssh disconnects."""

    name = "terminal-closed"
    weight = 3
    asks = False
    on_terminal = True

    def fits(self, command):
        return command.listens

    def disturb(self, place, process, rng):
        place.close_terminal()


class FullDisk(Disturbance):
    """The disk fills up. Sometimes space is freed before the end."""

    name = "full-disk"
    weight = 4

    def fits(self, command):
        return command.name not in ("report", "doctor")

    def prepare(self, place):
        return place.mount()

    def disturb(self, place, process, rng):
        place.fill()
        slept(process, rng.uniform(0.1, 1.5))
        if rng.random() < 0.5:
            (place.disk / "filler").unlink()


class BridgeKilled(Disturbance):
    """The bridge dies."""

    name = "bridge-killed"
    weight = 4

    def fits(self, command):
        return "BRIDGE" in command.line.split()

    def disturb(self, place, process, rng):
        place.bridge_process.kill()


def slept(process, seconds):
    """Sleeps at most until the process ends; returns whether it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            return True
        time.sleep(min(0.01, max(0, until - time.monotonic())))
    return process.poll() is not None


ALL = [
    Fault(),
    Signal(signal.SIGINT),
    Signal(signal.SIGTERM),
    Signal(signal.SIGHUP),
    Signal(signal.SIGKILL),
    Suspended(),
    TerminalClosed(),
    FullDisk(),
    BridgeKilled(),
]
BY_NAME = {fault.name: fault for fault in ALL}


def pick(rng, command, name, world):
    if name:
        return BY_NAME[name]
    fitting = [fault for fault in ALL if fault.fits(command) and (world.can_mount or fault.name != "full-disk")]
    return rng.choices(fitting, [fault.weight for fault in fitting])[0]
