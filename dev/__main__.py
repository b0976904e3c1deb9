# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev <command>`: what the Makefile's targets run."""

import argparse
import errno
import os
import signal
import sys

from . import cache
from .console import Stop, say
from .process import NO_SPACE, keep_logs_in
from .test import SUITES


def main():
    parser = argparse.ArgumentParser(prog="python3 -m dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="an Odoo with Chilean invoices and the service")
    test = commands.add_parser("test", help="every test, or those of one suite")
    test.add_argument("suite", nargs="?", choices=SUITES)
    test.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    lint = commands.add_parser("lint", help="check style and Odoo's conventions")
    lint.add_argument("--fix", action="store_true", help="mend what can be mended")
    bench = commands.add_parser("bench", help="the figures that we claim")
    bench.add_argument("figures", nargs="*", help="only these modules of bench/figures")
    evaluation = commands.add_parser(
        "eval", help="how good the service's opinion is (--help for its options)"
    )
    evaluation.add_argument("evaluation", nargs=argparse.REMAINDER)
    commands.add_parser("i18n", help="export the texts, update the translations")
    check = commands.add_parser("check", help="what the rules say of DTE files")
    check.add_argument("files", nargs="+", metavar="FILE.xml")
    check.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("mutations", help="which defects the rules find")
    commands.add_parser("rules", help="write the table of the SII's rules")
    commands.add_parser("readme", help="write README.rst and the page of each addon")
    versions = commands.add_parser("versions", help="the tests under each Python")
    versions.add_argument("python", nargs="*", help="only these, like 3.12")
    versions.add_argument("--suites", default="tools,service,addon", help="a,b,c")
    commands.add_parser("wheels", help="build each addon as a wheel")
    commands.add_parser("runtime", help="only get Odoo, Python packages, database")
    # Ended by someone else: leave as on Ctrl-C, with everything stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        # What is not known here is the evaluation's own: --engine, --json.
        arguments, more = parser.parse_known_args()
        if more and arguments.command != "eval":
            parser.error(f"unrecognized arguments: {' '.join(more)}")
        if more:
            arguments.evaluation = [*more, *arguments.evaluation]
        return run(arguments) or 0
    except Stop as stop:
        print(f"Error: {stop}", file=sys.stderr)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"Error: the disk is full. {NO_SPACE}", file=sys.stderr)
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    return 1


def run(arguments):
    keep_logs_in(arguments.command)
    keep_bytecode()
    if arguments.command == "demo":
        from .demo import main as command
    elif arguments.command == "test":
        from .test import main as command
    elif arguments.command == "lint":
        from .lint import main as command
    elif arguments.command == "bench":
        from .bench import main as command
    elif arguments.command == "check":
        from .check import main as command
    elif arguments.command == "eval":
        from .eval import main as command
    elif arguments.command == "mutations":
        from .mutations import main as command
    elif arguments.command == "rules":
        from .rules import main as command
    elif arguments.command == "readme":
        from .lint import write_readmes as command
    elif arguments.command == "versions":
        from .versions import main as command
    elif arguments.command == "wheels":
        from .wheels import main as command
    elif arguments.command == "i18n":
        from .i18n import main as command
    else:
        command = get_runtime
    return command(arguments)


def keep_bytecode():
    """Compiling Odoo costs 3 s at each start: where none is wanted, outside the
    tree.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(cache.folder() / "bytecode"))


def get_runtime(_arguments):
    from .workspace import workspace

    with workspace() as found:
        say(f"{found.runtime.origin}\n{found.runtime.python}")


if __name__ == "__main__":
    sys.exit(main())
