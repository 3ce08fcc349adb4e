#!/usr/bin/env bash
# A thread of Mono that sets its priority reads it back, and runs as before.
#
# What:     Mono on Linux (seen with 6.8 of Debian).
# Expected: `Thread.Priority = ThreadPriority.Lowest` makes a thread yield to others, or says that it cannot.
# Happens:  all five priorities read back as they were set, and every thread has nice 0 and the normal policy. Two threads that share a
#           CPU, Lowest and Highest, get half of it each.
#           A process that sets `PriorityClass = BelowNormal` gets nice 10 for the thread that did so, and 0 for those it had already.
# Affected: scripts that lower a background thread in favour of the frames, or raise the thread that answers commands.
# Solution: workly-perf lowers the model instead, from outside and for all threads; docs/CPU_OPTIMIZATION.md says so.
set -euo pipefail
for tool in mcs mono taskset; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install mono-mcs mono-runtime util-linux"; exit 3; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/priorities.cs" <<'CS'
using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

static class Priorities
{
    [DllImport("libc")] static extern long syscall(long number);
    const long GetTid = 186;

    // Fields of /proc/PID/task/TID/stat after the name: nice, and CPU time in ticks.
    static string[] Stat(long tid)
    {
        var text = File.ReadAllText("/proc/self/task/" + tid + "/stat");
        return text.Substring(text.LastIndexOf(')') + 2).Split(' ');
    }
    static int Nice(long tid) { return int.Parse(Stat(tid)[16]); }
    static long Ticks(long tid) { return long.Parse(Stat(tid)[11]) + long.Parse(Stat(tid)[12]); }

    static int Main()
    {
        bool same = true;
        var tids = new long[5];
        var threads = new Thread[5];
        bool stop = false;
        for (int i = 0; i < 5; i++)
        {
            int own = i;
            threads[i] = new Thread(() =>
            {
                tids[own] = syscall(GetTid);
                // The extremes compete for the CPU, the others wait.
                while (!Volatile.Read(ref stop)) if (own != 0 && own != 4) Thread.Sleep(10);
            });
            threads[i].Priority = (ThreadPriority)i;
            threads[i].Start();
        }
        Thread.Sleep(3000);
        for (int i = 0; i < 5; i++)
        {
            Console.WriteLine("thread set to {0}: reads back {1}, nice {2}", (ThreadPriority)i, threads[i].Priority, Nice(tids[i]));
            same &= threads[i].Priority == (ThreadPriority)i && Nice(tids[i]) == 0;
        }
        double share = (double)Ticks(tids[0]) / (Ticks(tids[0]) + Ticks(tids[4]));
        Console.WriteLine("on one CPU, Lowest got {0:P0} of the time that Lowest and Highest used", share);
        same &= share > 0.4 && share < 0.6;
        Process.GetCurrentProcess().PriorityClass = ProcessPriorityClass.BelowNormal;
        long main = syscall(GetTid);
        Console.WriteLine("process set to BelowNormal: its main thread has nice {0}, an earlier one {1}", Nice(main), Nice(tids[1]));
        same &= Nice(main) > 0 && Nice(tids[1]) == 0;
        Volatile.Write(ref stop, true);
        return same ? 0 : 1;
    }
}
CS
[ "$(uname -m)" = x86_64 ] || { echo "this script has the number of a system call of x86-64"; exit 3; }
mcs -out:"$work/priorities.exe" "$work/priorities.cs" 2>&1 | { grep -v warning || true; }
mono --version | head -n 1
taskset --cpu-list "$(taskset --cpu-list --pid $$ | sed 's/.*: //; s/[-,].*//')" mono "$work/priorities.exe" ||
    { echo "CHANGED: a priority has an effect"; exit 1; }
