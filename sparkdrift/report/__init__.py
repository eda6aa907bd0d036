"""What the tables say, for people: pure functions from rows to text. No Spark, no clock."""
