"""Parses OpenMetrics text with the parser of the PyPI package prometheus-client, and prints its families as JSON.

Usage: read_openmetrics.py FILE

Prints [{"name", "type", "unit", "help", "samples": [{"name", "labels", "value"}, ...]}, ...]. Whatever the parser rejects is an error.
"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def main(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    families = [
        {
            "name": family.name,
            "type": family.type,
            "unit": family.unit,
            "help": family.documentation,
            "samples": [{"name": it.name, "labels": it.labels, "value": it.value} for it in family.samples],
        }
        for family in text_string_to_metric_families(text)
    ]
    json.dump(families, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
