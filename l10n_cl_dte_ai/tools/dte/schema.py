# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The official schema of a DTE, for files that nobody has stamped or signed yet."""

from lxml import etree

from .xml import NAMESPACE

SCHEMA_FILE = "DTE_v10.xsd"  # it includes the others

_XS = "{http://www.w3.org/2001/XMLSchema}"
_SIGNER_ADDS = ("TED", "TmstFirma", "ds:Signature")


def load_schema(read):
    """Return the schema of a DTE, with what only a signer can add made optional.

    :param read: a function that returns the bytes of one of the SII's files by name
    :rtype: etree.XMLSchema
    """

    class Resolver(etree.Resolver):
        def resolve(self, url, _id, context):
            return self.resolve_string(read(url.rpartition("/")[2]), context)

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    parser.resolvers.add(Resolver())
    root = etree.fromstring(read(SCHEMA_FILE), parser)
    for element in root.iter(f"{_XS}element"):
        if (element.get("name") or element.get("ref")) in _SIGNER_ADDS:
            element.set("minOccurs", "0")
    return etree.XMLSchema(root)


def schema_errors(content, schema):
    """Return what the schema says against a file, as texts."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    if schema.validate(etree.fromstring(content, parser)):
        return []
    return [error.message.replace(f"{{{NAMESPACE}}}", "") for error in schema.error_log]
