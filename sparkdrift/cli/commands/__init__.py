"""The commands, one module per purpose; each imports the engine only when it runs."""
