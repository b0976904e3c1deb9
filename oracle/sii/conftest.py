# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Makes the second addon's plain Python importable as `sii_tools`, without Odoo."""

import datetime
import importlib.util
import sys
from pathlib import Path

import cl_sii
import pytest
from lxml import etree

ADDON = Path(__file__).resolve().parents[2] / "l10n_cl_dte_sii"
SCHEMAS = Path(cl_sii.__file__).parent / "data/ref/factura_electronica/schemas-xml"
NOW = datetime.datetime(2026, 3, 2, 12, 30, 5)


def _package(name, folder):
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


_package("sii_tools", ADDON / "tools")
_package("sii_demo", ADDON / "demo")

from sii_demo import authority as stand_in  # noqa: E402
from sii_tools import caf as cafs  # noqa: E402
from sii_tools import errors  # noqa: E402
from sii_tools.signature import Signer  # noqa: E402


@pytest.fixture(scope="session")
def authority():
    return stand_in.TestAuthority()


@pytest.fixture(scope="session")
def authorities(authority):
    trusted = cafs.Authority(authority.public_key, errors.SIMULATOR)
    return {authority.key_id: trusted}


@pytest.fixture(scope="session")
def caf_of(authority):
    """The CAF of a type, of every folio that there is: made once."""
    made = {}

    def caf(code):
        if code not in made:
            content = authority.caf(
                *("76101010-7", code, 1, 10**10 - 1, NOW.date()),
                name="Logística Ñandú &amp; Cía",
            )
            made[code] = cafs.parse(content)
        return made[code]

    return caf


@pytest.fixture(scope="session")
def signer():
    return Signer(*stand_in.certificate(now=NOW.astimezone()))


@pytest.fixture(scope="session")
def official():
    """The SII's own schema of an envelope, unchanged; it includes that of a DTE."""
    return _official("EnvioDTE_v10.xsd")


@pytest.fixture(scope="session")
def official_dte():
    return _official("DTE_v10.xsd")


def _official(name):
    return etree.XMLSchema(etree.parse(SCHEMAS / name))
