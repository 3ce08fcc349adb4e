#!/usr/bin/env bash
# With OMP_PROC_BIND set, importing a Python package leaves the whole program one CPU, except for the package's own threads.
#
# What:     scikit-learn 1.7.2 (PyPI), whose wheel brings GNU's OpenMP runtime; imported, nothing computed.
# Expected: OMP_PROC_BIND and OMP_PLACES say where the threads of parallel regions run. Without such a region nothing is pinned.
# Happens:  the runtime pins the thread that loads it, when it is loaded. Threads and processes that this thread starts later inherit
#           that: of all CPUs they have one.
# Affected: Workly, where the thread of the window imports llama-cpp-python, and every program that is linked with OpenMP and counts
#           CPUs or starts other programs: a thread count "for this machine" becomes 1.
# Solution: workly-perf remembers its CPUs before its libraries are loaded and takes them back, so that it counts and starts programs with
#           all of them; `doctor` asks to unset the variable, and records name it.
set -euo pipefail
(($(nproc) > 1)) || { echo "this machine has one CPU"; exit 3; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.7.2 numpy==2.3.5 scipy==1.16.3
cat >"$work/count.py" <<'PYTHON'
import os
import subprocess
import sys
import threading

CHILD = "import os; print(len(os.sched_getaffinity(0)))"
cpus = lambda: len(os.sched_getaffinity(0))
before = cpus()
import sklearn.utils._openmp_helpers

seen = []
thread = threading.Thread(target=lambda: seen.append(cpus()))
thread.start()
thread.join()
child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True).stdout.strip()
print(f"before the import {before}, after it {cpus()}, a new thread {seen[0]}, a new process {child}")
PYTHON
python() {
    env -u OMP_PROC_BIND -u OMP_PLACES -u GOMP_CPU_AFFINITY "$@" "$work/venv/bin/python" "$work/count.py"
}
echo "scikit-learn 1.7.2, $(python3 --version); CPUs that may be used:"
unset_=$(python)
bound=$(python OMP_PROC_BIND=true)
places=$(python OMP_PLACES=threads)
off=$(python OMP_PROC_BIND=false OMP_PLACES=threads)
printf '%-38s %s\n' "no variable:" "$unset_" "OMP_PROC_BIND=true:" "$bound" "OMP_PLACES=threads:" "$places" \
    "OMP_PROC_BIND=false OMP_PLACES=threads:" "$off"
all=$(nproc)
free="before the import $all, after it $all, a new thread $all, a new process $all"
[[ $unset_ == "$free" && $off == "$free" ]] || { echo "CHANGED: CPUs are lost without a variable that pins"; exit 1; }
# Where two hardware threads share a core, a place may have two CPUs.
readonly lost="^before the import $all, after it ([0-9]+), a new thread ([0-9]+), a new process ([0-9]+)$"
for pinned in "$bound" "$places"; do
    [[ $pinned =~ $lost ]] || { echo "CHANGED: $pinned"; exit 1; }
    for left in "${BASH_REMATCH[@]:1}"; do
        ((left < all)) || { echo "CHANGED: the importing thread keeps its CPUs"; exit 1; }
    done
done
