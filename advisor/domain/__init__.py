"""Pure nouns: machines, models, workloads, budgets and what an estimate says. Imports arithmetic and types only."""
