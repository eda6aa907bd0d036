"""The pages as HTML: what they say, in which order, and that nothing in a name is executed."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sparkdrift.report.facts import Findings
from sparkdrift.report.page.document import page
from sparkdrift.report.page.fleet import fleet_page
from sparkdrift.report.page.material import Material
from sparkdrift.report.page.timeline import timeline
from sparkdrift.spec.registry import parse_registry
from tests.unit.report.page import made_rows as made

MOST_BYTES = 10_000_000
VOID = {"meta", "link", "br", "path", "rect"}


class Read(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def empty():
    return Material(Findings(), "./store", made.MADE, "0.1.0", "accuracy")


def model(material=None, **spec):
    return page(made.spec(**spec), material or made.material())


def fleet(rows, unjudged=()):
    return fleet_page(rows, unjudged, "./store", made.MADE, "0.1.0")


UNJUDGED = {"monitor": made.HOSTILE, "watched_until": made.day(5)}
PAGES = {
    "model": lambda: model(title=made.HOSTILE, owner=made.HOSTILE),
    "empty": lambda: model(empty(), title=made.HOSTILE),
    "fleet": lambda: fleet(
        [made.fleet_row(made.HOSTILE, "retrain", owner=made.HOSTILE)],
        [UNJUDGED, {**UNJUDGED, "watched_until": None}],
    ),
    "no model": lambda: fleet([]),
}


@pytest.fixture(scope="module", params=PAGES)
def read(request):
    return Read(PAGES[request.param]())


def test_every_tag_is_closed(read):
    assert read.open == []


def test_a_name_is_shown_and_never_executed(read):
    assert not {"script", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in read.tags}
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert attributes.get("href", "#").startswith(("#", "data:,")), attributes
        assert "src" not in attributes


def test_the_policy_forbids_scripts_and_the_network(read):
    (policy,) = [
        one["content"]
        for one in read.of("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "http" not in policy


def test_links_lead_somewhere_and_places_are_there_once(read):
    places = [one["id"] for _, one in read.tags if "id" in one]
    assert len(set(places)) == len(places)
    for link in read.of("a"):
        assert link["href"][1:] in places
    for _, one in read.tags:
        assert one.get("aria-labelledby", places[0]) in places


def test_every_picture_says_in_words_what_it_shows(read):
    pictures = [one for _, one in read.tags if one.get("role") == "img"]
    assert all(one["aria-label"].strip() for one in pictures)
    assert all(one.get("aria-hidden") == "true" for one in read.of("svg"))
    assert all("scope" in one for one in read.of("th"))
    assert len(read.of("h1")) == 1


def test_hostile_names_are_in_the_text_as_they_are():
    read = Read(model(title=made.HOSTILE))
    assert made.HOSTILE in read.text
    assert made.JINJA in read.text
    assert "49" not in {word.strip("{}") for word in read.text.split()}
    # A mark that turns text around is shown as a question mark.
    assert "\u202e" not in read.text
    assert "amount?txt.exe" in read.text


def test_the_verdict_and_the_owner_come_first():
    text = Read(model()).text
    begun = text.index("Verdict retrain Retrain the model.")
    assert text.index("Claim triage") < text.index("Dashboard and reality") < begun
    told = (
        *("owner claims-models due 2026-02-05; after that head-of-claims", "410,000 EUR"),
        *("The dashboard and reality: accuracy", "The dashboard has been blind since"),
        *("Drift: every feature", "Drifted features", "Category changes"),
        *("Is the evaluation still good?", "What is owed", "Provenance"),
    )
    places = [text.index(one, begun) for one in told]
    assert places == sorted(places)


def test_a_cost_does_not_pass_for_all_of_it_while_labels_are_due():
    told = "410,000 EUR since then"
    unknown = "not counting windows of which it is not known yet"
    assert unknown not in Read(model()).text
    (row, *older) = made.health(120)
    late = [{**row, "cost": None, "loss": None}, *older]
    assert f"{told}, {unknown}" in Read(model(replace(made.material(), health=late))).text


def test_reasons_stand_by_weight():
    text = Read(model()).text
    assert text.index("performance: the most (weight 60 %)") < text.index("(weight 20 %)")


def test_a_dashboard_that_can_not_be_read_is_said_to_be_unknown():
    material = replace(made.material(), dashboard=[], dashboard_unknown="no table main.d")
    told = Read(model(material)).text
    assert "What the dashboard showed is not known: no table main.d" in told
    assert "; the dashboard showed" not in told


def test_the_limit_that_the_spec_declares_is_drawn_where_no_table_tells_one():
    material = replace(made.material(), dashboard=[])
    zone = "UTC"
    kinds = [one.kind for one in timeline(material, zone, 0.83).chart.lines]
    assert "limit" in kinds
    assert "limit" not in [one.kind for one in timeline(material, zone).chart.lines]


def test_without_a_verdict_the_page_says_how_to_get_one():
    text = Read(model(made.material(judged=False))).text
    assert "No verdict yet" in text
    assert "sparkdrift health SPEC" in text
    assert "4 of 12 drift by now" in text
    assert "blind spot red" in text


def test_of_an_empty_store_nothing_is_called_fine():
    read = Read(model(empty()))
    for told in (
        *("No verdict yet", "no window is stored yet", "has no performance of accuracy yet"),
        *("Not measured: no window is judged yet", "Not measured: the store has no figure of it"),
        *("No reference is in force.", "Not measured: what is owed comes with the verdict"),
        "open debts not measured",
    ):
        assert told in read.text, told
    assert "Nothing is owed" not in read.text
    assert "good" not in {one.get("class") for one in (*read.of("td"), *read.of("dd"))}


def test_features_that_nobody_could_judge_are_not_called_fine():
    rows = made.material(judged=False)
    thin = [
        {**one, "lasting": False, "since": None, "ok": 0, "warning": 0, "drifted": 0}
        for one in rows.findings.verdicts
    ]
    read = Read(model(replace(rows, findings=replace(rows.findings, verdicts=thin))))
    assert "0 of 12 drift by now, 12 could not be judged in most windows" in read.text
    assert "good" not in {one.get("class") for one in read.of("dd")}


def test_what_drifts_in_a_slice_alone_is_told_where_features_are_counted():
    rows = made.material(judged=False)
    quiet = [{**one, "lasting": False, "since": None, "ok": 120, "drifted": 0}
             for one in rows.findings.verdicts if one["slice_key"] == "*"]  # fmt: skip
    sliced = {**rows.findings.verdicts[-1], "column_name": "feature_001"}
    material = replace(rows, findings=replace(rows.findings, verdicts=[*quiet, sliced]))
    text = Read(model(material)).text
    assert "0 of 12 drift by now, 1 more in a slice alone" in text
    assert "In a slice alone, and so not in this picture: feature_001" in text


def test_a_course_below_its_limit_says_that_something_else_drifted():
    rows = made.material()
    told = "It never was beyond the limit by this distance"
    assert told not in Read(model(rows)).text
    low = [{**one, "effect": None if one["effect"] is None else 0.01} for one in rows.cells]
    assert told in Read(model(replace(rows, cells=low))).text


def test_what_was_not_measured_is_no_number():
    rows = [{**one, "value": None, "status": "insufficient_data"} for one in made.staleness(9)]
    text = Read(model(replace(made.material(), staleness=rows))).text
    assert "not measured 10 % insufficient data few" in text


def test_each_drifted_feature_shows_both_distributions():
    read = Read(model())
    assert len(read.of("article")) == 4
    assert "middle half" in read.text
    # Of categories a table; one that the reference lacks is called new, others not.
    assert "<b>app</b> new not listed 8.4 %" in read.text
    assert "web 30 % 30 %" in read.text


def test_a_metric_has_a_course_and_no_distribution():
    rows = made.material()
    metric = {**rows.shapes[0], "kind": "metric", "quantiles": None, "frequent_items": None}
    told = Read(model(replace(rows, shapes=[metric], frozen=rows.frozen[:1]))).text
    assert "this is one figure a window, not a column" in told
    assert "(others)" not in told


def test_debts_have_an_age_and_a_cost_and_settled_ones_wait():
    read = Read(model())
    assert "117 days, since 2025-01-04 1,200 EUR per window; 14,400 EUR so far" in read.text
    assert "and 1 settled" in read.text
    young = {**made.debts()[0], "age_days": 1.0}
    assert "1 day, since" in Read(model(replace(made.material(), debts=[young]))).text
    unknown = {**made.debts()[0], "cost": None, "interest": None}
    lost = Read(model(replace(made.material(), debts=[unknown]))).text
    assert "since 2025-01-04 0.3 of the metric so far" in lost
    unknown["interest_loss"] = None
    assert "2025-01-04 not known" in Read(model(replace(made.material(), debts=[unknown]))).text
    unknown["interest_reason"] = "not measured: no labels"
    why = Read(model(replace(made.material(), debts=[unknown]))).text
    assert "2025-01-04 not measured: no labels" in why


def test_a_page_of_200_features_and_365_windows_stays_small():
    material = made.material(200, 365)
    begun = time.perf_counter()
    text = model(material)
    seconds, size = time.perf_counter() - begun, len(text.encode())
    print(f"200 features x 365 windows: {size:,} bytes, made in {seconds:.1f} s, seed {made.SEED}")
    assert size < MOST_BYTES
    read = Read(text)
    assert len(read.of("article")) == 67
    assert "features that never drifted" in read.text
    # Each window of each feature is in the map.
    assert read.text.count("of 365") >= 67


def test_a_fleet_begins_with_what_nobody_knows_and_keeps_the_order_of_the_view():
    rows = [
        made.fleet_row("dark", "blind", cost=None, loss=None, cost_so_far=None),
        made.fleet_row("late", "retrain", overdue=True, answer="accepted", answered_by="anna"),
        made.fleet_row("fine", "healthy", severity=None, due=None),
    ]
    text = fleet(rows, [{"monitor": "new", "watched_until": made.day(5)}])
    names = re.findall(r'<tr><th scope="row">(\w+)', text)
    assert names == ["new", "dark", "late", "fine"]
    told = Read(text).text
    assert "1 no verdict yet 1 blind 1 retrain 1 healthy 1 overdue" in told
    assert "watched until 2025-01-06; its next run ends with a verdict" in told
    assert "2025-01-21, overdue" in told
    assert "accepted by anna" in told
    # What nobody knows is no zero.
    assert "2 not known not known" in told
    assert "18,900 EUR 410,000 EUR" in told


def test_a_fleet_beside_its_registry_tells_models_that_nobody_watches():
    registry = parse_registry(
        "models: {forgotten: {owner: anna, stage: deployed}, young: {owner: bo, stage: shadow}}"
    )
    rows = [made.fleet_row("fine", "healthy")]
    text = fleet_page(rows, (), "./store", made.MADE, "0.1.0", registry)
    names = re.findall(r'<tr><th scope="row">(\w+)', text)
    assert names == ["forgotten", "fine", "young"]
    told = Read(text).text
    assert "None" not in told
    assert "1 blind 1 healthy 1 shadow" in told


def test_an_answer_to_the_verdict_is_told_with_its_reason():
    answer = {"answer": "declined", "answered_by": "anna", "answered_at": made.day(130)}
    material = replace(made.material(), answer=[{**answer, "answer_reason": made.HOSTILE}])
    told = Read(model(material)).text
    assert f"answer declined by anna on 2025-05-11: {made.HOSTILE}" in told


def test_a_fact_that_is_missing_is_an_error_and_no_blank():
    from jinja2 import UndefinedError

    from sparkdrift.report.page.rendering import render

    with pytest.raises(UndefinedError):
        render("fleet.html.j2", {"title": "x", "package": "0"})
