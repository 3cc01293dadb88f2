"""Programs that measure. Each prints its figures as one JSON object (`python benchmarks/measure.py NAME ...`)."""
