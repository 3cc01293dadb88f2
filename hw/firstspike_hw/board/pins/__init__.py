"""Boards: where clock and serial line are on the package, in nextpnr's constraint files."""
