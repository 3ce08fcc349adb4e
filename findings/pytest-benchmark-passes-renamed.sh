#!/usr/bin/env bash
# A gate of pytest-benchmark passes when the slow benchmark was renamed.
#
# What:     pytest-benchmark 5.3.1 with pytest 8.4.2 (PyPI), `--benchmark-compare --benchmark-compare-fail`.
# Expected: a benchmark that is only in the new run, and one that is only in the saved run, fail the gate or are at least named. Without
#           any saved run the gate refuses, with exit code 4.
# Happens:  a benchmark that takes three times as long fails the gate. The same benchmark under another name passes it, with exit code
#           0 and without a word about the saved benchmark that is gone.
# Affected: CI that gates the Python side of the application with pytest-benchmark, beside `workly-perf compare`.
# Solution: `workly-perf compare` counts a figure that one side lacks as missing and ends with exit code 4, unless the gate marks it as
#           optional (docs/CI.md).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pytest==8.4.2 pytest-benchmark==5.3.1
cd "$work"
# benchmark NAME SECONDS: the only benchmark, which sleeps that long.
benchmark() {
    printf 'import time\n\n\ndef test_%s(benchmark):\n    benchmark.pedantic(time.sleep, args=(%s,), rounds=5)\n' "$1" "$2" >test_speed.py
}
# gate OPTION…: the exit code of pytest; its output is kept.
gate() {
    local code=0
    venv/bin/pytest -q test_speed.py "$@" >output 2>&1 || code=$?
    echo "$code"
}
compare=(--benchmark-compare --benchmark-compare-fail=min:50%)
echo "pytest-benchmark 5.3.1, pytest 8.4.2, $(python3 --version)"
benchmark reply 0.02
without=$(gate "${compare[@]}")
saved=$(gate --benchmark-save=base)
benchmark reply 0.06
slower=$(gate "${compare[@]}")
benchmark answer 0.06
renamed=$(gate "${compare[@]}")
named=$(grep -c test_reply output || true)
echo "exit code without a saved run: $without; three times as slow: $slower; the same under another name: $renamed"
echo "lines that name the benchmark that is gone: $named"
[[ $without == 4 && $saved == 0 && $slower == 1 && $renamed == 0 && $named == 0 ]] ||
    { echo "CHANGED: pytest-benchmark's exit codes, or what it says of a benchmark without its counterpart"; exit 1; }
