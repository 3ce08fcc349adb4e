#!/usr/bin/env bash
# A CI step that runs Apache Otava passes when a figure doubles, and when Otava could not read the file.
#
# What:     apache-otava 0.8.0 (PyPI), `otava analyze` of a CSV file.
# Expected: like a linter or a test runner, exit code 1 for a change and another code for an error.
# Happens:  the doubled figure is in the report and the exit code is 0. One empty cell stops the analysis of the whole test with an
#           error, and the exit code is 0 again: a history with a gap silently ends the monitoring.
# Affected: CI that passes workly-perf's history to Otava, where a case that was not measured is an empty cell.
# Solution: `workly-perf history --split` writes files without empty cells, and docs/CI.md says that Otava's exit code is not a gate.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check apache-otava==0.8.0
cat >"$work/otava.yaml" <<YAML
tests:
  ipc:
    type: csv
    file: $work/ipc.csv
    time_column: time
    attributes: [revision]
    metrics: [p50_ms]
    csv_options: {delimiter: ","}
YAML
write_history() { # $1: the row whose figure is missing, or none
    echo "time,revision,p50_ms"
    for day in $(seq 10 29); do
        local figure="10.$((day * 7 % 10))"
        ((day < 20)) || figure="20.$((day * 7 % 10))"
        [[ $day != "$1" ]] || figure=""
        echo "2026-01-$day 00:00:00 +0000,r$day,$figure"
    done
}
analyze() {
    local code=0
    OTAVA_CONFIG="$work/otava.yaml" "$work/venv/bin/otava" analyze ipc --since 2026-01-01 >"$work/output" 2>&1 || code=$?
    echo "$code"
}
echo "apache-otava 0.8.0, $(python3 --version)"
write_history none >"$work/ipc.csv"
doubled=$(analyze)
change=$(grep -oE '\+[0-9.]+%' "$work/output" || echo none)
write_history 12 >"$work/ipc.csv"
gap=$(analyze)
error=$(grep -m 1 ERROR "$work/output" || echo none)
echo "a figure that doubles: reported $change, exit code $doubled"
echo "a file with one gap:   $error, exit code $gap"
[[ $doubled == 0 && $change != none && $gap == 0 && $error != none ]] ||
    { echo "CHANGED: Otava's exit code, its report, or its handling of a gap"; exit 1; }
