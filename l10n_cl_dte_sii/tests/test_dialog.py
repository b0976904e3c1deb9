# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is concluded about an envelope's documents, without a wire."""

import datetime

from odoo.tests import BaseCase, tagged

from ..tools import dialog
from ..tools.sii_outcomes import (
    PROCESSED,
    Counts,
    DocumentKey,
    DocumentKnown,
    DocumentStatus,
    UploadStatus,
)


class Client:
    """A SII that says what it is told."""

    def __init__(self, counts, known, status):
        self.counts, self.known, self.status = counts, known, status

    def upload_status(self, _issuer, _track_id):
        return UploadStatus("EPR", PROCESSED, {"33": self.counts})

    def document_known(self, _key):
        return self.known

    def document_status(self, _key):
        return self.status


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDialog(BaseCase):
    def found(self, known, counts=None):
        key = DocumentKey(
            *("76101010-7", "76202020-3", "33", 7, datetime.date(2026, 3, 2), 119),
            signature="x",
        )
        client = Client(
            counts or Counts(1, 0, 1, 0), known, DocumentStatus("FAU", False, False)
        )
        return dialog.inquire(client, dialog.Inquiry("76101010-7", "20", {1: key}))

    def test_what_the_sii_has_in_another_envelope_is_there(self):
        """Rejected, because it came twice."""
        found = self.found(DocumentKnown(True, track_id="10"))
        self.assertEqual((found.tracks, found.verdicts), ({1: "10"}, {}))

    def test_an_earlier_version_under_the_folio_is_not_this_document(self):
        """Mended and rejected again, it was taken for what was sent before."""
        found = self.found(DocumentKnown(False, is_other=True, track_id="10"))
        self.assertEqual((found.tracks, found.verdicts), ({}, {1: "rejected"}))
