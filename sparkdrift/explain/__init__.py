"""Why a column alerts, in one line: from stored drift rows alone, without Spark."""
