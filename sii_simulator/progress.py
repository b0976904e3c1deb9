# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How far an envelope is, by the simulator's clock."""

from .findings import OBJECTED, REJECTED

STEPS = ("REC", "SOK", "CRT", "FOK", "PDR", "EPR")
# The step in whose place an envelope is refused.
REFUSED_AT = {
    "RSC": "SOK",
    "RCT": "CRT",
    "RFR": "FOK",
    "VOF": "SOK",
    "RPT": "EPR",
    "RCH": "EPR",
}
GLOSSES = {
    "REC": "Envio Recibido",
    "SOK": "Esquema Validado",
    "CRT": "Caratula OK",
    "FOK": "Firma de Envio Validada",
    "PDR": "Envio en Proceso",
    "EPR": "Envio Procesado",
    "RSC": "Rechazado por Error en Schema",
    "RFR": "Rechazado por Error en Firma",
    "RCT": "Rechazado por Error en Caratula",
    "RPT": "Rechazado por Repetido",
    "RCH": "Rechazado por Error en Informacion",
    "VOF": "El Archivo .xml No Fue Encontrado",
}


def state(store, sending, furthest="EPR"):
    """The state of an envelope now; `furthest` is the step it is stuck in."""
    age = (store.clock.now() - sending.received).total_seconds()
    now = "REC"
    for step in STEPS[1:]:
        delay = store.settings.delays.get(step)
        if delay is None or age < float(delay):
            continue
        if REFUSED_AT.get(sending.refused) == step:
            return sending.refused
        now = step
        if step == furthest:
            break
    return now


def is_final(state_name):
    return state_name == "EPR" or state_name in REFUSED_AT


def counts(sending):
    """{type: (reported, accepted, rejected, objected)} of an envelope's documents."""
    totals = {}
    for document in sending.documents:
        total = totals.setdefault(document.code, [0, 0, 0, 0])
        total[0] += 1
        total[{REJECTED: 2, OBJECTED: 3}.get(document.state, 1)] += 1
    return totals
