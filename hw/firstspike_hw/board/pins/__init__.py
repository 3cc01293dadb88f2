"""Where clock and serial line of each board are on its package, in nextpnr's constraint files; a script for Vivado."""

from importlib import resources

__all__ = ["constraints", "vivado_script"]


def constraints(board: str, ending: str) -> str:
    """Text of a board's constraint file. ending: `lpf` (ECP5) or `pcf` (iCE40)."""
    return resources.files(__package__).joinpath(f"{board}.{ending}").read_text("utf-8")


def vivado_script() -> str:
    """Text of the script that packages the core for Vivado."""
    return resources.files(__package__).joinpath("package.tcl").read_text("utf-8")
