# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The AI service: an opinion on a Chilean electronic tax document, over HTTP."""

__version__ = "1.2.0"
SERVICE_NAME = "AI Microservice - DTE Intelligence"
