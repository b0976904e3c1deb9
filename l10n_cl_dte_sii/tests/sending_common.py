# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the tests of sending share: the simulator of the SII, as a process."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives import serialization

from ..demo import authority as stand_in
from ..models.l10n_cl_dte_sii_host import SIMULATOR_PARAMETER
from ..tools import sii_client
from .simulator import Simulator
from .test_signing import SigningCommon

SIMULATOR_KEY_ID = 999


class SimulatorProcess(Simulator):
    """The simulator, whose documents the tests decide about."""

    @property
    def key(self):
        """The key by which it signs folios."""
        pem = Path(self._folder.name, "sii.pem").read_bytes()
        return serialization.load_pem_private_key(pem, None)

    def decide(self, state, **options):
        """Decide about the next document."""
        self.admin("POST", "decisions", state=state, **options)

    def result_mail(self):
        """The last mail that it would write."""
        number = self.admin("GET", "mails").json()[-1]["id"]
        return self.admin("GET", f"mails/{number}").content


class SendingCommon(SigningCommon):
    """Who signs sends, too; time passes when a test says so."""

    @classmethod
    def setUpClass(cls):
        cls.sii = SimulatorProcess()
        cls.addClassCleanup(cls.sii.close)
        super().setUpClass()
        cls.company.l10n_cl_dte_resolution_date = "2014-08-22"
        cls.admin_env["ir.config_parameter"].set_param(SIMULATOR_PARAMETER, cls.sii.url)

    @classmethod
    def make_authority(cls):
        authority = stand_in.TestAuthority(SIMULATOR_KEY_ID)
        authority.key = cls.sii.key
        return authority

    def setUp(self):
        super().setUp()
        self.sii.admin("DELETE", "state")
        self.sii.admin("DELETE", "decisions")
        sii_client.TOKENS.clear()
        self.passed = timedelta()
        sendings = type(self.env["l10n_cl_dte_sii.sending"])
        now = sendings._now
        self.startPatcher(
            patch.object(sendings, "_now", lambda rows: now(rows) + self.passed)
        )

    def sending(self, document):
        return document.sudo().l10n_cl_dte_document_id.sending_id

    def send(self, document=None, **values):
        """Press *Send to the SII*; return the document."""
        document = document or self.create_signed(**values)
        document.action_l10n_cl_dte_sii_send()
        return document

    def wait(self, **duration):
        """Let time pass, and the cron do what is due then."""
        self.passed += timedelta(**duration)
        self.env["l10n_cl_dte_sii.sending"].sudo()._cron_exchange()
        self.env.invalidate_all()

    def stands(self, document, state, sending_state):
        self.assertEqual(
            (document.l10n_cl_dte_state, self.sending(document).state),
            (state, sending_state),
        )
