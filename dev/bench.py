# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make bench`: the figures that we claim, one command each."""

from .console import say


def main(_arguments):
    say("No figures are claimed yet, so there is nothing to measure.")
