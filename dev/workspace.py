# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What one command works in: a temporary folder, a server, copies of the template."""

import datetime
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import cache, postgres, runtime, structure
from .console import step
from .odoo import Odoo, our_addons, their_modules
from .process import run

PREFIX = "l10n_cl_dte_ai-"
LANGUAGES = "es_419,es_CL"
HANDED_OVER = "DTE_AI_HANDED_OVER"
# Nothing in it calls Odoo's own services over the network, as a login otherwise does.
# With the bundles of the first pages at hand a run takes eight seconds less.
PREPARE = """
for name in ("iap.endpoint", "iap.partner_autocomplete.endpoint"):
    env["ir.config_parameter"].set_param(name, "http://127.0.0.1:9")
bundle = env["ir.qweb"]._get_asset_bundle
for name in ("assets_web", "assets_web_print", "assets_frontend"):
    bundle(f"web.{name}", css=True, js=False).css()
for name in ("assets_web", "assets_frontend_minimal", "assets_frontend_lazy"):
    bundle(f"web.{name}", css=False, js=True).js()
bundle("bus.websocket_worker_assets", css=False, js=True).js()
"""
# Companies with their chart of accounts, as Odoo's tests make them for each class.
COMPANIES = """
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.base.tests.common import DISABLED_MAIL_CONTEXT
case, mine = AccountTestInvoicingCommon, env.user.company_ids
case.env, case.country_code = env(context=DISABLED_MAIL_CONTEXT), "CL"
for number in range(2):
    case._create_company(name=f"Prepared for tests {number}")
env.user.company_ids = mine
"""
MEMORY = Path("/dev/shm")
NEEDED_MEMORY = 4 * 2**30
KEEP_INSTALLED = 10  # some 250 MB each: what was edited lately, in each worktree
RECIPE = 4  # change it when the template is made in another way


@dataclass(frozen=True)
class Source:
    """A database to copy: nobody uses it."""

    database: str
    filestore: Path


def _install(odoo):
    with step("Install our addons"):
        odoo.install(*our_addons())


def _add_companies(odoo):
    odoo.shell(COMPANIES, log="companies")


def _install_with_demo_company(odoo):
    with step("Install our addons with their demo company"):
        odoo.install_with_demo_data(*our_addons())
        odoo.shell(PREPARE, log="demo-prepare")  # the bundles have our files in them


# What a database to copy is made of, and by what; the template stands by itself.
MADE = {
    "addon": ("template", _install),
    "tests": ("addon", _add_companies),
    "demo": ("template", _install_with_demo_company),
}


class Workspace:
    """`with workspace() as space: space.create("mine")` gives an `Odoo`.

    :param dict sources: a `Source` by what it is, see `MADE`
    """

    def __init__(self, folder, odoo_runtime, server, sources):
        self.folder = folder
        self.runtime = odoo_runtime
        self.server = server
        self.sources = dict(sources)
        self.mine = []  # the databases to drop from a server that stays

    def create(self, name):
        """A new database with the modules of Odoo that our addons depend on."""
        return self._copy("template", name)

    def with_addon(self, name):
        """A new database with our addons, which are installed only once."""
        return self._copy("addon", name)

    def for_tests(self, name):
        """The same with companies at hand, see `DteAiCommon._create_company`."""
        return self._copy("tests", name)

    def with_demo(self, name):
        """A new database with our addons and their demo company."""
        return self._copy("demo", name)

    def _copy(self, kind, name):
        if kind not in self.sources:
            base, make = MADE[kind]
            odoo = self._copy(base, f"{kind}_source")
            make(odoo)
            self.sources[kind] = Source(odoo.name, odoo.filestore)
        source = self.sources[kind]
        odoo = self._new(f"dte_ai_{os.getpid()}_{name}", source)
        self.mine.append(odoo.name)
        return odoo

    def _new(self, database, source):
        odoo = Odoo(self.runtime, self.server, self.folder, database)
        self.server.create(database, template=source.database)
        odoo.copy_files_from(source.filestore)
        return odoo

    def hand_over(self):
        """The environment of a process that is to use our server and databases."""
        sources = {
            kind: (source.database, str(source.filestore))
            for kind, source in self.sources.items()
        }
        return {**self.server.environment, HANDED_OVER: json.dumps(sources)}


