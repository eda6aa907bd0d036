"""What runs on executors: Arrow batches in and out, calling measures/ and nothing else."""
