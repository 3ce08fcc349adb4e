#!/usr/bin/env bash
# The idle scheduling class takes half a CPU from a program at normal priority, if it runs in another session.
#
# What:     Linux with sched_autogroup (seen on 6.18, Debian 12's util-linux 2.38), as desktop distributions configure it.
# Expected: SCHED_IDLE gets only CPU time that no other program wants; nice 19 gets a few percent beside nice 0.
# Happens:  that is true within a session (a terminal, a service). The kernel first shares each CPU equally between sessions; class and
#           nice value count only within their session. In a session of its own, an idle loop takes as much as a normal one.
#           Between sessions, /proc/PID/autogroup decides.
# Affected: anyone who lowers the priority of a model so that an avatar started by the desktop, or from another terminal, stays smooth.
# Solution: `threads --priority` warns where sched_autogroup is on: its figures hold for programs of one session.
set -euo pipefail
switch=/proc/sys/kernel/sched_autogroup_enabled
if [ "$(cat "$switch" 2>/dev/null)" != 1 ]; then
    echo "error: this kernel does not group processes by session (sched_autogroup)"
    exit 3
fi
python3 - <<'PY'
import os
import subprocess
import sys
import time

LENGTH_S = 4.0
# Burns one CPU for a while, and prints the CPU time that it got.
BURN = (
    "import os, sys, time\n"
    "os.sched_setaffinity(0, {int(sys.argv[1])})\n"
    "if sys.argv[2] == 'idle': os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
    "if sys.argv[2] == 'nice': os.nice(19)\n"
    "if len(sys.argv) > 4: open('/proc/self/autogroup', 'w').write(sys.argv[4])\n"
    f"end = time.monotonic() + {LENGTH_S}\n"
    "while time.monotonic() < end: pass\n"
    "print(time.process_time())\n"
)


def burn(cpu, how, own_session, *group_nice):
    command = [sys.executable, "-c", BURN, str(cpu), how, "burn", *group_nice]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=own_session)


def share(how, own_session, *group_nice):
    """The lowered program's CPU time as a share of that of both, on one CPU."""
    cpu = min(os.sched_getaffinity(0))
    lowered, normal = burn(cpu, how, own_session, *group_nice), burn(cpu, "normal", False)
    took = [float(process.communicate()[0]) for process in (lowered, normal)]
    return took[0] / sum(took)


shares = {
    "idle class, same session": share("idle", False),
    "nice 19, same session": share("nice", False),
    "idle class, another session": share("idle", True),
    "nice 19, another session": share("nice", True),
    "idle class, another session whose autogroup has nice 19": share("idle", True, "19"),
}
print(f"kernel {os.uname().release}; share of one CPU beside a program at normal priority, {LENGTH_S:.0f} s each:")
for what, part in shares.items():
    print(f"  {what}: {100 * part:.1f} %")
same_idle, same_nice, other_idle, other_nice, grouped = shares.values()
if not (max(same_idle, same_nice, grouped) < 0.25 and min(other_idle, other_nice) > 0.35):
    print("CHANGED: the priority counts between sessions, or not within one")
    sys.exit(1)
PY
