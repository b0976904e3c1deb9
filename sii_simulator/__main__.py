# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import sys

try:
    from .cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"sii_simulator needs {error.name}: "
        "pip install -r dev/requirements/simulator.txt"
    )

sys.exit(main())
