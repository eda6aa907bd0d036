"""Makes car_loan.parquet: `python tests/data/make_car_loan.py nannyml-0.13.1-py3-none-any.whl`.

README.md says where the wheel is from, and its licence.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

FOLDER = "nannyml/datasets/data/"
COLUMNS = (
    *("car_value", "debt_to_income_ratio", "loan_length", "driver_tenure", "y_pred_proba"),
    *("salary_range", "size_of_downpayment", "repaid_loan_on_prev_car", "repaid"),
)


def read(archive: zipfile.ZipFile, name: str) -> pa.Table:
    return csv.read_csv(pa.BufferReader(archive.read(f"{FOLDER}synthetic_car_loan_{name}.csv")))


def car_loan(wheel: Path) -> pa.Table:
    """The 50,000 rows of the reference, then the 50,000 of the analysis with their labels."""
    with zipfile.ZipFile(wheel) as archive:
        known, seen, labels = (
            read(archive, name) for name in ("reference", "analysis", "analysis_target")
        )
    assert labels["id"].equals(seen["id"])
    seen = seen.append_column("repaid", labels["repaid"].cast(pa.float64()))
    whole = pa.concat_tables([known.select(COLUMNS), seen.select(COLUMNS)])
    fits = {"car_value": pa.int32(), "loan_length": pa.int8(), "repaid": pa.int8()}
    for name, kind in fits.items():
        whole = whole.set_column(whole.column_names.index(name), name, whole[name].cast(kind))
    chunk = np.concatenate([np.full(known.num_rows, -1), np.arange(seen.num_rows) // 5000])
    return whole.add_column(0, "chunk", pa.array(chunk, pa.int8()))


if __name__ == "__main__":
    parquet.write_table(
        car_loan(Path(sys.argv[1])),
        Path(__file__).parent / "car_loan.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=["salary_range", "size_of_downpayment", "car_value", "y_pred_proba"],
        column_encoding=dict.fromkeys(
            ("debt_to_income_ratio", "driver_tenure"), "BYTE_STREAM_SPLIT"
        ),
    )
