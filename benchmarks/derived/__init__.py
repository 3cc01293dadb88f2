"""Networks and data sets that measurements need and that no trained file holds (`python benchmarks/derive.py`)."""
