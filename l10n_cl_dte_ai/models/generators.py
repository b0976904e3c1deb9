# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Other addons that generate the document: where one is installed, ours only checks.

Each says whether it is there, what its next step is, how its state reads as ours, and
which of its buttons ours stands before. Another one is a class more in `GENERATORS`.
"""


class OdooEnterprise:
    """Odoo Enterprise's `l10n_cl_edi`, which generates with *Send*."""

    module = "l10n_cl_edi"
    field = "l10n_cl_dte_status"
    states = {
        "ask_for_status": "generated",
        "accepted": "generated",
        "objected": "generated",
        "manual": "generated",
        "rejected": "review",
    }
    hidden_actions = ()

    def next_step(self, move):
        """Return the action that generates the document of an invoice."""
        return move.action_invoice_sent()


class DteOfOthers:
    """The addon `l10n_cl_dte`, with a wizard of its own."""

    module = "l10n_cl_dte"
    field = "dte_status"
    states = {
        "to_send": "generated",
        "sending": "generated",
        "sent": "generated",
        "accepted": "generated",
        "contingency": "generated",
        "rejected": "review",
    }
    # Its own *Generar DTE*: ours comes first, and opens it.
    hidden_actions = ("l10n_cl_dte.action_dte_generate_wizard",)

    def next_step(self, move):
        """Return the action that generates the document of an invoice."""
        action = move.env["ir.actions.act_window"]._for_xml_id(self.hidden_actions[0])
        context = {
            "active_model": move._name,
            "active_id": move.id,
            "active_ids": move.ids,
            "default_move_id": move.id,
        }
        return {**action, "context": context}


GENERATORS = (OdooEnterprise(), DteOfOthers())


def generator(env):
    """Return the addon that generates documents instead of ours, or None."""
    modules = env.registry._init_modules
    return next((each for each in GENERATORS if each.module in modules), None)


def state_of(move):
    """Return how another addon's document reads as a state of ours, or None.

    :param move: one invoice, as superuser
    """
    other = generator(move.env)
    if not other or other.field not in move._fields:
        return None
    return other.states.get(move[other.field])
