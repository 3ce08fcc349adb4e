#!/usr/bin/env bash
# CSV readers turn short commit hashes into numbers, and different revisions become equal.
#
# What:     DuckDB 2.0.1, pandas 3.1.1 and Polars 2.1.0 (PyPI), reading a CSV file with their defaults.
# Expected: hexadecimal text stays text, or at worst loses leading zeros; different values stay different.
# Happens:  a hash of digits and one `e` is read as a number with an exponent: 7e31942 and 41e8035 are both infinite, hence equal,
#           and 0e92615 and 0e55103 are both 0. There is no warning. One in 18 short hashes of seven digits consists of digits or
#           looks like a number. A column in which all values do is enough; files per revision or filtered files have few rows.
# Affected: anyone who groups or joins summary.csv or history.csv by `commit` or `fingerprint`.
# Solution: the query in docs/CI.md reads every column as text and converts the numbers.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: duckdb==2.0.1 pandas==3.1.1 polars==2.1.0
cat >"$work/history.csv" <<'CSV'
started,commit,p50_ms
2026-01-01,7e31942,1.0
2026-01-02,41e8035,2.0
2026-01-03,0e92615,4.0
2026-01-04,0e55103,8.0
CSV
"$work/venv/bin/python" - "$work/history.csv" <<'PY'
import sys

import duckdb
import pandas
import polars

path = sys.argv[1]
text = f"read_csv('{path}', all_varchar = true)"
left_alone = {
    f"DuckDB {duckdb.__version__}": duckdb.sql(f"""SELECT "commit" FROM read_csv('{path}')""").fetchall(),
    f"pandas {pandas.__version__}": [(value,) for value in pandas.read_csv(path)["commit"].tolist()],
    f"Polars {polars.__version__}": polars.read_csv(path).select("commit").rows(),
}
for reader, rows in left_alone.items():
    print(f"{reader}: {[value for (value,) in rows]}, {len(set(rows))} different")
as_text = duckdb.sql(f'SELECT DISTINCT "commit" FROM {text}').fetchall()
print(f"DuckDB with all_varchar: {len(as_text)} different")
if len(as_text) != 4 or any(len(set(rows)) != 2 for rows in left_alone.values()):
    print("CHANGED: a reader keeps the revisions distinct")
    sys.exit(1)
PY
