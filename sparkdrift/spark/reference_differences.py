"""How far versions of a reference are from each other, by the measures that judge windows.

A later version stands where a window would: the kernel of the comparisons reads both from what
is stored. No source row is read, and figures alone reach the driver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.compared import ASKED, COMPARED, KEYS, REFERENCE, WINDOW
from sparkdrift.kernels.comparing import compare
from sparkdrift.measures.evidence import MATERIAL_LEVEL
from sparkdrift.references.life import Name
from sparkdrift.spark.alerting import policy_of
from sparkdrift.spark.comparison import OF_ASKED, OF_PROFILES, shaped
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.metrics import row_variance
from sparkdrift.spark.reference_life import ROLE, Snapshot
from sparkdrift.spark.sql import ddl, quote, string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

REBUILT = 0
"""The number of a version that is not stored: rows that were made to be compared."""
Held: TypeAlias = tuple[Name, Snapshot]
"""A version, and the reference that it is one of."""
_NAMES_APART = 1_000_000
FIGURES = (
    *("d_statistic", "effect", "effect_low", "effect_high", "p_material", "psi", "n_eff"),
    *("ks_statistic", "wasserstein_distance", "shift", "null_delta", "new_category_share"),
    *("vanished_share", "out_of_range_share", "power"),
)
MISSING = ("null", "nan", "infinite")
"""The tests of shares of rows without a value."""
_APART = ("no_reference", "schema_changed")


@dataclass(frozen=True)
class Difference:
    """One slice and feature of a version, held against another one.

    earlier, later: the versions, of the references `of` and `to`. figures: by name, as in `drift`;
    None for what was not measured. new_categories: the largest, with their rows. reason: why
    nothing was measured, else None. missing: of each of MISSING that changed, by how much (-1 to
    1) and whether that surely is more than what matters; empty where the two make no sense beside
    each other, as where they are of other types.
    """

    earlier: int
    later: int
    slice_key: str
    slice_value: str | None
    column_name: str
    rows: int
    figures: dict[str, float | None]
    new_categories: tuple[tuple[str, int], ...] = ()
    moved: str = ""
    reason: str | None = None
    of: str = ""
    to: str = ""
    missing: Mapping[str, tuple[float, bool]] = field(default_factory=dict)

    @property
    def material(self) -> bool | None:
        """Whether the two surely differ by more than what matters; None: not measured."""
        p = self.figures["p_material"]
        return None if p is None else p < MATERIAL_LEVEL


def differences(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    pairs: Sequence[tuple[Held, Held | DataFrame]],
    *,
    sliced: bool = False,
) -> list[Difference]:
    """Pairs of versions (earlier, later), feature by feature; `sliced`: every slice as well.

    They are of one monitor and role, and may be of several names. The later one may be rows that
    are not stored (see `REBUILT`), at most one such frame, with the columns of a reference.
    Features that one side alone has are in no row.
    """
    stored = [one for _, one in pairs if isinstance(one, tuple)]
    rebuilt = [one for _, one in pairs if not isinstance(one, tuple)]
    names = list(dict.fromkeys(name.name for name, _ in (*(one for one, _ in pairs), *stored)))

    def number(one: Held | DataFrame) -> int:
        if not isinstance(one, tuple):
            return REBUILT
        return names.index(one[0].name) * _NAMES_APART + one[1].version

    compared = [(number(earlier), number(later)) for earlier, later in pairs]
    kept = "kind IN ('numeric', 'categorical')"
    if not sliced:
        kept += f" AND slice_key = {string(WHOLE)}"
    bases = _numbered(frozen_rows(spark, store, (one for one, _ in pairs)), names).where(kept)
    seen = _numbered(frozen_rows(spark, store, stored), names)
    columns = [*KEYS, *OF_PROFILES]
    windows = seen.selectExpr("version", *map(quote, columns))
    for frame in rebuilt:
        own = frame.selectExpr(f"{REBUILT} AS version", *map(quote, columns))
        windows = windows.unionByName(own)
    windows = windows.where(kept)
    asked = ", ".join(
        f"struct({one} AS earlier, {other} AS later)" for one, other in sorted(set(compared))
    )
    at = "timestamp_seconds(version)"
    of_profiles = {column: column for column in OF_PROFILES}
    parts = [
        shaped(
            bases,
            REFERENCE,
            of_profiles
            | {
                "role": string(ROLE),
                "reference_version": "version",
                "row_variance": row_variance(spec),
                "bins": "bins",
                "window_bins": "window_bins",
                "window_shares": "window_shares",
                "window_unseen": "window_unseen",
            },
        ),
        shaped(windows, WINDOW, of_profiles | {"window_start": at}),
        shaped(
            windows.selectExpr(*KEYS, "version", f"inline(array({asked}))").where(
                "later = version"
            ),
            ASKED,
            {
                **dict.fromkeys(OF_ASKED, "NULL"),
                "window_start": at,
                "comparison": string(ROLE),
                "role": string(ROLE),
                "reference_version": "earlier",
                "input_digest": "''",
            },
        ),
    ]
    rows = parts[0].unionAll(parts[1]).unionAll(parts[2])
    ordered = rows.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    # A version is of many days and hours: it has no season of its own.
    policy = replace(policy_of(spec), season=None)
    found = ordered.mapInArrow(compare(policy), ddl(COMPARED)).selectExpr(
        *KEYS,
        "CAST(unix_seconds(window_start) AS INT) AS later",
        "reference_version AS earlier",
        "row_count",
        *FIGURES,
        "new_categories",
        "moved",
        "unmeasured",
        "unmeasured_reason",
        *("test_names", "test_deltas", "test_material"),
    )
    return [difference_of(row, names) for row in found.toArrow().to_pylist()]


def _numbered(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """With numbers of versions that are not the same in two references."""
    cases = " ".join(f"WHEN {string(name)} THEN {i * _NAMES_APART}" for i, name in enumerate(names))
    return rows.withColumn("version", F.expr(f"version + CASE name {cases} END")) if names else rows


@dataclass(frozen=True)
class Described:
    """One feature of a version, over the whole table.

    measured: rows with a value, of a sample as many as it is worth.
    """

    kind: str
    data_type: str | None
    definition: str
    status: str
    rows: int
    measured: float


def described(
    spark: SparkSession, store: Store, versions: Sequence[Held]
) -> list[dict[str, Described]]:
    """The features of each version, in their order, by column name; no sketch is read."""
    nothing = " + ".join(
        f"coalesce({one}_count, 0)"
        for one in ("null", "nan", "positive_infinity", "negative_infinity")
    )
    rows = (
        frozen_rows(spark, store, versions)
        .where(f"slice_key = {string(WHOLE)} AND kind IN ('numeric', 'categorical')")
        .selectExpr(
            *("name", "version", "column_name", "kind", "data_type", "definition_hash", "status"),
            "coalesce(row_count, 0) AS rows",
            "coalesce(effective_rows, aggregate(bins.counts, 0D, (sum, one) -> sum + one),"
            f" coalesce(row_count, 0) - ({nothing})) AS measured",
        )
        .collect()
    )
    found: dict[tuple[str, int], dict[str, Described]] = {
        (name.name, one.version): {} for name, one in versions
    }
    for row in rows:
        found[row["name"], row["version"]][row["column_name"]] = Described(
            kind=row["kind"],
            data_type=row["data_type"],
            definition=row["definition_hash"],
            status=row["status"],
            rows=row["rows"],
            measured=float(row["measured"] or 0),
        )
    return [found[name.name, one.version] for name, one in versions]


def difference_of(row: dict[str, Any], names: Sequence[str]) -> Difference:
    """What the kernel says of two versions; names: of references, by their place in a number."""
    of, earlier = divmod(row["earlier"], _NAMES_APART)
    to, later = divmod(row["later"], _NAMES_APART)
    return Difference(
        earlier=earlier,
        later=later,
        of=names[of],
        to="" if later == REBUILT else names[to],
        slice_key=row["slice_key"],
        slice_value=row["slice_value"],
        column_name=row["column_name"],
        rows=row["row_count"],
        figures={name: row[name] for name in FIGURES},
        new_categories=tuple((one["item"], one["count"]) for one in row["new_categories"] or ()),
        moved=row["moved"] or "",
        reason=row["unmeasured_reason"],
        missing={} if row["unmeasured"] in _APART else _missing(row),
    )


def _missing(row: dict[str, Any]) -> dict[str, tuple[float, bool]]:
    tests = zip(
        *(row[name] or () for name in ("test_names", "test_deltas", "test_material")), strict=True
    )
    return {
        name: (delta, p < MATERIAL_LEVEL)
        for name, delta, p in tests
        # A share that is the same on both sides has no test.
        if name in MISSING and p is not None and p == p
    }
