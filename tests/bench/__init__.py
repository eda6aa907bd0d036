"""How long things take and how much memory, as ratios within one run: `python -m tests.bench`."""
