"""Write docs/tables.md and docs/spec.md from the code: `python docs/generate.py`.

Needs neither Spark nor Java. tests/unit/test_docs.py fails when a page is out of date.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from sparkdrift.health.verdict import told
from sparkdrift.spark.schemas import STORE_VERSION, TABLES
from sparkdrift.spark.table import Table
from sparkdrift.spec.features import Auto
from sparkdrift.spec.functions import FUNCTIONS
from sparkdrift.spec.health_policy import DEFAULT_RULES
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.validating import show
from sparkdrift.spec.values import Section


def _rules() -> str:
    """The default rules in words."""
    return "; ".join(f"`{told(one)}`" for one in DEFAULT_RULES)


ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTICE = "<!-- Made by docs/generate.py: change the code, then run it again. -->"

HOW_WRITTEN = {
    "results": "Results: a window is replaced as a whole, in one commit, when what it came from "
    "changes; the change data feed tells what each commit did.",
    "log": "Log: rows are only added; `sparkdrift forget` alone deletes some.",
}
ABOUT_VIEWS = {
    "active_references": "Which version of a reference is in force, from which window start "
    "(`effective_from`) until which (`effective_until`, NULL: still).",
    "debts": "What is owed, one row each, of a debt that came back its newest life: `status` open, "
    "acknowledged, waived (`until`) or closed, since the window of `window_start`, last found in "
    "that of `seen`. `age_days` in event time; `interest` is what it cost while it was open, in "
    "business units, `interest_loss` the same in the unit of the metric, over `windows`; NULL: not "
    "known, for `interest_reason`. Of a declared model `monitor` is 'model:' and its id, and its "
    "age is one of the clock. `opened`, `last_seen` and `closed` are when its events were written.",
    "current_drift": "The rows of `drift` under the thresholds and the reference now in force. "
    "`drift` itself keeps the rows of earlier ones beside them.",
    "current_assumptions": "The rows of `assumptions` under what is assumed now and the reference "
    "in force. `since` is the first window of the present run of violated ones, "
    "`violated_windows` how many they are so far: `ok` or `warning` ends a run, a window that was "
    "not measured neither begins nor ends one. Both are NULL for a window that is not violated.",
    "alerts": "The windows of `current_drift` in which an alert stands: `alert_windows` of the "
    "last `alert_of` measured ones are `alerting`. A window that was not measured neither raises "
    "nor clears one; one of `insufficient_data` has a say if its effect is known to within "
    "`effect_size`. `since` is the first alerting window of the run, `windows` how many measured "
    "windows there are from it on, `alerting_windows` how many of them are alerting. `severity` is "
    "what `alert_windows` of the last `alert_of` windows reached at least, `reason` that of the "
    "newest alerting one; `status`, `effect` and the other figures are this window's own. "
    "`suppression` says why nobody is to be called: this window is suppressed, or the alert stands "
    "on suppressed ones only.",
    "latest_health": "The newest verdict of each monitor: the columns of `model_health`, and how "
    "it was answered. An answer counts for the verdict that it was given to, for as long as that "
    "stands; `declined` leaves it open. NULL: nobody answered.",
    "fleet": "One row for each model, the newest verdicts of its monitors together: the weightiest "
    "`verdict` counts, losses are added. `rank`: blind models first (`blind`: no evidence, or no "
    "fresh verdict), then by `cost` per window, `loss`, severity and the oldest debt; retired ones "
    "last. `fresh`: the verdict is younger than two days and than three of its windows. `overdue`: "
    "`due` is past. `cost` is NULL where monitors of one model have several currencies. Both are "
    "held against the clock; `sparkdrift fleet --as-of` takes another time. More than one of "
    "`owners` is a contradiction.",
    "feedback": "The share of rows that the model itself shaped, per window and slice (`feedback` "
    "in the spec): `shaped_rows` of the `known_rows` of which it is known, with Wilson's 95 % "
    "interval from `low` to `high`. NULL: not measured, for `reason`.",
    "training_staleness": "How far each window is from what the model was trained on, from the "
    "rows of the comparison `training` in `current_drift`: per feature, and as one figure under "
    "`column_name` ':all'. `age_days` from the newest training event to the end of the window "
    "(NULL: not known), `outside_share` of the rows in categories or beyond the range that "
    "training did not have, `effect` the distance in sd; of ':all' the largest of each, `widest` "
    "being the column with the largest effect, and `mean_effect` their mean, weighed by "
    "`importance`. `first_material`: the first window, up to this one, that drifted from the same "
    "version. `measured` of `columns` have a distance.",
    "first_seen": "The new categories in `current_drift` (those its reference lacks), by slice and "
    "feature: the first window in which each was seen, the last, in how many windows, and how many "
    "rows it had in them. A window lists its twenty most frequent new categories: what was always "
    "rarer than these is not here, and what rose among them late has a late first window.",
}
ABOUT_SECTIONS = {
    "model": "Which model the monitor watches the inputs of, where in its life it stands, and "
    "whose it is. What stands in the file that `registry` names need not stand here, and must not "
    "contradict it. The monitors of a retired model stop: `run` skips them and says so. "
    "[Lifecycle](lifecycle.md).",
    "source": "The table that is watched; exactly one of `table` and `path`.",
    "source.payload": "The table is a serving log: a row is a call, whose request and response "
    "are JSON texts in the columns `request` and `response`, such as Databricks inference tables. "
    "Each row of its batch becomes a row that is watched, with the log's other columns beside it; "
    "`fields` and `predictions` are columns then. Accepted in a request are `dataframe_records`, "
    "`dataframe_split`, `instances`, and `inputs` as records or columns; in a response a list "
    "under `predictions` or `outputs`, or a list alone, of values, of lists, or of objects by "
    "name. A field that is missing is NULL. What does not fit is counted, as the share of rows in "
    "the metrics `payload_unreadable` (a call whose request has none of these forms: one row), "
    "`payload_mismatched` (a value that can't be read as its type, and is NULL; a number in "
    "quotes can), `payload_undeclared` (a field that is not declared) and `payload_unpaired` (no "
    "prediction for the row). How many fields it was stands in columns of these names, and the "
    "place in the batch in `payload_row`. `filter` and the timestamp are the log's own. [An "
    "example](databricks.md#inference-tables).",
    "timestamp": "The column of event time, and the zone in which windows are cut.",
    "windows": "How event time is cut, and when a window counts as closed.",
    "retention": "How long windows of each grain are kept after their end, counted back from the "
    "end of the newest stored window; `sparkdrift prune` deletes the rest. A month counts as 31 "
    "days, a year as 366. Longer windows are kept at least as long as those they are merged from.",
    "features": "What to watch: written down, found by type (`auto`), or both. Binary columns "
    "are refused; nested ones are watched by an expression, as a vector, or from a view.",
    "features.numeric[]": "One entry of `features.numeric` or `features.categorical`; a column "
    "name alone stands for `{column: name}`. Instead of a column, an `expression` with a `name`: "
    "`{name: basket_size, expression: size(items)}`. It reads the columns of one row, through the "
    "[functions](#functions) that are accepted: no aggregates, windows, subqueries, nor anything "
    "that differs from call to call. Rows on which it is NULL are counted; where it fails on a row "
    "the feature is not measured in that batch of windows, so write `try_divide`, `try_cast`, "
    "`get` where that can happen. A changed expression is another definition. Dates and "
    "timestamps, under `numeric`: `as: age` is the days of 24 hours from the value to the event, "
    "`as: number` the days (date) or seconds (timestamp) since 1970; a date or timestamp without "
    "a zone is local time in the monitor's zone.",
    "features.vector[]": "A column of vectors (embeddings), array<float> or array<double>. It is "
    "watched as several features: `NAME.norm`; `NAME.dimension`, the length as a category; and "
    "`NAME.projection_0`, ... : the inner products with fixed random unit vectors, which depend on "
    "`seed` and `dimension` alone. Norm and projections are NULL, and counted as such, for a "
    "vector that is NULL, holds a NULL, or has another length; NaN and infinity are counted as "
    "such. Single precision. A shift of the mean along one direction shows in a projection as "
    "about its size divided by the square root of the dimension: what changes in one coordinate "
    "of a thousand is better watched by an expression, `get(NAME, 7)`. Needs Spark 4.2 or "
    "Databricks Runtime 18.1.",
    "features.text[]": "A column of free text; a column name alone stands for `{column: name}`. It "
    "is watched as four features: `NAME.length` (characters), `NAME.words` (runs of anything but "
    "white space), and, as categories true and false, `NAME.empty` (no word) and "
    "`NAME.non_ascii` (a character beyond ASCII).",
    "features.auto": "Columns found by type: all that no other part of the spec uses, or those "
    "in `include`, but for those in `exclude`. `true` stands for `{}`.",
    "prediction": "The columns of the model's output. Score and decision are watched like "
    "features; the label is read by `evaluation`, which joins later ones by `key`. Of `key`, "
    "references of scanned rows keep a theta sketch (hashes, no key): an evaluation set that "
    "shares more than `evaluation.limits.overlap` of its keys with the training reference in "
    "force, or the other way round, is blocked at the gate. [What is "
    "computed](statistics.md#overlap).",
    "metrics{}": "One number per window and slice, under its name: exactly one of `sum`, `count`, "
    "`min`, `max`, `ratio`, `derived`, and its own thresholds. What they mean: "
    "[statistics](statistics.md#custom-metrics).",
    "metrics{}.ratio": "The sum of `of` over the sum of `over`, over the rows where neither is "
    "NULL; a condition counts as 1 or 0. `[x, 1]` is the mean of x.",
    "feedback": "Which rows the model itself shaped: what it said was acted on, so that their "
    "outcome is in part its own doing. `shaped` is a condition on one row (a column of decisions "
    "that were applied, of overrides, of exploration); where it is NULL, it is not known. Their "
    "share is the metric `metric:shaped`: counted with the others, for every window and slice, and "
    "judged as they are; the view [`feedback`](tables.md#feedback) has it with its interval. Of a "
    "reference, a share above `limit` blocks at the gate. With `compare` the features of shaped "
    "rows are held against those of the others in each window: rows of `current_drift` with the "
    "comparison `unshaped`, which never alert. "
    "[What is looked at](statistics.md#feedback).",
    "feedback.decisions": "A table of what was done with the predictions, joined by key to the "
    "rows that were scored: exactly one of `table` and `path`. `shaped` may then read its columns "
    "beside those of the row, which are NULL for a row without a decision: write "
    "`coalesce(applied, false)` where none means that nothing was done. A key that has several "
    "rows counts once, by the newest `decided_at`. Windows whose decisions came late or changed "
    "are profiled again.",
    "operations{}": "One label-free signal of how the model is worked with, under its name: the "
    "share of rows on which `expression` holds, or the mean of `value`, a number such as the "
    "seconds that a decision took. Rows on which it is NULL are left out. It is the metric "
    "`metric:NAME` as well: counted in the same pass, for every window and slice, rolled up, "
    "frozen into references and judged by `drift`, in both directions; `effect_size` and `warn_at` "
    "as of metrics. The table [`operations`](tables.md#operations) has its value with interval, "
    "trend, and where on the score its events are; there, and in the blind spot, a change alerts "
    "only for the worse: `worse`. [What is computed](statistics.md#operations).",
    "evaluation": "How the model is measured, and by what its measuring may have gone stale: "
    "evaluation sets, labels that arrive later, operating thresholds, the dashboard that reports "
    "on the model, and what it would be replaced by. Without it no performance is measured. Needs "
    "`prediction.score` (of `multiclass`, `classes`).",
    "evaluation.positive": "What counts as positive; by default label and decision are 0 or 1, or "
    "booleans. `decision` holds where the model said positive: the class that a high score stands "
    "for. Of an approval by a score of default that is `approved = 0`.",
    "evaluation.sets{}": "Rows with label and score, frozen as references of the role "
    "`evaluation`: exactly one of `table` and `path`.",
    "evaluation.labels": "A table of labels, joined by key to the rows that were scored. A key "
    "that has several rows counts once, by the newest `known_at`. Without it the label is a column "
    "of the watched table.",
    "evaluation.thresholds{}": "An operating threshold: rows are positive from `value` on. Who "
    "calibrated it, when and on what, and the target that `sparkdrift recalibrate` is to restore.",
    "evaluation.thresholds{}.target": "Exactly one.",
    "evaluation.dashboard": "What the dashboard says. With a table, one row per time and metric, "
    "in the columns named here; without, its metrics are computed from the evaluation set.",
    "evaluation.dashboard.metrics{}": "A metric's accepted value and its band.",
    "evaluation.baseline": "The simple rule that the model is held against on the same rows.",
    "evaluation.outcome": "The business outcome that the metric should go with: the better the "
    "one, the better the other. `better`: whether more of it is better, or less, as of a loss.",
    "evaluation.limits": "From where on a figure of staleness warns. `overlap` is of the gate, and "
    "holds without this section as well: from which share of its keys on, that training data have "
    "too, an evaluation set is blocked.",
    "importance": "How much each feature counts for the model: a table (exactly one of `table` and "
    "`path`; its columns are `feature` and `value` unless named, and `model_version` and `time` "
    "where it has them: a window takes the newest rows from before its end), or an `estimate` from "
    "`rows` rows of each window: `linear`, or `permutation` of boosted trees, which sees what is "
    "not linear and takes seconds per window. Without this section the weights under "
    "`alerts.importance` are taken. [What is told](statistics.md#the-debt-of-features).",
    "feature_debt": "With this section, and with `evaluation` or importances also without it, the "
    "debt of features is told. From where on it warns: `association`, a change of r, V or "
    "eta with the label, or with `outcome`, a number or 0 and 1 in the watched table, both of "
    "which need `evaluation`; "
    "`concentration`, of the sum of squared importances; `drifted_importance` and `cliff_risk`, "
    "shares of importance, which need importances; `encoding`, the share of rows in another "
    "spelling. A limit of what is not told is refused.",
    "reference": "What windows are compared with: an interval of the watched table (`begin`, "
    "`end`), or another table (`table`, `path`). Another interval, table or filter than before "
    "asks for another version: the next run freezes it, and puts it in force if the gate "
    "lets it pass.",
    "drift": "What counts as drift. `seasonal`: a window is compared with those of the reference "
    "that share its weekday or its hour (in the monitor's zone), where 8 or more of them have "
    "rows. `auto` does so by weekday for days and by hour for hours, for the features whose "
    "reference shows such a pattern; `weekday` and `hour` for all. Weeks and months have none, "
    "and neither have custom metrics, nor the shares of NULLs, NaNs and so on. `comparisons`: what "
    "each window, feature and slice is held against, each giving a row of `drift`: `baseline`, the "
    "reference in force; `consecutive`, the nearest of the 7 windows before that has rows; "
    "`seasonal`, the window a week earlier by the local clock (hours, days) or a year earlier "
    "(months; weeks have none); `origin`, version 1 of the reference; `training`, the reference of "
    "that role and name. [What they mean](statistics.md#comparisons).",
    "drift.overrides{}": "Thresholds of one feature, under its name.",
    "drift.limits": "From which change of a share on a difference is material.",
    "alerts": "When an alert stands: after `windows` of the last `of` measured windows. A "
    "window counts from the severity `least` on. Whatever is decided here is kept in the rows of "
    "`drift`; the view [`alerts`](tables.md#alerts) reads it. Only rows of `comparisons`, which "
    "are some of `drift.comparisons`, count towards alerts and for `--fail-on`.",
    "policy": "What turns findings into one verdict on the model, with a due date and a name on "
    "it, and keeps a ledger of what is owed: [health](health.md). Each kind of evidence is at a "
    "level: nothing, minor, major, critical, or not measured. `needs`: without these a model is "
    "blind, and with less than `least` of one of them; of what the spec asks for, whatever is "
    "missing makes it one to watch, and so does whatever was measured once and is not any more. "
    "`not_expected` names such evidence, once no section of the spec asks for it, or a debt by its "
    "id, such as `drift of amount` of a column that is not there any more: it is missed no longer, "
    "and its debts are closed. "
    "`closes_after`: after how many measured windows without it a debt is closed. `escalation`: "
    "who answers once it is overdue.",
    "policy.rules[]": "A rule holds where all that `when` names is at least as bad as it says; of "
    "all rules that hold the weightiest verdict counts. They stand in place of the default ones: "
    f"{_rules()}. Whatever they say, anything that is not ok is at least to be watched, and what "
    "is needed and not measured leaves the model blind.",
    "policy.persistence": "In how many of the last measured windows something is found before it "
    "counts as more than minor and is a debt. Alerts of drift have their own (`alerts`), "
    "performance has that of `degraded`, and a blind dashboard one of both.",
    "policy.due": "How long after the end of the window in which the verdict began, or a debt was "
    "opened, something must have been done, by severity.",
    "policy.ages": "How long what was measured counts for later windows in which it was not, "
    "counted from the end of one window to that of the other. Beyond it is not measured.",
    "alerts.severity": "A drifted window is minor, from `major` times its limit on major, from "
    "`critical` times on critical; a warning stays a warning. The limit is `effect_size`, or that "
    "of the share that changed; the multiple is weighed by `alerts.importance`.",
    "alerts.suppress[]": "Windows that overlap [`begin`, `end`) call nobody: they are judged and "
    "stored as ever, with the reason in `suppression`, and `--fail-on` does not count them. Only "
    "these windows become due when one is added.",
    "assumptions.confirmed": "When the team that built the model and the one that runs it agreed. "
    "What is declared and not confirmed by both is a debt; what is learned needs nobody.",
    "assumptions.features{}.confirmed": "The same of one feature, in place of that of the section.",
    "assumptions.monotone[].confirmed": "The same of one order, in place of that of the section.",
    "maintenance": "Work that is due again and again. What is overdue at the end of a window is a "
    "debt of its owner. [The plan](lifecycle.md#the-maintenance-plan).",
    "maintenance.retraining": "The same for each kind of work. A month counts as 31 days, a year "
    "as 366.",
    "on_verdict[]": "Who is told of a verdict: exactly one of `table`, `webhook`, `mlflow`, in the "
    "first window of a run of windows with it, and once. [Triggers](lifecycle.md#triggers).",
    "on_verdict[].webhook": "A POST of JSON, signed by HMAC-SHA256; the secret is read from the "
    "environment and stands nowhere else.",
    "on_verdict[].mlflow": "Tags on a version of a registered model; needs "
    "`pip install 'sparkdrift[mlflow]'`.",
    "dependence": "Which pairs of numeric features (the score is one) are watched for moving "
    "together in another way: `auto` stands for `{auto: true}`, all pairs. One more pass over the "
    "rows keeps the state of each pair, for the whole table, not for slices; windows that are "
    "stored already have none until they are profiled again (`run --begin`), nor has a reference "
    "that was made of them. What is found is in `assumptions`.",
    "assumptions": "What must hold of each window: see [statistics](statistics.md#assumptions). "
    "Nothing is assumed without this section; `assumptions: {learned: true}` takes from the "
    "reference in force the range of each number, the values of each category, and that there is "
    "no NULL where it had none. `independent` pairs have no correlation, up to `dependence.limit`. "
    "`examples: hash` keeps 12 digits of the SHA-256 of violating and learned values instead, "
    "which somebody who can guess values can check; `none` keeps nothing. It is of these rows "
    "alone, numbers included; values that `privacy` hides never reach them.",
    "assumptions.features{}": "What holds of one feature, in place of what would be learned; `off` "
    "turns one off. A `range` is of the finite values and infinities, a `domain` of the values "
    "that are not NULL. Any row breaks a declared rule, unless `tolerate` admits a share.",
    "assumptions.monotone[]": "With `with`: the correlation of both is above 0 (below, for "
    "decreasing) in each window. Without: the median does not fall (rise) from window to window.",
    "privacy": "How the values of categorical features, the decision and slices are stored: "
    "`shown` as they are, `hashed` as 16 hexadecimal digits of the SHA-256 of a key and the value, "
    "`withheld` so as well, and shown to nobody. `of`: by the name of a feature or the column of "
    "a slice; what is not named is stored as the strictest of the columns it reads. The key is "
    "derived from the variable `key_env` and the monitor; without it nothing is read. Values that "
    "the spec lists (`slice_values`, a `domain`) are written as they are. Another setting or key "
    "is another definition. [What that hides, and what not](operations.md#values-that-are-hidden).",
    "sketch": "How much state is kept for each window, slice and feature.",
    "degraded": "What `degraded` means for this model, said before it happens. Stored and "
    "checked; what performance is held against. A point, by which a loss is priced, is 0.01 of "
    "what is a share (all metrics but mae, rmse and business_value): with `value_per_point: 9000` "
    "a loss of 0.02 of accuracy costs 18000 per window. Priced are windows of the grain and the "
    "whole table: a slice or a longer window has no price of its own.",
    "degraded.payoff": "Business units per case, for each cell of the confusion matrix.",
    "degraded.persistence": "In `windows` out of the last `of` windows.",
}


def tables_page() -> str:
    """The tables and views of a store, column by column."""
    about = (
        f"A store (version {STORE_VERSION}) is a folder or a catalog schema with these Delta "
        "tables. They use no feature that only Spark reads: `deltalake`, DuckDB and others read "
        "them too. Times are UTC. `sparkdrift sql` knows the tables and views by these names; "
        "another engine reads the tables. A catalog has the views as well, and for each monitor "
        "two with the columns of Databricks data profiling: [databricks.md](databricks.md)."
    )
    lines = [
        *("# Tables", "", NOTICE, "", about, ""),
        *(f"- [`{table.name}`](#{table.name}): {table.comment}" for table in TABLES),
        *(f"- [`{name}`](#{name}) (view): {_first(ABOUT_VIEWS[name])}" for name in views()),
        "",
    ]
    for table in TABLES:
        lines += _table(table)
    for name, columns in views().items():
        lines += [f"## {name}", "", ABOUT_VIEWS[name], "", f"Columns: {_names(columns)}.", ""]
    return "\n".join(lines)


def _table(table: Table) -> Iterator[str]:
    yield from (f"## {table.name}", "", f"{table.comment}. {HOW_WRITTEN[table.kind]}", "")
    yield from (f"Key: {_names(table.key)}.", "")
    yield from ("| column | type | what it holds |", "|---|---|---|")
    for column in table.columns:
        yield f"| `{column.name}` | {_cell(_code(column.type))} | {_cell(column.comment)} |"
    yield ""


_VIEWS = ("views", "debt_views", "health_views")


def views() -> dict[str, tuple[str, ...]]:
    """Each view and its columns, from the text of its SQL: importing it would need pyspark."""
    modules = [ROOT / f"sparkdrift/spark/{name}.py" for name in _VIEWS]
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for module in modules
        for node in ast.parse(module.read_text("utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    by_name = {table.name: table.names for table in TABLES}
    return {
        "active_references": _selected(texts["ACTIVE_REFERENCES"]),
        "current_drift": by_name["drift"],
        "alerts": _selected(texts["ALERTS"]),
        "first_seen": _selected(texts["FIRST_SEEN"]),
        "current_assumptions": (*by_name["assumptions"], "since", "violated_windows"),
        "debts": _selected(texts["DEBTS"]),
        "feedback": _selected(texts["FEEDBACK"]),
        "training_staleness": _selected(texts["TRAINING_STALENESS"]),
        "latest_health": (
            *by_name["model_health"],
            *("answer", "answered_by", "answered_at", "answer_reason"),
        ),
        "fleet": _selected(texts["FLEET"]),
    }


def _selected(query: str) -> tuple[str, ...]:
    """The columns that a query's own SELECT names; in ALERTS it is the last one."""
    found = re.findall(r"^SELECT(.*?)\nFROM", query, re.DOTALL | re.MULTILINE)
    if not found:
        raise ValueError(f"no SELECT begins a line of: {query}")
    return tuple(re.split(r"\W", one.strip())[-1] for one in found[-1].split(","))


