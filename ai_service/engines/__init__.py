# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who gives the opinion: the embedded rules, and a language model beside them."""
