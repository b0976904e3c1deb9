# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The simulator of the SII as a process, and documents that it accepts."""

import datetime
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from zoneinfo import ZoneInfo

import requests

from ..demo import authority
from ..tools import caf as cafs
from ..tools import envelope, signature, stamp, xml
from ..tools.sii_outcomes import DocumentKey

ISSUER, RECEIVER, HOLDER = "76101010-7", "76202020-3", authority.HOLDER
CHILE = ZoneInfo("America/Santiago")
SEND = requests.Session.send  # before Odoo's tests replace it

_DOCUMENT = """<?xml version="1.0" encoding="ISO-8859-1"?>
<DTE xmlns="http://www.sii.cl/SiiDte" version="1.0">
<Documento ID="F{folio}T33"><Encabezado><IdDoc><TipoDTE>33</TipoDTE>
<Folio>{folio}</Folio><FchEmis>{day}</FchEmis></IdDoc><Emisor>
<RUTEmisor>{issuer}</RUTEmisor><RznSoc>Logística Peñalmira SpA</RznSoc>
<GiroEmis>Transporte</GiroEmis><Acteco>492300</Acteco><DirOrigen>Aromos 4210</DirOrigen>
<CmnaOrigen>Quilicura</CmnaOrigen></Emisor><Receptor><RUTRecep>{receiver}</RUTRecep>
<RznSocRecep>Viña Torcaza</RznSocRecep><GiroRecep>Vinos</GiroRecep>
<DirRecep>Fundo La Torcaza</DirRecep><CmnaRecep>Santa Cruz</CmnaRecep></Receptor>
<Totales><MntNeto>100000</MntNeto><TasaIVA>19</TasaIVA><IVA>19000</IVA>
<MntTotal>119000</MntTotal></Totales></Encabezado><Detalle><NroLinDet>1</NroLinDet>
<NmbItem>Flete a Ñuñoa</NmbItem><QtyItem>1</QtyItem><PrcItem>100000</PrcItem>
<MontoItem>100000</MontoItem></Detalle>
</Documento></DTE>
"""


class Simulator:
    """The program on a free port, at once at EPR."""

    def __init__(self, *options):
        python = os.environ.get("SII_SIMULATOR_PYTHON")
        if not python:
            raise unittest.SkipTest("SII_SIMULATOR_PYTHON names no Python for it")
        self._folder = tempfile.TemporaryDirectory()
        arguments = ["--port", "0", "--keys", self._folder.name, "--delay", "0"]
        self._process = subprocess.Popen(
            [python, "-m", "sii_simulator", *arguments, *options],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline()
        self.url = next(word for word in line.split() if word.startswith("http"))

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def admin(self, method, path, **given):
        with requests.Session() as session:
            session.trust_env = False
            request = requests.Request(
                method, f"{self.url}/admin/{path}", data=json.dumps(given)
            )
            response = SEND(session, session.prepare_request(request), timeout=10)
        response.raise_for_status()
        return response

    def misbehave(self, name, **options):
        self.admin("POST", "modes", mode=name, **options)

    def behave(self):
        self.admin("DELETE", "modes")

    @property
    def requests(self):
        """How many requests there were, by target."""
        counters = self.admin("GET", "state").json()["counters"]
        words = {name.split(" ", 1)[-1]: n for name, n in counters.items()}
        return {name: words.get(name, 0) for name in ("seed", "upload", "sending")}

    @property
    def documents(self):
        return self.admin("GET", "documents").json()


class Issuer:
    """A company that signs documents of its own."""

    def __init__(self, simulator):
        self.signer = signature.Signer(*authority.certificate())
        values = {"rut": ISSUER, "type": 33, "to": 5000}
        self._caf = cafs.parse(simulator.admin("POST", "caf", **values).content)
        self._key, self._folio = self._caf.load_key(), 0

    def document(self):
        """Return a signed DTE under the next folio, and by what it is asked about."""
        self._folio += 1
        return self.signed(self._folio)

    def signed(self, folio):
        now = datetime.datetime.now(CHILE)
        content = _DOCUMENT.format(
            folio=folio, day=now.date(), issuer=ISSUER, receiver=RECEIVER
        ).encode("latin-1")
        stamped, _ted = stamp.stamp(content, self._caf, self._key, now)
        signed = signature.sign_dte(stamped, self.signer)
        value = xml.parse(signed).find(f"{{{xml.DSIG}}}Signature/{{*}}SignatureValue")
        return signed, DocumentKey(
            ISSUER, RECEIVER, "33", folio, now.date(), 119000, value.text
        )

    def envelope(self, count=1):
        """Return a signed envelope of new documents, and their keys."""
        made = [self.document() for _each in range(count)]
        return self.enclose([content for content, _key in made]), [k for _c, k in made]

    def enclose(self, contents):
        now = datetime.datetime.now(CHILE)
        cover = envelope.Cover(ISSUER, HOLDER, datetime.date(2026, 1, 15), 0)
        return signature.sign_envelope(
            envelope.build(contents, cover, now), self.signer
        )
