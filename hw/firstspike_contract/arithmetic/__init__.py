"""The integer network and the readable model that every other implementation must equal."""
