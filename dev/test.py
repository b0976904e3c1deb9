# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make test`: the tests without Odoo, those on a real database, those of the browser.

Every suite runs even if one fails. Where CI is set nothing may be skipped.
"""

import os
import re
import resource
import shutil
import tempfile
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import browser, odoo_tests, venv, without_odoo
from .console import say, step
from .odoo import ADDON, our_addons
from .process import BUILD, LOGS, ROOT, call, end_running, shown
from .workspace import workspace

RESULTS = BUILD / "results"
# What needs no Odoo, and what asks a real one: from outside, or in the browser.
SUITES = (
    *("tools", "service", "oracle", "simulator"),
    *("addon", "sii", "attack", "beside", "runner", "system", "browser"),
)
# What `make test` has Odoo's own runner run: of each kind of test one class.
SAMPLE = (":TestSettings", ":TestGeneration", ":TestMultiCompany", ":TestTranslations")


ATTACK = ROOT / "l10n_cl_dte_ai" / "tests" / "test_attack.py"
# What a company uses beside invoices, and `tests/beside` uses with us.
BESIDE = (
    *("sale_management", "website_sale", "point_of_sale"),
    *("purchase", "stock", "account_debit_note"),
)


@dataclass
class Result:
    suite: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reasons: list = field(default_factory=list)  # why tests were skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def main(arguments):
    """Returns 1 if a test failed, none ran, or one was skipped in CI."""
    start = time.monotonic()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    if arguments.suite:
        results = _one(arguments.suite, arguments.pytest)
    else:
        results = _all(arguments.pytest)
    return _close(results, time.monotonic() - start)


def _one(suite, arguments):
    if suite in _WITHOUT_ODOO:
        return [_WITHOUT_ODOO[suite](arguments)]
    with _workspace() as space:
        if suite in _INSIDE:
            return [_INSIDE[suite](_database(space, suite), arguments)]
        if suite == "runner":
            seen, fresh = space.with_addon("tests"), space.create("runner")
            return [_runner(seen, fresh, arguments, install=True)]
        return [_outside(suite, space, arguments)]


def _all(arguments):
    """Two suites at a time, the longest first: most tests wait more than they work."""
    for name in ("odoo", *_WITHOUT_ODOO.keys() - {"tools"}):  # it runs in Odoo's own
        venv.ensure(name)
    with _workspace() as space, ThreadPoolExecutor(2) as rows:
        installed = _database(space, "tests")
        running = {
            "addon": rows.submit(_addon, installed, arguments, [ROOT / ADDON]),
            **{
                name: rows.submit(_outside, name, space, arguments, aside=True)
                for name in ("system", "browser")
            },
            **{
                name: rows.submit(
                    _INSIDE[name], _database(space, name), arguments, aside=True
                )
                for name in ("sii", "attack", "beside")
            },
            **{
                name: rows.submit(suite, arguments, aside=True)
                for name, suite in _WITHOUT_ODOO.items()
            },
            "runner": rows.submit(
                _runner, installed, space.with_addon("runner"), SAMPLE
            ),
        }
        try:
            return [running[name].result() for name in SUITES]
        except BaseException:
            rows.shutdown(wait=False, cancel_futures=True)
            end_running()
            raise


def _workspace():
    return workspace(in_memory=True, kept=("addon", "tests"))


def _database(space, suite):
    """What a suite in Odoo's own process works on; other apps get it without more."""
    return space.with_addon(suite) if suite == "beside" else space.for_tests(suite)


def _tools(arguments, aside=False):
    """The addons' tests that need no Odoo, and those of these tools."""
    return _pytest(
        "tools",
        venv.ensure("odoo"),
        [
            *("-p", "no:odoo", "-p", "no:cacheprovider", "-p", "dev.without_odoo"),
            *_with_default(arguments, *without_odoo.files(), ROOT / "tests" / "tools"),
        ],
        {**os.environ, **_simulator_python()},
        aside,
    )


def _service(arguments, aside=False):
    folder = ROOT / "ai_service" / "tests"
    if not folder.exists():
        return _absent("service", folder)
    return _pytest(
        "service",
        venv.ensure("service"),
        ["-n", "2", *_with_default(arguments, folder)],  # each starts servers
        os.environ,
        aside,
    )


def _oracle(arguments, aside=False):
    return _pytest(
        "oracle",
        venv.ensure("oracle"),
        ["-p", "no:cacheprovider", *_with_default(arguments, ROOT / "oracle")],
        os.environ,
        aside,
    )


def _simulator(arguments, aside=False):
    return _pytest(
        "simulator",
        venv.ensure("simulator"),
        _with_default(arguments, ROOT / "sii_simulator" / "tests"),
        os.environ,
        aside,
    )


_WITHOUT_ODOO = {
    "tools": _tools,
    "service": _service,
    "oracle": _oracle,
    "simulator": _simulator,
}


def _addon(odoo, arguments, folders=()):
    """Both addons' tests, or those in some folders."""
    folders = folders or [ROOT / addon for addon in our_addons()]
    by_default = [f"--ignore={ATTACK}", *folders]
    return _inside("addon", odoo, _with_default(arguments, *by_default))


def _sii(odoo, arguments, aside=False):
    """Those of the second addon, which takes its time with the simulator."""
    by_default = _with_default(arguments, ROOT / "l10n_cl_dte_sii")
    return _inside("sii", odoo, by_default, aside)


