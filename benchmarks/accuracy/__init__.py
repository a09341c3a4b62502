"""How well we and the peers predict, on the same folds: `python -m benchmarks.accuracy --help`."""
