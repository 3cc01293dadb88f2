"""Small plots as SVG text: the same points give the same bytes, on every machine."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Point", "scatter", "ticks"]

WIDTH, HEIGHT = 640, 400
FONT = 'font-family="sans-serif" font-size="13"'
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 20, 55  # margins of the axes


@dataclass(frozen=True, kw_only=True)
class Point:
    """One labelled mark; hollow for what others measured."""

    x: float
    y: float
    label: str
    hollow: bool = False


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers that reach over low..high."""
    span = (high - low) or max(abs(high), 1.0)
    raw = span / count
    step = 10 ** math.floor(math.log10(raw))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [k * step for k in range(first, last + 1)]


def scatter(points: Sequence[Point], *, x: str, y: str) -> str:
    """An SVG document; x, y: what the axes say."""
    xs, ys = ticks(0, max(p.x for p in points)), ticks(min(p.y for p in points), max(p.y for p in points))

    def across(value: float) -> float:
        return LEFT + (value - xs[0]) / (xs[-1] - xs[0]) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return HEIGHT - BOTTOM - (value - ys[0]) / (ys[-1] - ys[0]) * (HEIGHT - TOP - BOTTOM)

    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *(_line(across(v), TOP, across(v), bottom, "#ddd") for v in xs),
        *(_line(LEFT, down(v), right, down(v), "#ddd") for v in ys),
        *(_text(across(v), bottom + 18, f"{v:g}", "middle") for v in xs),
        *(_text(LEFT - 8, down(v) + 4, f"{v:g}", "end") for v in ys),
        _text((LEFT + right) / 2, HEIGHT - 12, x, "middle"),
        f'<g transform="rotate(-90 18 {(TOP + bottom) / 2:.1f})">{_text(18, (TOP + bottom) / 2, y, "middle")}</g>',
    ]
    for point in points:
        fill = "white" if point.hollow else "#1f5fa8"
        lines.append(
            f'<circle cx="{across(point.x):.1f}" cy="{down(point.y):.1f}" r="5" fill="{fill}" stroke="#1f5fa8"/>'
        )
        end = across(point.x) > WIDTH * 0.65
        lines.append(
            _text(across(point.x) + (-9 if end else 9), down(point.y) - 7, point.label, "end" if end else "start")
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
