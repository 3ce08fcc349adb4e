"""Runs a command on a separate terminal, closes the terminal after a while, and prints how the command ended.

    close_terminal.py {HUP|nohup} SECONDS COMMAND…

With `nohup` the command ignores SIGHUP, as under the program of that name: all that it sees is the end of its terminal. Prints
JSON: the exit code, `null` for a command that did not end within a minute, and the CPU time that it took, in seconds.
"""

import fcntl
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import termios
import time


def main():
    kind, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")

    def prepare():
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        if kind == "nohup":
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=prepare)
    os.close(slave)
    until, drawn = time.monotonic() + seconds, 0
    while time.monotonic() < until or (not drawn and process.poll() is None):
        if select.select([master], [], [], 0.02)[0]:
            try:
                drawn += len(os.read(master, 65536))
            except OSError:
                break
    os.close(master)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        code = None
        process.kill()
        process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"code": code, "cpu_s": used.ru_utime + used.ru_stime, "drawn": drawn}))


main()
