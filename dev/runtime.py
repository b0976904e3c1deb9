# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""An Odoo 19 to run on: the user's own, or Debian's package unpacked in our cache.

In this order: `ODOO_HOME`, an `odoo` or `odoo-bin` of version 19 on PATH, the package.
"""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import cache, venv
from .console import Stop, step, warn
from .process import call, run

SERIES = "19.0"
PACKAGE = "odoo-19"
PACKAGES = [PACKAGE, "libjs-jquery", "fonts-roboto-unhinted", "fonts-montserrat"]
# The packages whose Odoo we know; another one works most likely, but says so.
KNOWN_SHA256 = {
    "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf",
}
# The package carries Odoo's modules twice, and 800 MB of languages.
LEFT_OUT = [
    "./usr/lib/python3/dist-packages/addons",
    "./usr/share/doc",
    "*/i18n/*.pot",
    "*/i18n/[!ef]*.po",
    "*/i18n/e[!s]*.po",
    "*/i18n/f[!r]*.po",
]
SCRIPT = Path(__file__).parent / "bin" / "odoo-bin"
DIST_PACKAGES = Path("usr/lib/python3/dist-packages")
KEYRINGS = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
]
USE_YOUR_OWN = f"set ODOO_HOME to the folder of an Odoo {SERIES} source"


@dataclass(frozen=True)
class Runtime:
    python: Path  # of the environment with Odoo's requirements
    home: Path  # the folder that has the package `odoo`
    origin: str  # what it is, for people
    key: str  # changes when Odoo or its requirements change

    @property
    def addons(self):
        """Folders of Odoo's own modules, besides `odoo/addons`, which Odoo knows."""
        return [self.home / "addons"] if (self.home / "addons" / "web").exists() else []

    def environment(self, **more):
        """The environment for Odoo's processes: its own path and no one else's."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ODOO_", "OPENERP_")) and name != "VIRTUAL_ENV"
        }
        environment.update(PYTHONPATH=str(self.home))
        environment.update({name: str(value) for name, value in more.items()})
        return environment

    def command(self, *arguments):
        return [self.python, SCRIPT, *arguments]


def ensure():
    """An Odoo 19 and a Python that runs it; the first time this takes a while."""
    home, origin, version = _named_by_user() or _on_path() or _from_package()
    python = venv.ensure("odoo")
    pins = (venv.REQUIREMENTS / "odoo.txt").read_text()
    key = hashlib.sha256(f"{version} {pins}".encode()).hexdigest()[:12]
    return Runtime(python=python, home=home, origin=origin, key=key)


def _describe(home, origin):
    """(home, origin, version): the version changes with the source's state."""
    stamp = str((home / "odoo" / "release.py").stat().st_mtime_ns)
    git = subprocess.run(
        ["git", "-C", home, "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return home, origin, f"{home} {git.stdout.strip() or stamp}"


def _series(home):
    """The series of the Odoo in `home` ('19.0'), or None if there isn't one."""
    try:
        text = (home / "odoo" / "release.py").read_text()
    except OSError:
        return None
    found = re.search(r"^version_info = \((\d+), (\d+),", text, re.MULTILINE)
    return f"{found[1]}.{found[2]}" if found else "unknown"


def _named_by_user():
    named = os.environ.get("ODOO_HOME")
    if not named:
        return None
    given = Path(named).expanduser().resolve()
    for home in (given, given / DIST_PACKAGES, given.parent):
        series = _series(home)
        if series == SERIES:
            return _describe(home, f"Odoo {SERIES} of ODOO_HOME")
        if series:
            raise Stop(f"ODOO_HOME={named} holds Odoo {series}: this needs {SERIES}")
    raise Stop(f"ODOO_HOME={named} holds no Odoo: {USE_YOUR_OWN}, or unset it")


def _on_path():
    for name in ("odoo", "odoo-bin"):
        script = shutil.which(name)
        if not script:
            continue
        script = Path(script).resolve()
        for home in (script.parent, *_imported_by(script)):
            if _series(home) == SERIES:
                return _describe(home, f"Odoo {SERIES} of {script}")
    return None


def _imported_by(script):
    """Where the interpreter of an installed `odoo` script has the package."""
    try:
        first = script.open("rb").readline().decode(errors="replace")
    except OSError:
        return
    python = first.removeprefix("#!").split()
    if not first.startswith("#!") or not Path(python[0]).exists():
        return
    printed = subprocess.run(
        [*python, "-c", "import odoo; print(*odoo.__path__, sep='\\n')"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in printed.splitlines():
        yield Path(line).parent


def _from_package():
    target = cache.once("runtime-debian", _unpack_package)
    version = (target / "VERSION").read_text().strip()
    return target / DIST_PACKAGES, f"Odoo {SERIES}, Debian package {version}", version


def _unpack_package(target):
    debs = target / "debs"
    debs.mkdir()

    def progress():
        return f"{sum(f.stat().st_size for f in debs.iterdir()) / 1e6:.0f} of 127 MB"

    with step("Odoo 19: download", progress):
        _download(debs)
    (package,) = debs.glob(f"{PACKAGE}_*.deb")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if digest not in KNOWN_SHA256:
        warn(
            f"{package.name} is not a package that we know (sha256 {digest}): "
            "its Odoo may differ from what the tests were written on"
        )
    with step("Odoo 19: unpack"):
        for deb in debs.glob("*.deb"):
            _unpack(deb, target)
        # The package lacks this file, and the browser's complaint fails tours.
        stub = target / DIST_PACKAGES / "odoo/addons/mail/static/lib"
        stub = stub / "selfie_segmentation/selfie_segmentation.js"
        if not stub.exists():
            stub.parent.mkdir(parents=True, exist_ok=True)
            stub.write_text("/* Not in the Debian package. */\n")
        shutil.rmtree(debs)
    with step("Odoo 19: compile"):
        environment = dict(os.environ)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        python, _version = venv.base_python()
        call(  # some templates in it are no Python: its exit code says nothing
            [python, "-m", "compileall", "-q", "-j", "0", target / DIST_PACKAGES],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    (target / "VERSION").write_text(f"{package.name.split('_')[1]} {digest[:12]}\n")


def _unpack(deb, target):
    left_out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    dpkg = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    try:
        run(
            ["tar", "-x", "-C", target, "--no-same-owner", "--wildcards", *left_out],
            f"{deb.name} could not be unpacked",
            log="tar",
            stdin=dpkg.stdout,
        )
    finally:
        dpkg.stdout.close()
        dpkg.kill()
        dpkg.wait()


def _download(folder):
    """Get the packages by the machine's own apt, without touching its set-up."""
    if not shutil.which("apt-get"):
        raise Stop(
            f"Odoo comes from Debian's archive, and apt is not here: {USE_YOUR_OWN}"
        )
    failure = (
        "Odoo could not be downloaded from a Debian mirror: try again later, "
        f"{USE_YOUR_OWN}, or DTE_AI_DEBIAN_MIRROR to a mirror's address"
    )
    if _apt_carries_it():
        run(["apt-get", "download", *PACKAGES], failure, log="apt", cwd=folder)
        return
    apt = folder.parent / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True)
    mirror, keyring = _debian_mirror(), _debian_keyring(apt)
    (apt / "sources.list").write_text(
        f"deb [arch=all signed-by={keyring}] {mirror} sid main\n"
    )
    options = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::Lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
    }
    apt_get = ["apt-get", *(f"-o{key}={value}" for key, value in options.items())]
    run([*apt_get, "update"], failure, log="apt-update")
    run([*apt_get, "download", *PACKAGES], failure, log="apt-download", cwd=folder)
    shutil.rmtree(apt)


def _apt_carries_it():
    """Whether this machine's own sources have the package, as Debian sid's do."""
    try:
        found = subprocess.run(
            ["apt-cache", "show", PACKAGE], capture_output=True, check=False
        )
    except OSError:
        return False
    return found.returncode == 0


def _apt_targets():
    """(mirror, suite, component) of the machine's apt configuration, in its order."""
    printed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--no-release-info",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [line.split() for line in printed.splitlines() if line.count(" ") == 2]


def _os_release(name):
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _equals, value = line.partition("=")
        if key == name:
            return value.strip('"')
    return ""


def _debian_mirror():
    """A mirror of Debian: the user's word, or the one this machine uses itself."""
    if os.environ.get("DTE_AI_DEBIAN_MIRROR"):
        return os.environ["DTE_AI_DEBIAN_MIRROR"]
    suites = (_os_release("VERSION_CODENAME"), "sid", "unstable")
    for mirror, suite, component in _apt_targets():
        if component != "main" or suite not in suites:
            continue
        if _os_release("ID") == "debian":
            return mirror
        if mirror.rstrip("/").endswith("/ubuntu"):  # many carry both, side by side
            return mirror.rstrip("/").removesuffix("ubuntu") + "debian"
    raise Stop(
        "Odoo 19 comes from Debian's archive, and this machine's apt names no mirror "
        f"of it: {USE_YOUR_OWN}, or DTE_AI_DEBIAN_MIRROR to a Debian mirror's address"
    )


def _debian_keyring(apt):
    """Debian's signing keys: the machine's, or of the package with that name."""
    for keyring in KEYRINGS:
        if Path(keyring).exists():
            return keyring
    run(
        ["apt-get", "download", "debian-archive-keyring"],
        "Debian's signing keys are missing: apt-get install debian-archive-keyring",
        log="apt-keyring",
        cwd=apt,
    )
    (deb,) = apt.glob("debian-archive-keyring_*.deb")
    _unpack(deb, apt)
    for keyring in KEYRINGS:
        if (apt / keyring.lstrip("/")).exists():
            return apt / keyring.lstrip("/")
    raise Stop(
        "Debian's signing keys are missing: apt-get install debian-archive-keyring"
    )
