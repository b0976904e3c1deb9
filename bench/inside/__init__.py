# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What runs inside Odoo: each function takes an `env` and returns what becomes JSON."""
