"""What happens, in the order a reader would tell it."""
