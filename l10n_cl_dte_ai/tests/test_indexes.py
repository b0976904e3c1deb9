# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Nothing of ours makes deletions elsewhere in Odoo slow."""

from odoo.tests import TransactionCase, tagged

# Rows of these are archived, hardly ever deleted, and never by the thousand.
SELDOM_DELETED = (
    "res_company",
    "res_country",
    "res_currency",
    "res_users",
    "certificate_certificate",
    "certificate_key",
    "l10n_cl_dte_ai_service",
    "l10n_cl_dte_sii_caf",
    "l10n_latam_document_type",
)
# A row that is deleted is looked for in every column that refers to it: without an
# index that is a walk over the whole table, for each row.
UNINDEXED = """
    SELECT source.relname, attribute.attname, target.relname
      FROM pg_constraint key
      JOIN pg_class source ON source.oid = key.conrelid
      JOIN pg_class target ON target.oid = key.confrelid
      JOIN pg_attribute attribute
        ON attribute.attrelid = source.oid AND attribute.attnum = key.conkey[1]
     WHERE key.contype = 'f'
       AND (source.relname LIKE 'l10n\\_cl\\_dte%%'
            OR attribute.attname LIKE 'l10n\\_cl\\_dte%%'
            OR (source.relname, attribute.attname) IN %(ours)s)
       AND target.relname NOT IN %(seldom)s
       AND NOT EXISTS (
               SELECT FROM pg_index index
                WHERE index.indrelid = source.oid
                  AND index.indkey[0] = key.conkey[1]
                  AND (index.indpred IS NULL
                       OR pg_get_expr(index.indpred, index.indrelid)
                          = '(' || attribute.attname || ' IS NOT NULL)')
           )
     ORDER BY 1, 2
"""


@tagged("post_install_l10n", "post_install", "-at_install")
class TestIndexes(TransactionCase):
    def test_every_foreign_key_of_ours_is_indexed(self):
        self.env.cr.execute(
            UNINDEXED, {"seldom": SELDOM_DELETED, "ours": tuple(self._our_columns())}
        )
        found = [
            f"{table}.{column} → {to}" for table, column, to in self.env.cr.fetchall()
        ]
        self.assertEqual(found, [], "Give them index=True or 'btree_not_null'")

    def _our_columns(self):
        """(table, column) of the stored many2one fields that only our addons define."""
        for model in self.env.values():
            for field in model._fields.values():
                ours = field._modules and all(
                    module.startswith("l10n_cl_dte") for module in field._modules
                )
                if ours and field.type == "many2one" and field.store:
                    yield model._table, field.name