@contextmanager
def workspace(in_memory=False, kept=()):
    """Everything that a command needs; it is gone, processes too, when it ends.

    `in_memory` where nobody measures the disk. `kept` names databases of `MADE` that
    are made once and kept for the next command, as our addons are now.
    """
    odoo_runtime = runtime.ensure()
    handed_over = os.environ.get(HANDED_OVER)
    if handed_over:
        seed = None
        sources = {
            kind: Source(database, Path(filestore))
            for kind, (database, filestore) in json.loads(handed_over).items()
        }
    else:
        source, seed = _template(odoo_runtime)
        sources = {"template": source}
        if kept and seed:
            sources, seed = _kept(odoo_runtime, source, seed, kept)
    with temporary_folder(in_memory) as folder:
        server = postgres.server(odoo_runtime.python, folder, seed)
        space = Workspace(folder, odoo_runtime, server, sources)
        try:
            server.start()
            yield space
        finally:
            if not seed:
                for name in space.mine:
                    server.drop(name)
            server.stop()


def _template(odoo_runtime):
    """The template database, and the cluster that holds it unless PGHOST does."""
    with temporary_folder() as folder:
        server = postgres.server(odoo_runtime.python, folder)
        private = isinstance(server, postgres.PrivateServer)
        modules = their_modules()
        where = "" if private else sorted(server.environment.items())
        recipe = [odoo_runtime.key, server.version, where, modules, LANGUAGES, RECIPE]
        key = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
        source = Source(
            f"dte_ai_template_{key}", cache.folder() / f"template-{key}" / "filestore"
        )
        if not private:
            server.start()
            if source.filestore.exists() and not server.exists(source.database):
                shutil.rmtree(source.filestore.parent)  # it was dropped

        def build(target):
            with step(f"Odoo 19: template database ({', '.join(modules)})"):
                if private:
                    server.start()
                else:
                    server.drop(source.database)
                odoo = Odoo(odoo_runtime, server, folder, source.database)
                try:
                    odoo.install(
                        *("base", *modules), log="template", load_language=LANGUAGES
                    )
                    odoo.shell(PREPARE, log="template-prepare")
                finally:
                    server.stop()
                if private:
                    run(
                        ["cp", "-a", server.data, target / "postgres"],
                        "the template database could not be kept",
                        log="template-copy",
                    )
                shutil.move(odoo.filestore, source.filestore)

        target = cache.once(f"template-{key}", build, needed=2**30)
        return source, target / "postgres" if private else None


def _kept(odoo_runtime, template, template_seed, kinds):
    """The template and databases of `MADE`, and the cluster that holds them.

    They are made anew whenever something changed that an installation reads, and never
    upgraded: what a test sees is what a new installation gives. The demo company's
    documents are of the last weeks, so that it is made anew each day.
    """
    parts = [template_seed.parent.name, COMPANIES, *map(structure.of, our_addons())]
    if "demo" in kinds:
        parts.append(datetime.date.today())
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    name = f"installed-{'-'.join(kinds)}"
    target = cache.folder() / f"{name}-{key}"
    sources = {"template": template}
    for kind in kinds:
        sources[kind] = Source(f"dte_ai_{kind}_{key}", target / f"filestore-{kind}")

    def build(target):
        with temporary_folder(in_memory=True) as folder:
            server = postgres.server(odoo_runtime.python, folder, template_seed)
            space = Workspace(folder, odoo_runtime, server, {"template": template})
            try:
                server.start()
                for kind in kinds:
                    base, make = MADE[kind]
                    odoo = space._new(sources[kind].database, space.sources[base])
                    make(odoo)
                    space.sources[kind] = Source(odoo.name, odoo.filestore)
            finally:
                server.stop()
            run(
                ["cp", "-a", server.data, target / "postgres"],
                "the database with our addons could not be kept",
                log="installed-copy",
            )
            for kind in kinds:
                shutil.copytree(space.sources[kind].filestore, sources[kind].filestore)

    cache.once(target.name, build, needed=2**30)
    cache.keep_newest("installed", KEEP_INSTALLED)
    return sources, target / "postgres"


@contextmanager
def temporary_folder(in_memory=False):
    """A folder that is removed at the end, or by a later run if we die."""
    parent = Path(os.environ.get("TMPDIR") or "/var/tmp")
    if not os.access(parent, os.W_OK):
        parent = Path(tempfile.gettempdir())
    if in_memory and _roomy(MEMORY):
        parent = MEMORY
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o711)  # as root, PostgreSQL's user goes through it
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _roomy(parent):
    """Whether a whole run fits in that memory, and leaves the machine enough."""
    try:
        free = shutil.disk_usage(parent).free
        available = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return False
    return os.access(parent, os.W_OK) and min(free, available) > NEEDED_MEMORY


def _remove_abandoned(parent):
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            about = folder.stat()
            if about.st_uid != os.geteuid() or time.time() - about.st_mtime < 60:
                continue
            with (folder / "lock").open() as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, or gone meanwhile
            continue
