# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What one command works in: a temporary folder, a server, copies of the template."""

import fcntl
import hashlib
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


class Workspace:
    """`with workspace() as space: space.create("demo")` gives an `Odoo`."""

    def __init__(
        self, folder, odoo_runtime, server, template, with_addon=None, for_tests=None
    ):
        self.folder = folder
        self.runtime = odoo_runtime
        self.server = server
        self.template = template
        self.addon = with_addon
        self.tests = for_tests
        self.mine = []  # the databases to drop from a server that stays

    def create(self, name):
        """A new database with the modules of Odoo that our addons depend on."""
        return self._copy(self.template, name)

    def with_addon(self, name):
        """A new database with our addons, which are installed only once."""
        if not self.addon:
            odoo = self.create("addon")
            with step("Install our addons"):
                odoo.install(*our_addons())
            self.addon = Source(odoo.name, odoo.filestore)
        return self._copy(self.addon, name)

    def for_tests(self, name):
        """The same with companies at hand, see `DteAiCommon._create_company`."""
        if not self.tests:
            odoo = self.with_addon("companies")
            odoo.shell(COMPANIES, log="companies")
            self.tests = Source(odoo.name, odoo.filestore)
        return self._copy(self.tests, name)

    def _copy(self, source, name):
        database = f"dte_ai_{os.getpid()}_{name}"
        odoo = Odoo(self.runtime, self.server, self.folder, database)
        self.server.create(database, template=source.database)
        self.mine.append(database)
        odoo.copy_files_from(source.filestore)
        return odoo

    def hand_over(self):
        """The environment of a process that is to use our server and databases."""
        sources = [self.template, *([self.addon] if self.addon else [])]
        texts = [f"{source.database}:{source.filestore}" for source in sources]
        return {**self.server.environment, HANDED_OVER: os.pathsep.join(texts)}


@contextmanager
def workspace(in_memory=False, installed=False):
    """Everything that a command needs; it is gone, processes too, when it ends.

    `in_memory` where nobody measures the disk. `installed` starts from a cluster in
    which our addons are installed as they are now, which is kept for the next command.
    """
    odoo_runtime = runtime.ensure()
    handed_over = os.environ.get(HANDED_OVER)
    if handed_over:
        seed = None
        names = iter(handed_over.split(os.pathsep))
        sources = [Source(name, Path(next(names))) for name in names]
    else:
        source, seed = _template(odoo_runtime)
        sources = [source]
        if installed and seed:
            sources, seed = _installed(odoo_runtime, source, seed)
    with temporary_folder(in_memory) as folder:
        server = postgres.server(odoo_runtime.python, folder, seed)
        space = Workspace(folder, odoo_runtime, server, *sources)
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


def _installed(odoo_runtime, template, template_seed):
    """The template, a database with our addons, one that has companies for tests, too;
    and the cluster that holds them.

    It is made anew whenever something changed that an installation reads, and never
    upgraded: what a test sees is what a new installation gives.
    """
    parts = [template_seed.parent.name, COMPANIES, *map(structure.of, our_addons())]
    key = hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
    target = cache.folder() / f"installed-{key}"
    addon = Source(f"dte_ai_installed_{key}", target / "filestore")
    tests = Source(f"dte_ai_for_tests_{key}", target / "filestore-tests")

    def build(target):
        with temporary_folder(in_memory=True) as folder:
            server = postgres.server(odoo_runtime.python, folder, template_seed)
            with step("Install our addons"):
                try:
                    server.start()
                    odoo = Odoo(odoo_runtime, server, folder, addon.database)
                    server.create(odoo.name, template=template.database)
                    odoo.copy_files_from(template.filestore)
                    odoo.install(*our_addons())
                    prepared = Odoo(odoo_runtime, server, folder, tests.database)
                    server.create(prepared.name, template=odoo.name)
                    prepared.copy_files_from(odoo.filestore)
                    prepared.shell(COMPANIES, log="companies")
                finally:
                    server.stop()
                run(
                    ["cp", "-a", server.data, target / "postgres"],
                    "the database with our addons could not be kept",
                    log="installed-copy",
                )
                shutil.copytree(odoo.filestore, addon.filestore)
                shutil.copytree(prepared.filestore, tests.filestore)

    cache.once(target.name, build, needed=2**30)
    cache.keep_newest("installed", KEEP_INSTALLED)
    return [template, addon, tests], target / "postgres"


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