def spec_page() -> str:
    """Every key of a monitor spec, and the commented example."""
    example = (ROOT / "conf/monitors/example.yml").read_text("utf-8").rstrip()
    about = (
        "One YAML file describes one monitor: one source table, watched for one model, with one "
        "owner. `sparkdrift init TABLE` drafts one from a table; `sparkdrift validate SPEC` holds "
        "it against the table and reports every problem at once. Unknown keys are errors. Column "
        "names are compared without case, as Spark does."
    )
    lines = [
        *("# Monitor spec", "", NOTICE, "", about, ""),
        "## A complete example",
        "",
        "```yaml",
        example,
        "```",
        "",
        "## Every key",
        "",
        "| key | accepted | default |",
        "|---|---|---|",
        *_rows(MonitorSpec, ""),
        "",
    ]
    for place, section in sections(MonitorSpec):
        lines += [f"### {place}", "", ABOUT_SECTIONS[place], ""]
        lines += ["| key | accepted | default |", "|---|---|---|", *_rows(section, ""), ""]
    lines += [
        "## Functions",
        "",
        _FUNCTIONS,
        "",
        ", ".join(f"`{one}`" for one in sorted(FUNCTIONS)),
    ]
    return "\n".join([*lines, ""])


_FUNCTIONS = (
    "What an expression (of features, metrics, a filter, feedback) may call: functions of Spark "
    "SQL that give the same value for the same row and touch nothing else. Not among them is what "
    "reads a clock, a user, a file or a secret, what is random, takes a lambda, aggregates or "
    "makes rows, and what makes a value of any length. Refused for the same reasons: the words "
    "'now', 'today', 'tomorrow', 'yesterday' as constants, which Spark reads as the clock where it "
    "expects a time (LIKE 'today' is accepted); numbers of digits above 38 in round and its kind; "
    "nested functions that make a text over 1,000 times as long; more than 200 operators applied "
    "to one another."
)


