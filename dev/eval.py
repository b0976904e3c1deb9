# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev eval`: how good the service's opinion is, in the service's own
environment."""

import os

from . import venv
from .process import ROOT, call


def main(arguments):
    # Keys of models are taken from the environment, as the service does.
    python = venv.ensure("service")
    command = [python, "-m", "ai_service.evaluation", *arguments.evaluation]
    return call(command, cwd=ROOT, env=dict(os.environ))
