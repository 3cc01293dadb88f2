"""Constraint files for nextpnr, with the pins of each board's clock and serial line; a script for Vivado."""

from importlib import resources

__all__ = ["constraints", "vivado_script"]


def constraints(board: str, ending: str) -> str:
    """Returns the text of a board's constraint file. ending: `lpf` (ECP5) or `pcf` (iCE40)."""
    return resources.files(__package__).joinpath(f"{board}.{ending}").read_text("utf-8")


def vivado_script() -> str:
    """Returns the text of the script that packages the core for Vivado."""
    return resources.files(__package__).joinpath("package.tcl").read_text("utf-8")
