"""What is owed and who owes it: findings, the ledger of debts, and the verdict on a model."""
