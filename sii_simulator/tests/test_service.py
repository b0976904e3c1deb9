# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One document from the login to the SII's word."""

from .documents import document


def test_an_invoice_is_accepted(client, simulator, send):
    reply = send(7)
    assert reply.status == 200
    assert reply.tag("STATUS") == "0", reply.text
    track = reply.tag("TRACKID")
    assert client.sending(track).tag("ESTADO") == "REC"
    seen = []
    for _second in range(6):
        simulator.clock.advance(1)
        seen.append(client.sending(track).tag("ESTADO"))
    assert seen == ["SOK", "CRT", "FOK", "PDR", "EPR", "EPR"]
    counts = client.sending(track)
    assert counts.tags("TIPO_DOCTO") == ["33"]
    assert counts.tags("INFORMADOS") + counts.tags("ACEPTADOS") == ["1", "1"]
    assert counts.tags("RECHAZADOS") + counts.tags("REPAROS") == ["0", "0"]
    assert client.document(7).tag("ESTADO") == "DOK"


def test_what_was_sent_is_kept_byte_for_byte(client, send, caf, signer):
    sent = document(caf, signer, 8)
    send([sent])
    kept = client.admin("GET", "documents/76101010-7/33/8")
    assert kept.body == sent.encode("latin-1")
