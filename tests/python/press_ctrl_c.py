"""Runs a command on a terminal of its own, presses Ctrl-C there once a file exists, and prints how the command ended.

    press_ctrl_c.py FILE COMMAND…

Prints JSON: the exit code (minus the signal's number, if one ended it), and what was written to the terminal.
"""

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

LIMIT_S = 120


def main():
    ready, command = sys.argv[1], sys.argv[2:]
    master, slave = pty.openpty()

    def prepare():
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=prepare)
    os.close(slave)
    limit, written, pressed, closed = time.monotonic() + LIMIT_S, b"", False, False
    while process.poll() is None and time.monotonic() < limit:
        if not pressed and os.path.exists(ready):
            os.write(master, b"\x03")
            pressed = True
        if closed:
            time.sleep(0.02)
        elif select.select([master], [], [], 0.02)[0]:
            try:
                written += os.read(master, 65536)
            except OSError:
                closed = True
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    print(json.dumps({"code": process.wait(), "pressed": pressed, "written": written.decode("utf-8", "replace")}))


main()
