"""Reads the files of a comparison with third-party packages, and prints their content as JSON.

Usage: read_comparison.py FOLDER

FOLDER holds comparison.md, comparison.json, junit.xml, smaller.json, bencher.json, history.csv, and perhaps bigger.json. Markdown is read by
markdown-it-py, JUnit by junitparser; the JSON files are held against the shapes that github-action-benchmark and Bencher document, by
jsonschema.
"""

import csv
import json
import sys
from pathlib import Path

import jsonschema
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt

# https://github.com/benchmark-action/github-action-benchmark: the JSON of customSmallerIsBetter and customBiggerIsBetter.
BENCHMARK = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["name", "unit", "value"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "unit": {"type": "string", "minLength": 1},
            "value": {"type": "number"},
            "range": {"type": "string"},
            "extra": {"type": "string"},
        },
    },
}

# https://bencher.dev/docs/reference/bencher-metric-format
BENCHER = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "type": "object",
            "required": ["value"],
            "additionalProperties": False,
            "properties": {
                "value": {"type": "number"},
                "lower_value": {"type": "number"},
                "upper_value": {"type": "number"},
            },
        },
    },
}

# The documented columns: docs/CI.md.
COMPARISON = {
    "type": "object",
    "required": ["schema", "outcome", "headline", "conditions", "design", "judgements", "budgets", "refusals", "warnings"],
    "properties": {
        "outcome": {"enum": ["pass", "regressed", "inconclusive", "invalid"]},
        "judgements": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["command", "case", "metric", "unit", "direction", "verdict", "change", "detectable", "noise"],
                "properties": {
                    "verdict": {"enum": ["regressed", "improved", "pass", "inconclusive", "invalid"]},
                    "direction": {"enum": ["lower", "higher", "none"]},
                },
            },
        },
    },
}


def markdown(text):
    """Headings, and each table as rows of cells, as displayed by GitHub."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    headings, tables = [], []
    for token, following in zip(tokens, tokens[1:] + tokens[-1:]):
        if token.type == "heading_open":
            headings.append(following.content)
        elif token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("th_open", "td_open"):
            tables[-1][-1].append(following.content)
    return {"headings": headings, "tables": tables}


def junit(path):
    """Suites with the result of each case."""
    kinds = {Failure: "failure", Error: "error", Skipped: "skipped"}
    return {
        suite.name: {case.name: [kinds[type(result)] for result in case.result] for case in suite}
        for suite in JUnitXml.fromfile(str(path))
    }


def checked(path, schema):
    """A JSON file that conforms to the schema."""
    value = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(value, schema)
    return value


def main():
    folder = Path(sys.argv[1])
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    read = {
        "markdown": markdown((folder / "comparison.md").read_text(encoding="utf-8")),
        "junit": junit(folder / "junit.xml"),
        "smaller": checked(folder / "smaller.json", BENCHMARK),
        "bigger": checked(folder / "bigger.json", BENCHMARK) if (folder / "bigger.json").exists() else None,
        "bencher": checked(folder / "bencher.json", BENCHER),
        "outcome": checked(folder / "comparison.json", COMPARISON)["outcome"],
        "history": history,
    }
    print(json.dumps(read))


if __name__ == "__main__":
    main()
