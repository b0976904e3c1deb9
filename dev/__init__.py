# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Developer tools: get a runtime, run the demo, the tests, the checks."""
