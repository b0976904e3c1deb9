# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the SII says of a document: codes, as its result mails write them.

A code is section, level and number. Those of the section SIM are the simulator's own:
the SII refuses such a document, too, under a code that no source names.
"""

from dataclasses import dataclass

ACCEPTED, OBJECTED, REJECTED = "accepted", "objected", "rejected"
# How the mail words a state.
STATES = {
    OBJECTED: "RPR - DTE Aceptado con Reparos",
    REJECTED: "RCH - DTE Rechazado",
}
_TEXTS = {
    "CAF-3-517": "CAF Vencido",
    "CRT-3-11": "RUT envia diferente al Upload",
    "CRT-3-19": "Fecha/Numero Resolucion Invalido",
    "DET-2-200": "Valor Detalle Distinto a Precio * Cantidad",
    "DTE-3-100": "DTE Repetido",
    "DTE-3-101": "Folio ya Recibido con Otros Datos",
    "DTE-3-505": "Firma DTE Incorrecta",
    "DTE-3-601": "Folio Anulado",
    "ENV-3-6": "Rut No Autorizado a Firmar",
    "HED-2-260": "Monto Total No Cuadra",
    "HED-3-861": "Actividad Economica no Registrada",
    "REF-2-781": "Modifica Texto no debe tener montos",
    "REF-3-415": "NC/ND Debe Incluir Referencia",
    "REF-3-750": "DTE Referenciado no Recibido",
    "TED-2-510": "Firma Timbre Electronico Incorrecta",
    "SIM-3-1": "Timbre no corresponde al documento",
    "SIM-3-2": "CAF no firmado por este SII",
    "SIM-3-3": "Folio fuera del rango del CAF",
    "SIM-3-4": "CAF de otro emisor o tipo de documento",
    "SIM-3-5": "CAF posterior a la firma del documento",
    "SIM-3-6": "RUT invalido",
    "SIM-3-7": "Emisor distinto al de la caratula",
    "SIM-3-8": "Fecha de firma posterior a la recepcion",
    "SIM-3-9": "RutReceptor de la caratula no es el SII",
    "SIM-3-10": "Subtotales de la caratula no cuadran",
    "SIM-3-11": "Timbre ilegible",
}


@dataclass(frozen=True)
class Finding:
    code: str
    detail: str = ""

    @property
    def text(self):
        return _TEXTS.get(self.code, "Revision del SII")

    def __str__(self):
        text = f"({self.code}) {self.text}"
        return f"{text} : {self.detail}" if self.detail else text

    @property
    def rejects(self):
        """Whether it refuses the document; a wrong stamp does, whatever its level."""
        return self.code.split("-")[1] == "3" or self.code == "TED-2-510"


def state_of(findings):
    """What becomes of a document with these findings."""
    if any(finding.rejects for finding in findings):
        return REJECTED
    return OBJECTED if findings else ACCEPTED
