"""Pages and pictures made from the records; nothing here measures (`python benchmarks/publish.py`)."""
