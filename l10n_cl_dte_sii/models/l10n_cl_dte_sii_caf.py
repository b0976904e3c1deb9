# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import math
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import caf as cafs
from .environments import ENVIRONMENTS, MANAGER_GROUP

# What is warned of: a CAF a month before it ends, folios that last less than two weeks.
WARN_DAYS_LEFT = 30
WARN_WORKING_DAYS = 10
USE_OF_DAYS = 30
WORKING_DAYS_A_WEEK = 5


class L10nClDteSiiCaf(models.Model):
    """An authorisation of folios by the SII (CAF).

    The wizard that loads it makes the row, and nobody changes it. Its private key lies
    in Odoo's own `certificate.key`.
    """

    _name = "l10n_cl_dte_sii.caf"
    _description = "SII Folios (CAF)"
    _inherit = ["mail.thread"]
    _order = "environment, code, date desc, first desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True)
    issuer = fields.Char(string="RUT", required=True)
    environment = fields.Selection(ENVIRONMENTS, required=True)
    code = fields.Char(string="Type", required=True)
    first = fields.Integer(string="From", required=True, aggregator=None)
    last = fields.Integer(string="To", required=True, aggregator=None)
    start = fields.Integer(
        string="Used Here From",
        required=True,
        aggregator=None,
        help="The first folio of the range that was free when it was loaded: those "
        "before it were used in another program.",
    )
    date = fields.Date(string="Given by the SII on", required=True)
    expires_on = fields.Date(help="The last day on which it can sign; empty: never.")
    is_vouched = fields.Boolean(
        string="SII's Signature Checked",
        help="Not set: the SII signed it with a key that is not known here.",
    )
    is_used_up = fields.Boolean(
        help="Whether all its folios are taken; kept for speed."
    )
    key_id = fields.Many2one(
        "certificate.key", groups=fields.NO_ACCESS, ondelete="restrict", copy=False
    )
    # The element CAF, flattened: it goes into each stamp.
    node = fields.Binary(attachment=False, groups=fields.NO_ACCESS, copy=False)
    used_count = fields.Integer(compute="_compute_counts", string="Used")
    left_count = fields.Integer(compute="_compute_counts", string="Left")
    working_days_left = fields.Integer(
        compute="_compute_working_days_left",
        help="How long the valid folios of this type last, at their use of the last 30 "
        "days; 0 where they are not used.",
    )
    state = fields.Selection(
        [
            ("valid", "Valid"),
            ("expiring", "Expires Soon"),
            ("expired", "Expired"),
            ("used_up", "Used Up"),
        ],
        compute="_compute_state",
    )
    warned_state = fields.Char(help="What people were warned of last.")

    _one_range = models.UniqueIndex(
        "(issuer, environment, code, first)", "These folios are here already."
    )

    # === Compute === #

    @api.depends("code", "first", "last")
    def _compute_display_name(self):
        for caf in self:
            caf.display_name = f"{caf.code}: {caf.first}–{caf.last}"

    def _compute_counts(self):
        """Count all in the ledger, whoever looks: branches share a range."""
        self.env["l10n_cl_dte_sii.folio"].flush_model()
        query = SQL(
            """
            SELECT caf.id, count(folio.id)
              FROM l10n_cl_dte_sii_caf AS caf
              JOIN l10n_cl_dte_sii_folio AS folio
                ON folio.issuer = caf.issuer AND folio.environment = caf.environment
               AND folio.code = caf.code AND folio.state != 'free'
               AND folio.number BETWEEN caf.start AND caf.last
             WHERE caf.id IN %s
             GROUP BY caf.id
            """,
            tuple(self.ids or [0]),
        )
        counts = dict(self.env.execute_query(query))
        for caf in self:
            caf.used_count = counts.get(caf.id, 0)
            caf.left_count = caf.last - caf.start + 1 - caf.used_count

    def _forget_counts(self):
        """The ledger has changed, which no dependency tells: read it again."""
        self.invalidate_model(
            ["used_count", "left_count", "working_days_left", "state"], flush=False
        )

    @api.depends("expires_on", "left_count")
    def _compute_state(self):
        for caf in self:
            today = caf.company_id._l10n_cl_dte_sii_today()
            soon = today + timedelta(days=WARN_DAYS_LEFT)
            if caf.left_count <= 0:
                caf.state = "used_up"
            elif caf.expires_on and caf.expires_on < today:
                caf.state = "expired"
            elif caf.expires_on and caf.expires_on <= soon:
                caf.state = "expiring"
            else:
                caf.state = "valid"

    def _compute_working_days_left(self):
        for (issuer, environment, code), same in self.grouped(
            lambda caf: (caf.issuer, caf.environment, caf.code)
        ).items():
            used = self._used_lately(issuer, environment, code)
            valid = self.sudo().search(
                self._valid_domain(
                    issuer,
                    environment,
                    code,
                    same[:1].company_id._l10n_cl_dte_sii_today(),
                )
            )
            left = sum(valid.mapped("left_count"))
            working_days = USE_OF_DAYS * WORKING_DAYS_A_WEEK / 7
            same.working_days_left = (
                math.floor(left * working_days / used) if used else 0
            )

    @api.model
    def _used_lately(self, issuer, environment, code):
        since = fields.Datetime.now() - timedelta(days=USE_OF_DAYS)
        return (
            self.env["l10n_cl_dte_sii.folio"]
            .sudo()
            .search_count(
                [
                    ("issuer", "=", issuer),
                    ("environment", "=", environment),
                    ("code", "=", code),
                    ("caf_id", "!=", False),
                    ("create_date", ">=", since),
                ]
            )
        )

    # === Finding a folio === #

    @api.model
    def _valid_domain(self, issuer, environment, code, day):
        return Domain(
            [
                ("issuer", "=", issuer),
                ("environment", "=", environment),
                ("code", "=", code),
                ("key_id", "!=", False),
            ]
        ) & (Domain("expires_on", "=", False) | Domain("expires_on", ">=", day))

    @api.model
    def _usable(self, move):
        """Return the CAFs that can number a document today, oldest first.

        They are found by RUT: branches of one RUT draw from the same folios.
        """
        company = move.company_id
        domain = self._valid_domain(
            company._l10n_cl_dte_sii_rut(),
            company._l10n_cl_dte_sii_with_settings().l10n_cl_dte_sii_environment,
            move.l10n_latam_document_type_id.code,
            company._l10n_cl_dte_sii_today(),
        )
        return self.sudo().search(
            domain & Domain("is_used_up", "=", False), order="date, first"
        )

    def _next_number(self):
        """Return the first number that nobody has, or None; a gap is filled first."""
        self.ensure_one()
        self.env["l10n_cl_dte_sii.folio"].flush_model()
        taken = SQL(
            """
            SELECT number FROM l10n_cl_dte_sii_folio
             WHERE issuer = %s AND environment = %s AND code = %s
               AND number BETWEEN %s AND %s AND state != 'free'
            """,
            *(self.issuer, self.environment, self.code, self.start, self.last),
        )
        ((count, highest),) = self.env.execute_query(
            SQL("SELECT count(*), max(number) FROM (%s) AS taken", taken)
        )
        if not count:
            return self.start
        if highest - self.start + 1 == count:
            return highest + 1 if highest < self.last else None
        # Somebody chose a number, or one was given back.
        ((number,),) = self.env.execute_query(
            SQL(
                """
                WITH taken AS (%s)
                SELECT min(number) FROM (
                    SELECT %s AS number
                    UNION ALL SELECT number + 1 FROM taken
                ) AS candidate
                 WHERE NOT EXISTS (
                    SELECT FROM taken WHERE taken.number = candidate.number
                )
                """,
                taken,
                self.start,
            )
        )
        return number if number <= self.last else None

    # === Stamping === #

    def _as_tool(self):
        """Return it as the tools know it, with the key that stamps."""
        self.ensure_one()
        caf = self.sudo().with_context(bin_size=False)
        if not (caf.node and caf.key_id):
            raise UserError(
                self.env._(
                    "The key of the CAF %s is not in this database: it is a copy in "
                    "which keys were removed. Load a CAF of a test environment.",
                    self.display_name,
                )
            )
        return cafs.from_node(
            base64.b64decode(caf.node), base64.b64decode(caf.key_id.pem_key)
        )

    # === What is to be annulled === #

    def _unused_ranges(self):
        """Return the folios of this range that no document has, as (first, last)."""
        self.ensure_one()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT number FROM l10n_cl_dte_sii_folio
                 WHERE issuer = %s AND environment = %s AND code = %s
                   AND number BETWEEN %s AND %s AND state != 'free'
                 ORDER BY number
                """,
                *(self.issuer, self.environment, self.code, self.start, self.last),
            )
        )
        ranges, expected = [], self.start
        for (number,) in [*rows, (self.last + 1,)]:
            if expected < number:
                ranges.append((expected, number - 1))
            expected = number + 1
        return ranges

    # === Actions and crons === #

    def action_remove(self):
        """Remove a CAF that was loaded by mistake, with its key: none of it was
        used.
        """
        self.check_access("read")
        if not self.env.user.has_group(MANAGER_GROUP):
            raise UserError(
                self.env._("Only administrators of DTE SII may remove folios.")
            )
        used = (
            self.env["l10n_cl_dte_sii.folio"]
            .sudo()
            .search([("caf_id", "in", self.ids)], limit=1)
        )
        if used:
            raise UserError(
                self.env._(
                    "Folio %s of it was used: the SII asks where each folio is, so the "
                    "CAF stays.",
                    used.number,
                )
            )
        keys = self.sudo().key_id
        self.sudo().unlink()
        keys.unlink()
        return self.env["ir.actions.act_window"]._for_xml_id(
            "l10n_cl_dte_sii.action_caf"
        )

    @api.model
    def _cron_warn(self):
        """Once a day: say what ends soon, each thing once."""
        for caf in self.sudo().search([("is_used_up", "=", False)]):
            if caf.left_count <= 0:
                caf.is_used_up = True
        self.env["certificate.certificate"]._l10n_cl_dte_sii_warn()
        for caf in self.sudo().search([("key_id", "!=", False)]):
            caf._warn()

    def _warn(self):
        """Tell the administrators of a company what is the matter, once."""
        self.ensure_one()
        text, kind = "", self.state
        if kind == "expiring":
            text = self.env._(
                "%(left)s folios of %(caf)s expire on %(date)s. Use them before, and "
                "ask the SII for new ones.",
                left=self.left_count,
                caf=self.display_name,
                date=self.expires_on,
            )
        elif kind == "expired":
            text = self.env._(
                "%(left)s folios of %(caf)s expired on %(date)s. Declare them null on "
                "the SII's site (“Anulación masiva de folios”): %(ranges)s. Until then "
                "the SII gives fewer new ones.",
                left=self.left_count,
                caf=self.display_name,
                date=self.expires_on,
                ranges=", ".join(f"{a}–{b}" for a, b in self._unused_ranges()),
            )
        elif kind == "valid" and 0 < self.working_days_left < WARN_WORKING_DAYS:
            kind = "short"
            text = self.env._(
                "The folios of type %(code)s last for %(days)s working days, at their "
                "use of the last 30 days. Ask the SII for more.",
                code=self.code,
                days=self.working_days_left,
            )
        if text and kind != self.warned_state:
            self.company_id._l10n_cl_dte_sii_notify(
                self.env._("Folios of type %s", self.code), text, self
            )
        self.warned_state = kind
