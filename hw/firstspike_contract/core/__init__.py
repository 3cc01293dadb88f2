"""The contract of a core: how it is built, loaded, read back and timed."""
