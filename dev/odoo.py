# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One Odoo database and what is done with it: install, upgrade, script, serve."""

import ast
import re
import secrets
import shutil
from pathlib import Path

from .console import Stop
from .process import ROOT, Server, free_port, log_file, run, shown

ADDON = "l10n_cl_dte_ai"
PROBLEM = re.compile(r"^\d{4}-\d\d-\d\d \S+ \d+ (WARNING|ERROR|CRITICAL) ")
MARK = "-- printed by the script --"


def our_addons():
    """The addons of this checkout."""
    return sorted(path.parent.name for path in ROOT.glob("*/__manifest__.py"))


def their_modules():
    """What our addons need of Odoo, as their manifests say."""
    ours = our_addons()
    needed = {"web"}
    for addon in ours:
        manifest = ast.literal_eval((ROOT / addon / "__manifest__.py").read_text())
        needed.update(manifest.get("depends", ()))
    return sorted(needed.difference(ours))


class Odoo:
    """The database `name` on `server`; `folder` holds its settings and files."""

    def __init__(self, runtime, server, folder, name):
        self.runtime = runtime
        self.server = server
        self.name = name
        self.data_dir = Path(folder, "data")
        self.config = Path(folder, f"{name}.conf")
        options = {
            "addons_path": ",".join(map(str, [*runtime.addons, ROOT])),
            "data_dir": self.data_dir,
            "admin_passwd": secrets.token_urlsafe(),
            "http_interface": "127.0.0.1",
            "http_port": free_port(),
            "list_db": False,
            "dbfilter": f"^{re.escape(name)}$",
            "limit_time_real_cron": 0,
            "publisher_warranty_url": "http://127.0.0.1:9/",  # no news from outside
        }
        lines = [f"{key} = {value}" for key, value in options.items()]
        self.config.write_text("\n".join(["[options]", *lines, ""]))

    @property
    def filestore(self):
        return self.data_dir / "filestore" / self.name

    def environment(self, **more):
        return self.runtime.environment(**{**self.server.environment, **more})

    def run(self, *arguments, failure, log, command=(), **options):
        """Run an Odoo command on the database to its end; what it printed."""
        return run(
            self.runtime.command(
                *command, "-c", self.config, "-d", self.name, *arguments
            ),
            failure,
            log=log,
            env=self.environment(),
            cwd=ROOT,
            **options,
        )

    def install(self, *modules, log="install", **options):
        return self._change("-i", modules, "installed", log, options)

    def install_with_demo_data(self, *modules):
        """Install them, on modules that were installed without demo data, with
        theirs.
        """
        self.allow_demo_data()
        return self.install(*modules, log="install-demo", with_demo=True)

    def allow_demo_data(self):
        self.server.query("UPDATE ir_module_module SET demo = true", self.name)

    def upgrade(self, *modules, log="upgrade", **options):
        return self._change("-u", modules, "upgraded", log, options)

    def _change(self, flag, modules, done, log, options):
        options = [
            f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}")
            for key, value in options.items()
        ]
        names = ",".join(modules)
        failure = f"{names} could not be {done}"
        printed = self.run(
            *(flag, names, "--no-http", "--stop-after-init", *options),
            failure=failure,
            log=log,
        )
        check_loaded(printed, failure, log)
        return printed

    def uninstall(self, *modules, log="uninstall"):
        return self.run(
            *modules,
            command=("module", "uninstall"),
            failure=f"{', '.join(modules)} could not be uninstalled",
            log=log,
        )

    def shell(self, script, log="shell"):
        """Run a script with `env` in it, commit, and return what it printed."""
        printed = self.run(
            "--no-http",
            command=("shell",),
            failure="the script failed in Odoo",
            log=log,
            input=f"print({MARK!r})\n{script}\nenv.cr.commit()\nprint({MARK!r})\n",
        )
        return printed.split(f"{MARK}\n")[1]

    def serve(self, port, workers=0, **environment):
        """The server of this database, not started yet.

        Without workers it answers websockets on its own port, as the bus needs.
        """
        ports = ["--http-port", port]
        if workers:
            ports += ["--workers", workers, "--gevent-port", free_port()]
        return Server(
            self.runtime.command("-c", self.config, "-d", self.name, *ports),
            "odoo",
            env=self.environment(**environment),
            cwd=ROOT,
        )

    def copy_files_from(self, filestore):
        """Its own copy of another database's files: links, for they never change."""
        self.filestore.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copytree(filestore, self.filestore, copy_function=_link)
        except OSError as error:
            raise Stop(f"the files of the database cannot be copied: {error}") from None


def _link(source, target):
    try:
        Path(target).hardlink_to(source)
    except OSError:  # another file system
        shutil.copy2(source, target)


def check_loaded(printed, failure, log):
    """Stop if a module is not there or not loaded: Odoo itself goes on then."""
    if "Failed to load registry" in printed or "Traceback" in printed:
        raise Stop(f"{failure}: see {shown(log_file(log))}")


def problems(printed):
    """The lines of a log that are warnings or worse."""
    return [line for line in printed.splitlines() if PROBLEM.match(line)]
