# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from .builder import load, showcase, unload

__all__ = ["load", "showcase", "unload"]
