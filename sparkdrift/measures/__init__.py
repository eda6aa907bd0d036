"""numpy in, figures out. No Spark, no IO, no clock: this is what runs on executors."""
