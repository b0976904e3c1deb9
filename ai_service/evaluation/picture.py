# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The calibration curve as a picture."""

from .measure import Trial
from .report import calibration_error, curve

SIDE, EDGE = 320, 50


def calibration_picture(trials: list[Trial]) -> str:
    """An SVG: how often it was right, over how sure it was."""

    def at(told: float, right: float) -> tuple[float, float]:
        return EDGE + SIDE * told, EDGE + SIDE * (1 - right)

    points = curve(trials)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(a, b) for a, b, _ in points))
    dots = "".join(
        f'<circle cx="{at(told, right)[0]:.1f}" cy="{at(told, right)[1]:.1f}"'
        f' r="{3 + 14 * share**0.5:.1f}" fill="#714b67" fill-opacity="0.6"/>'
        for told, right, share in points
    )
    marks = "".join(
        f'<text x="{EDGE + SIDE * part / 4:.0f}" y="{EDGE + SIDE + 18}"'
        f' text-anchor="middle">{25 * part} %</text>'
        f'<text x="{EDGE - 8}" y="{EDGE + SIDE * (1 - part / 4) + 4:.0f}"'
        f' text-anchor="end">{25 * part} %</text>'
        for part in range(5)
    )
    size = SIDE + 2 * EDGE
    error = calibration_error(trials)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}"'
        ' font-family="sans-serif" font-size="12" fill="#333">'
        f'<rect width="{size}" height="{size}" fill="#fff"/>'
        f'<text x="{EDGE}" y="24" font-size="14">How often it is right, over how sure'
        f" it is ({len(trials)} documents)</text>"
        f'<text x="{EDGE}" y="41">expected calibration error {error:.3f}; half of the'
        " weight is wrong documents</text>"
        f'<rect x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}" fill="none"'
        ' stroke="#999"/>'
        f'<line x1="{EDGE}" y1="{EDGE + SIDE}" x2="{EDGE + SIDE}" y2="{EDGE}"'
        ' stroke="#999" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#714b67" stroke-width="2"/>'
        f"{dots}{marks}</svg>\n"
    )
