#!/usr/bin/env bash
# Adding up an interval log in Python mixes what its tags keep apart, and the sum gets the tag of the last row.
#
# What:     hdrhistogram 0.10.8 (PyPI).
# Expected: the sum of a log has the rows without a tag, as Java's HistogramLogProcessor makes it, or one can choose a tag.
# Happens:  `add_next_interval_histogram` adds the rows of all tags, without a way to leave one out. Of 100 measured values near 100 and
#           10 of a warm-up near 9,000, the sum has 110 values and p95 near 9,000. It is called `warm_up`, if that row is the last.
#           The writer of the same package leaves tags out, so that a copy of a log has lost them.
# Affected: anyone who adds up a .hlog file of a run with this function: the samples of the warm-up become part of the result.
# Solution: docs/FORMATS.md says to read row by row and to take those without a tag.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check hdrhistogram==0.10.8
cat >"$work/add.py" <<'PY'
import io
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader, HistogramLogWriter

PATH = sys.argv[1]


def empty():
    return HdrHistogram(1, 100_000, 3)


def recorded(usual, count, tag=None):
    histogram = empty()
    for number in range(count):
        histogram.record_value(usual + number % 3)
    histogram.set_start_time_stamp(0)
    histogram.set_end_time_stamp(10_000)
    if tag:
        histogram.set_tag(tag)
    return histogram


warm_up = recorded(9_000, 10, "warm_up")
with open(PATH, "w", encoding="utf-8") as file:
    writer = HistogramLogWriter(file)
    writer.output_legend()
    writer.output_interval_histogram(recorded(100, 100))
    # The writer would leave the tag out.
    print(f"Tag=warm_up,0.000,10.000,9.002,{warm_up.encode().decode()}", file=file)
written = io.StringIO()
HistogramLogWriter(written).output_interval_histogram(warm_up)

total = empty()
reader = HistogramLogReader(PATH, total)
while reader.add_next_interval_histogram():
    pass
reader.close()

measured = empty()
reader = HistogramLogReader(PATH, empty())
while interval := reader.get_next_interval_histogram():
    if not interval.get_tag():
        measured.add(interval)
reader.close()

for name, sum_of in (("added up", total), ("rows without a tag", measured)):
    print(f"{name}: {sum_of.get_total_count()} values, p95 {sum_of.get_value_at_percentile(95)}, tag {sum_of.get_tag()}")
print(f"the writer's row of a tagged histogram begins with {written.getvalue()[:4]!r}")
same = not written.getvalue().startswith("Tag=")
same &= total.get_total_count() == 110 and total.get_value_at_percentile(95) > 8_900 and total.get_tag() == "warm_up"
sys.exit(0 if same and measured.get_total_count() == 100 else 1)
PY
echo "hdrhistogram 0.10.8 on $(python3 --version)"
"$work/venv/bin/python" "$work/add.py" "$work/run.hlog" || { echo "CHANGED: tags are kept apart, or the sum has another tag"; exit 1; }
