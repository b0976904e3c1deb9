# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A Chilean electronic tax document (DTE): values, rules, file."""
