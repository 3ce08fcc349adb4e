#!/usr/bin/env bash
# One interval log, one window of time, two answers: JavaScript counts it from 1970, Python from the start of the log.
#
# What:     hdrhistogram 0.10.8 (PyPI) and hdr-histogram-js 3.0.1 (npm).
# Expected: readers of one log format, both ports of the Java one, find the same intervals in the first 15 seconds.
# Happens:  of three intervals of 10 s, Python finds two and JavaScript none: it compares the window with the time stamps as they are
#           written, although the log says when it starts. The log is JavaScript's own. It gives no error, but the end of the log.
#           With time stamps relative to the start both find two.
# Affected: anyone who takes a part of a log with absolute time stamps, which is what writers make of a histogram's own times.
# Solution: workly-perf writes relative time stamps, which both read alike; docs/FORMATS.md says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check hdrhistogram==0.10.8
npm install --silent --no-audit --no-fund --prefix "$work" hdr-histogram-js@3.0.1 >/dev/null
cat >"$work/write.js" <<'JS'
const hdr = require("hdr-histogram-js");
const start = Date.UTC(2026, 0, 2, 3, 0, 0);
for (const [name, base] of [["absolute", 0], ["relative", start]]) {
  let log = "";
  const writer = new hdr.HistogramLogWriter((text) => (log += text));
  writer.baseTime = base;
  writer.outputStartTime(start);
  writer.outputLegend();
  for (const second of [0, 10, 20]) {
    const histogram = hdr.build();
    histogram.recordValue(100 + second);
    histogram.startTimeStampMsec = start + second * 1000;
    histogram.endTimeStampMsec = start + (second + 10) * 1000;
    writer.outputIntervalHistogram(histogram);
  }
  require("fs").writeFileSync(`${process.argv[2]}/${name}.hlog`, log);
  const reader = new hdr.HistogramLogReader(log);
  let found = 0;
  while (reader.nextIntervalHistogram(0, 15)) found++;
  console.log(`JavaScript, ${name}: ${found}`);
}
JS
cat >"$work/read.py" <<'PY'
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

for name in ("absolute", "relative"):
    reader = HistogramLogReader(f"{sys.argv[1]}/{name}.hlog", HdrHistogram(1, 100_000, 3))
    found = 0
    while reader.get_next_interval_histogram(0, 15):
        found += 1
    print(f"Python, {name}: {found}")
PY
echo "hdrhistogram 0.10.8 on $(python3 --version), hdr-histogram-js 3.0.1 on Node $(node --version)"
echo "intervals in the first 15 seconds, by time stamps:"
found=$(NODE_PATH="$work/node_modules" node "$work/write.js" "$work"; "$work/venv/bin/python" "$work/read.py" "$work")
echo "$found"
expected="JavaScript, absolute: 0
JavaScript, relative: 2
Python, absolute: 2
Python, relative: 2"
[ "$found" = "$expected" ] || { echo "CHANGED: the two find other intervals"; exit 1; }
