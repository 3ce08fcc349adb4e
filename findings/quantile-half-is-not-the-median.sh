#!/usr/bin/env bash
# In Polars and DuckDB, the 0.5 quantile of a column is not its median.
#
# What:     Polars 2.1.0 and DuckDB 2.0.1 (PyPI), with pandas 3.1.1 for comparison.
# Expected: quantile(0.5) equals median() within one library, and describe() shows the median as 50 %, as in pandas.
# Happens:  for 1, 2, 3, 10 the median is 2.5 everywhere, but Polars' quantile(0.5) and describe() return 3, and DuckDB's quantile
#           returns 2: one takes the nearest sample (upwards), the other the lower one, and the median of both is between two samples.
# Affected: anyone who recalculates the p50 of runs from history.csv with one of them. With few runs the figures differ by whole
#           samples, and a regression appears because the tool was changed.
# Solution: docs/CI.md names the functions that agree with workly-perf, whose percentiles are samples (nearest rank, docs/METHOD.md).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: duckdb==2.0.1 pandas==3.1.1 polars==2.1.0
"$work/venv/bin/python" - <<'PY'
import sys

import duckdb
import pandas
import polars

samples = [1.0, 2.0, 3.0, 10.0]
series = polars.Series(samples)
described = dict(series.describe().rows())["50%"]
in_polars = (series.median(), series.quantile(0.5), described)
query = f"SELECT median(v), quantile(v, 0.5), quantile_cont(v, 0.5) FROM (SELECT unnest({samples}::DOUBLE[]) AS v)"
in_duckdb = duckdb.sql(query).fetchall()[0]
column = pandas.Series(samples)
in_pandas = (column.median(), column.quantile(0.5), column.describe()["50%"])
print(f"samples {samples}")
print(f"Polars {polars.__version__}: median {in_polars[0]}, quantile(0.5) {in_polars[1]}, describe() 50 % {in_polars[2]}")
print(f"DuckDB {duckdb.__version__}: median {in_duckdb[0]}, quantile(0.5) {in_duckdb[1]}, quantile_cont(0.5) {in_duckdb[2]}")
print(f"pandas {pandas.__version__}: median {in_pandas[0]}, quantile(0.5) {in_pandas[1]}, describe() 50 % {in_pandas[2]}")
if in_polars != (2.5, 3.0, 3.0) or in_duckdb != (2.5, 2.0, 2.5) or in_pandas != (2.5, 2.5, 2.5):
    print("CHANGED: a library uses another sample")
    sys.exit(1)
PY
