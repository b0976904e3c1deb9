# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models


class L10nClDteOnDocuments(models.AbstractModel):
    """Of a wizard, or a row that users write, on documents: it shows no more than they
    do.

    Whoever may use it says over RPC which documents it is on, also those of other
    companies, and Odoo gives away the name of a record that a many2one points to. A
    wizard's rows belong to whoever made them; that is a record rule of each wizard.
    Its related fields take `related_sudo=False`.
    """

    _name = "l10n_cl_dte.on.documents"
    _description = "What Is on Documents"

    def _documents(self):
        """Return the documents that it is on; extend it where it names them
        otherwise.
        """
        return self.move_id

    def _check_documents(self):
        """:raise AccessError: where the user may not read one of the documents"""
        self._documents()._origin.check_access("read")

    def new(self, values=None, origin=None, ref=None):
        # EXTENDS 'base': what a form holds before it is saved.
        record = super().new(values, origin, ref)
        record._check_documents()
        return record

    def onchange(self, values, field_names, fields_spec):
        # EXTENDS 'web': it makes the record without what has changed, and adds that.
        self.new(values)
        for name, value in values.items():
            field = self._fields.get(name)
            if field and field.type == "many2one" and isinstance(value, int) and value:
                self.env[field.comodel_name].browse(value).check_access("read")
        return super().onchange(values, field_names, fields_spec)

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._check_documents()
        return records

    def write(self, vals):
        result = super().write(vals)
        self._check_documents()
        return result
