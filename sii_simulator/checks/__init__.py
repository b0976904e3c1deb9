# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is checked of an envelope, in the order in which the SII does it."""
