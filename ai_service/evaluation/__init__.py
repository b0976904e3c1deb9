# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How good the opinion is: invented companies, mistakes that people make, figures.

    python3 -m dev eval

No part of the service: it is not installed with it.
"""
