"""What the project claims in numbers, measured: `make bench`, or `python -m tests.bench`. See docs/benchmarks.md."""
