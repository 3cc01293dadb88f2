"""A core as it is built, loaded, read back and timed: configuration, registers, streams, memories, cycles."""
