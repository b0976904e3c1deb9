# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev check FILE.xml…`: what the SII's rules say of DTEs, without Odoo."""

import datetime
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from . import venv
from .console import say
from .process import ROOT

sys.path.insert(0, str(ROOT / "l10n_cl_dte_ai"))


def main(arguments):
    """Print what is found in each file; 1 if the SII would refuse one."""
    if not importlib.util.find_spec("lxml"):
        python = venv.ensure("oracle")
        options = ["--json"] if arguments.json else []
        command = [python, "-m", "dev", "check", *options, "--", *arguments.files]
        return subprocess.call(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    reports = [report for name in arguments.files for report in check(Path(name))]
    if arguments.json:
        say(json.dumps(reports, ensure_ascii=False, indent=2))
    else:
        for report in reports:
            say("\n".join(_lines(report)))
    return int(any(report["errors"] for report in reports))


def check(path):
    """Return what is found in each of a file's documents.

    :rtype: list[dict]
    """
    from tools.dte.reader import ReadError, read

    try:
        readings = read(path.read_bytes())
    except OSError as error:
        return [_unreadable(path, error.strerror, None)]
    except ReadError as error:
        return [_unreadable(path, str(error), error.line)]
    return [_report(path, reading) for reading in readings]


def _unreadable(path, message, line):
    finding = {"rule": None, "code": "unreadable", "severity": "error", "element": None}
    finding |= {"item": None, "line": line, "message": message}
    return {"file": str(path), "type": None, "folio": None, "errors": 1} | {
        "findings": [finding],
        "left_out": [],
    }


def _report(path, reading):
    from tools.dte.rules import ERROR, RULES

    document = reading.document
    today = datetime.date.today()
    if document.FchEmis:  # an old file is no stale document
        today = min(today, document.FchEmis)
    findings = [
        {
            "rule": rule.number,
            "code": finding.code,
            "severity": finding.severity,
            "element": finding.field,
            "item": finding.line,
            "line": reading.line_of(finding),
            "message": finding.message,
        }
        for rule in RULES
        for finding in rule.apply(document, today, _english)
    ]
    return {
        "file": str(path),
        "type": document.TipoDTE,
        "folio": document.Folio,
        "errors": sum(finding["severity"] == ERROR for finding in findings),
        "findings": findings,
        "left_out": [each._asdict() for each in reading.left_out],
    }


def _english(text, /, **values):
    return text % values if values else text


def _lines(report):
    name = report["file"]
    if report["type"]:
        name += f" (type {report['type']}, folio {report['folio']})"
    count = len(report["findings"])
    yield f"{name}: {count} finding{'' if count == 1 else 's'}"
    for finding in report["findings"]:
        where = f"line {finding['line']}" if finding["line"] else "file"
        if finding["rule"]:
            where += f", {finding['element']}, rule {finding['rule']}"
        yield f"  {finding['severity']}: {where}: {finding['message']}"
    for each in report["left_out"]:
        yield f"  not read: line {each['line']}, {each['path']}"
