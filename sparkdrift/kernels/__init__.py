"""What runs on executors: Arrow batches in, Arrow batches out, calling measures/ and nothing else."""
