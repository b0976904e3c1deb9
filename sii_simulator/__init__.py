# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII on 127.0.0.1: strict with what it is sent, and misbehaving on demand."""
