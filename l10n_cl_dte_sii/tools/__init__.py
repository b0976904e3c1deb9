# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Plain Python: nothing in here imports Odoo, and all of it runs without."""
