"""Reads a histogram interval log with the PyPI package hdrhistogram and prints its content as JSON.

Usage: read_hlog.py LOG

Prints {"start_time_s", "histograms": [{"tag", "count", "max", "percentiles", "counts": [[value, count], ...]}, ...]},
values in the log's own unit, histograms in the order of the log.
"""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

PERCENTILES = (50, 90, 99, 99.9)


def described(histogram):
    """One histogram as a dictionary to print."""
    return {
        "tag": histogram.get_tag(),
        "count": histogram.get_total_count(),
        "max": histogram.get_max_value(),
        "percentiles": {str(p): histogram.get_value_at_percentile(p) for p in PERCENTILES},
        "counts": [
            [histogram.get_highest_equivalent_value(step.value_iterated_to), step.count_at_value_iterated_to]
            for step in histogram.get_recorded_iterator()
        ],
    }


def main(path):
    # The reader requires a histogram to add to, which is unused here: each row is read separately.
    reader = HistogramLogReader(path, HdrHistogram(1, 2, 3))
    histograms = []
    while True:
        histogram = reader.get_next_interval_histogram()
        if histogram is None:
            break
        histograms.append(described(histogram))
    reader.close()
    json.dump({"start_time_s": reader.get_start_time_sec(), "histograms": histograms}, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