def sections(model: type[Section], prefix: str = "") -> Iterator[tuple[str, type[Section]]]:
    """Every section below `model`, each once, with its place in the spec."""
    seen: set[type[Section]] = set()
    for name, field in model.by_key().items():
        section = _section(field.annotation)
        if section is None or section in seen:
            continue
        seen.add(section)
        place = f"{prefix}{name}{_suffix(field.annotation)}"
        yield place, section
        yield from sections(section, f"{place}.")


def _rows(model: type[Section], prefix: str) -> Iterator[str]:
    for name, field in model.by_key().items():
        accepted = _cell(_accepted(field) + (f": {field.title}" if field.title else ""))
        yield f"| `{prefix}{name}` | {accepted} | {_cell(_default(field))} |"


def _accepted(field: FieldInfo) -> str:
    choices = _choices(field.annotation)
    if choices and get_origin(field.annotation) not in (tuple, Mapping):
        return ", ".join(f"`{choice}`" for choice in choices)
    section = _section(field.annotation)
    described = field.description or _described(field.annotation)
    if described:
        return described
    if section is not None:
        either = "`true`, `false`, or " if section is Auto else ""
        return f"{either}a mapping, see below"
    raise ValueError(f"{field!r} says neither what is accepted nor is it a section")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, Section) or value in ((), {}):
        return ""
    if isinstance(value, tuple):
        if isinstance(value[0], Section):
            return "see below"
        return _code(f"[{', '.join(map(show, value))}]")
    return _code(_duration(value) if isinstance(value, timedelta) else show(value))


def _duration(value: timedelta) -> str:
    """As a spec says it: '90 days', '0'."""
    minutes = value // timedelta(minutes=1)
    for name, of in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes and minutes % of == 0:
            number = minutes // of
            return f"{number} {name}{'s' if number != 1 else ''}"
    return "0"


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        arguments = arguments[:1]  # the keys that can be chosen
    found = (_choices(argument) for argument in arguments)
    return next((choices for choices in found if choices), ())


def _described(annotation: Any) -> str | None:
    """The description inside `Annotated[X, Field(description=...)] | None`."""
    notes = getattr(annotation, "__metadata__", ())
    own = (getattr(note, "description", None) for note in notes)
    inner = (_described(argument) for argument in get_args(annotation))
    return next((text for text in (*own, *inner) if text), None)


def _section(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section(argument) for argument in get_args(annotation))
    return next((section for section in found if section is not None), None)


def _suffix(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is tuple:
        return "[]"
    return "{}" if isinstance(origin, type) and issubclass(origin, Mapping) else ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _first(text: str) -> str:
    return text.split(". ")[0].rstrip(".")


PAGES: dict[str, Callable[[], str]] = {"tables.md": tables_page, "spec.md": spec_page}


def main() -> int:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
