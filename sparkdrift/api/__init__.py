"""sparkdrift from Python: a function for every command, typed, with results that show themselves.

Importing this loads neither Spark nor numpy: the first call does. Each function takes `store` (a
folder or catalog.schema; None: SPARKDRIFT_STORE, else ./sparkdrift-store), and `spark`, a session
to work in (None: the active one, as in a notebook, else one that is started). A session that was
there keeps its settings. `spec` is a file, or a spec that `sparkdrift.spec.loading.load_spec` read.
What goes wrong on purpose is a SparkdriftError; its subclasses stand in `sparkdrift.errors`.
"""

from sparkdrift.api import reference
from sparkdrift.api.answering import accept, acknowledge, assign, debt, debts, decline, waive
from sparkdrift.api.keeping import (
    Draft,
    Forgotten,
    Migration,
    Pruned,
    doctor,
    draft,
    forget,
    maintain,
    migrate,
    prune,
    validate,
)
from sparkdrift.api.opening import Moment
from sparkdrift.api.owing import answer_model, model_debt, model_debts
from sparkdrift.api.pages import Page, page
from sparkdrift.api.proposing import Sample, recalibrate, sample_eval
from sparkdrift.api.results import (
    Answer,
    Drift,
    Evaluation,
    Features,
    Operations,
    Plan,
    Profile,
    Rollup,
    Run,
    Verdict,
)
from sparkdrift.api.stepping import (
    drift,
    evaluate,
    features,
    operations,
    profile,
    rollup,
    snapshot,
)
from sparkdrift.api.tables import Rows, Tables, read, sql
from sparkdrift.api.telling import (
    Calibration,
    Classification,
    Explained,
    Feedback,
    calibrate,
    classify,
    explain,
    feedback,
    fleet,
    merge,
)
from sparkdrift.api.versions import Decision, Difference, Exported, Frozen, Imported, Version
from sparkdrift.api.watching import health, plan, run

__all__ = [
    "Answer",
    "Calibration",
    "Classification",
    "Decision",
    "Difference",
    "Draft",
    "Drift",
    "Evaluation",
    "Explained",
    "Exported",
    "Features",
    "Feedback",
    "Forgotten",
    "Frozen",
    "Imported",
    "Migration",
    "Moment",
    "Operations",
    "Page",
    "Plan",
    "Profile",
    "Pruned",
    "Rollup",
    "Rows",
    "Run",
    "Sample",
    "Tables",
    "Verdict",
    "Version",
    "accept",
    "acknowledge",
    "answer_model",
    "assign",
    "calibrate",
    "classify",
    "debt",
    "debts",
    "decline",
    "doctor",
    "draft",
    "drift",
    "evaluate",
    "explain",
    "features",
    "feedback",
    "fleet",
    "forget",
    "health",
    "maintain",
    "merge",
    "migrate",
    "model_debt",
    "model_debts",
    "operations",
    "page",
    "plan",
    "profile",
    "prune",
    "read",
    "recalibrate",
    "reference",
    "rollup",
    "run",
    "sample_eval",
    "snapshot",
    "sql",
    "validate",
    "waive",
]
