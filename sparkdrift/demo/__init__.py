"""Data with known answers to try the product on: a synthetic credit model, and real flights."""
