"""Ways to find the windows whose rows changed between two versions of a source."""