def _attack(odoo, arguments, aside=False):
    """What our addons define, called by who should not; prints what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table")
        result = _inside(
            "attack", odoo, _with_default(arguments, ATTACK), aside, DTE_AI_TABLE=table
        )
        if table.exists() and aside:  # among all suites it is a long one
            kept = RESULTS / "attack.txt"
            shutil.copy(table, kept)
            say(f"Each call, by whom, and what came of it: {shown(kept)}")
        elif table.exists():
            say(table.read_text())
    return result


def _beside(odoo, arguments, aside=False):
    """With the apps that companies use beside invoices, in a database of its own."""
    with step(f"Install {', '.join(BESIDE)}"):
        odoo.install(*BESIDE, log="beside")
    return _inside(
        "beside", odoo, _with_default(arguments, ROOT / "tests" / "beside"), aside
    )


def _inside(suite, odoo, arguments, aside=False, **environment):
    """Tests in an Odoo's own process, on its database."""
    return _pytest(
        suite,
        odoo.runtime.python,
        [
            f"--odoo-config={odoo.config}",
            f"--odoo-database={odoo.name}",
            "--odoo-http",
            f"--odoo-extra=screenshots={BUILD / 'tours'}",
            *arguments,
        ],
        odoo.environment(
            DTE_AI_SII_SCHEMAS=venv.sii_schemas(), **_simulator_python(), **environment
        ),
        aside,
    )


_INSIDE = {"addon": _addon, "sii": _sii, "attack": _attack, "beside": _beside}


def _simulator_python():
    """What starts `sii_simulator/`, for tests that send to it."""
    return {"SII_SIMULATOR_PYTHON": str(venv.ensure("simulator"))}


def _runner(installed, odoo, tags=(), install=False):
    """Odoo's own runner: it sees the tests that pytest sees, and they pass
    there, too.
    """
    start = time.monotonic()
    seen = odoo_tests.collected_by_odoo(installed)
    by_pytest = odoo_tests.collected_by_pytest(installed)
    told = [*odoo_tests.differences(by_pytest, seen)]
    ran, failures = odoo_tests.run(odoo, tags, install)
    told += failures
    say("\n── runner " + "─" * 64)
    say(f"{len(seen)} tests are seen by Odoo's runner, {len(by_pytest)} by pytest.")
    say("\n".join([*told, f"Odoo's runner ran {ran} tests, {len(failures)} failed."]))
    result = Result("runner", passed=ran - len(failures), failed=len(told))
    result.seconds = time.monotonic() - start
    return result


def _outside(suite, space, arguments, aside=False):
    """Tests that start an Odoo of their own on our server."""
    return _pytest(
        suite,
        space.runtime.python,
        ["-p", "no:odoo", *_with_default(arguments, ROOT / "tests" / suite)],
        {**os.environ, **space.hand_over(), LOGS: suite, **_simulator_python()},
        aside,
    )


def _with_default(arguments, *folders):
    """The arguments for pytest; all of the suite unless they name files."""
    named = any((ROOT / each.partition("::")[0]).exists() for each in arguments)
    return [*arguments] if named else [*folders, *arguments]


def _absent(suite, folder):
    return Result(suite, skipped=1, reasons=[f"there is no {folder.relative_to(ROOT)}"])


def _pytest(suite, python, arguments, environment, aside=False):
    """Run pytest; its own lines are printed as they come, or at the end if `aside`."""
    report = RESULTS / f"{suite}.xml"
    headline = f"\n── {suite} " + "─" * (70 - len(suite))
    start = time.monotonic()
    command = [python, "-m", "pytest", f"--junitxml={report}", "-ra"]
    options = {"cwd": ROOT, "env": dict(environment)}
    if aside:
        with tempfile.TemporaryFile("w+") as output:
            code = call([*command, *map(str, arguments)], stdout=output, **options)
            output.seek(0)
            say(f"{headline}\n{output.read()}")
    else:
        say(headline)
        code = call([*command, *map(str, arguments)], **options)
    result = _read(suite, report)
    result.seconds = time.monotonic() - start
    # pytest's own word counts: 5 is "no tests", 2 to 4 are interruptions and errors.
    if code and not result.failed:
        result.failed = 1
    return result


def _read(suite, report):
    result = Result(suite)
    if not report.exists():
        return result
    for case in ET.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            result.failed += 1
        elif skipped is not None:
            result.skipped += 1
            result.reasons.append(re.sub(r"\s+", " ", skipped.get("message", "")))
        else:
            result.passed += 1
    return result


def _close(results, seconds):
    total = Result("total")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    share = (used.ru_utime + used.ru_stime) / seconds
    # Where it is well below their number, another suite at a time would fit in.
    say(
        f"\n── {seconds:.0f} s on {share:.1f} of {os.cpu_count()} processors "
        + "─" * 40
    )
    for result in results:
        say(f"{result.suite:<9} {result}  ({result.seconds:.0f} s)")
        total.passed += result.passed
        total.failed += result.failed
        total.skipped += result.skipped
        total.reasons += result.reasons
    if total.skipped:
        reasons = "; ".join(sorted(set(total.reasons)))
        hint = "" if browser.program() else f" — {browser.MISSING}"
        say(f"Skipped: {reasons}{hint}")
        if os.environ.get("CI"):
            say("In CI nothing may be skipped.")
            total.failed += total.skipped
            total.skipped = 0
    say(str(total))
    return 1 if total.failed or not total.passed else 0
