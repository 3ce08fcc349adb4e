"""Runs the DuckDB query of docs/CI.md over the results of a folder, and prints its rows as JSON.

Usage: query_history.py FOLDER

FOLDER is where `results/` lies.
"""

import json
import os
import re
import sys
from pathlib import Path

import duckdb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "CI.md"


def main():
    query = re.search(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    os.chdir(sys.argv[1])
    result = duckdb.sql(query)
    rows = [dict(zip(result.columns, row)) for row in result.fetchall()]
    print(json.dumps(rows, default=str))


if __name__ == "__main__":
    main()
