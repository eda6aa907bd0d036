"""Fuzz the expression checker and the spec loader: `python -m tests.fuzz --cases 1000000 --seed 1`.

Nineteen cases of twenty are expressions, the others whole specs. Prints what came of them; ends
with 1 where something did not hold, with seed and case. The same seed makes the same cases.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.running import Tally, fuzz_expressions, fuzz_specs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    asked = parser.parse_args()
    specs = asked.cases // 20
    failed = 0
    print(f"seed {asked.seed}")
    for title, fuzz, count in (
        ("expressions", fuzz_expressions, asked.cases - specs),
        ("specs", fuzz_specs, specs),
    ):
        began = time.process_time()
        tally = fuzz(count, asked.seed)
        print(told(title, tally, time.process_time() - began), flush=True)
        failed += len(tally.failures)
    return 1 if failed else 0


def told(title: str, tally: Tally, seconds: float) -> str:
    """The summary of one part, failures last."""
    slowest, case = tally.slowest
    held = f"of which {tally.judged:,} were held against the oracle"
    lines = [
        f"{title}: {tally.cases:,} cases in {seconds:,.0f} CPU seconds",
        f"  refused {tally.refused:,}, accepted {tally.accepted:,}, {held}",
        f"  corpus {tally.corpus:,}; slowest {slowest:.3f} CPU seconds: {case[:60]!r}",
        f"  failures: {len(tally.failures):,}",
        *(f"    {failure}" for failure in tally.failures[:20]),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
