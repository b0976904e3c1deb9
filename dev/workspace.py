# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What one command works in: a temporary folder, a server, copies of the template."""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from . import cache, postgres, runtime
from .console import step
from .odoo import Odoo, their_modules
from .process import run

PREFIX = "l10n_cl_dte_ai-"
LANGUAGES = "es_419,es_CL"
HANDED_OVER = "DTE_AI_HANDED_OVER"
RECIPE = 1  # change it when the template is made in another way


class Workspace:
    """`with Workspace() as workspace: workspace.create("demo")` gives an `Odoo`."""

    def __init__(self, folder, odoo_runtime, server, template):
        self.folder = folder
        self.runtime = odoo_runtime
        self.server = server
        self.template = template
        self.mine = []  # the databases to drop from a server that stays

    def create(self, name):
        """A new database with all that our addons depend on."""
        return self._copy(self.template.database, self.template.filestore, name)

    def copy(self, odoo, name):
        """A new database like `odoo`, which nobody may be using at this moment."""
        return self._copy(odoo.name, odoo.filestore, name)

    def _copy(self, database, filestore, name):
        odoo = self.open(f"dte_ai_{os.getpid()}_{name}")
        self.server.create(odoo.name, template=database)
        self.mine.append(odoo.name)
        odoo.copy_files_from(filestore)
        return odoo

    def open(self, database):
        return Odoo(self.runtime, self.server, self.folder, database)


@contextmanager
def workspace():
    """Everything that a command needs; it is gone, processes too, when it ends."""
    odoo_runtime = runtime.ensure()
    with temporary_folder() as folder:
        template = _template(odoo_runtime)
        server = postgres.server(odoo_runtime.python, folder, template.seed)
        result = Workspace(folder, odoo_runtime, server, template)
        try:
            server.start()
            yield result
        finally:
            if template.seed is None:
                for name in result.mine:
                    server.drop(name)
            server.stop()


def handed_over(odoo):
    """What a process needs in its environment to copy `odoo` and not the template."""
    return {**odoo.server.environment, HANDED_OVER: f"{odoo.name}:{odoo.filestore}"}


class Template:
    """A database with Odoo's modules: in a cluster to copy, or on the user's server."""

    def __init__(self, database, filestore, seed=None, has_addon=False):
        self.database = database
        self.filestore = filestore
        self.seed = seed
        self.has_addon = has_addon


def _template(odoo_runtime):
    if os.environ.get(HANDED_OVER):
        database, _colon, filestore = os.environ[HANDED_OVER].partition(":")
        return Template(database, Path(filestore), has_addon=True)
    with temporary_folder() as folder:
        server = postgres.server(odoo_runtime.python, folder)
        private = isinstance(server, postgres.PrivateServer)
        modules = their_modules()
        where = sorted(server.environment.items()) if not private else ""
        recipe = [odoo_runtime.key, server.version, where, modules, LANGUAGES, RECIPE]
        key = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
        database = f"dte_ai_template_{key}"
        target = cache.folder() / f"template-{key}"
        if not private:
            server.start()
            if target.exists() and not server.exists(database):
                shutil.rmtree(target)

        def build(target):
            title = f"Odoo 19: template database ({', '.join(modules)})"
            with step(title[:52]):
                if private:
                    server.start()
                else:
                    server.drop(database)
                try:
                    odoo = Odoo(odoo_runtime, server, folder, database)
                    odoo.install(
                        *("base", *modules), log="template", load_language=LANGUAGES
                    )
                finally:
                    server.stop()
                if private:
                    run(
                        ["cp", "-a", server.data, target / "postgres"],
                        "the template database could not be kept",
                        log="template-copy",
                    )
                shutil.move(odoo.filestore, target / "filestore")

        target = cache.once(f"template-{key}", build, needed=2**30)
        seed = target / "postgres" if private else None
        return Template(database, target / "filestore", seed)


@contextmanager
def temporary_folder():
    """A folder on disk that is removed at the end, or by a later run if we die."""
    parent = Path(os.environ.get("TMPDIR") or "/var/tmp")
    if not os.access(parent, os.W_OK):
        parent = Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o711)  # as root, PostgreSQL's user goes through it
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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
