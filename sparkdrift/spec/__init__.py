"""What a user writes: monitor specs, strict and frozen. No Spark, no clock."""
