# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's schema of a DTE: known for what it is, and asked."""

import threading

from lxml import etree

from .xml import NAMESPACE

SCHEMA_FILE = "DTE_v10.xsd"  # it includes the others

_XS = "{http://www.w3.org/2001/XMLSchema}"
_SIGNER_ADDS = ("TED", "TmstFirma", "ds:Signature")
# All that is in it, a DTE must have; see `verify`.
_SPECIMEN = f"""<DTE xmlns="{NAMESPACE}" version="1.0"><Documento ID="F1T33">
<Encabezado><IdDoc><TipoDTE>33</TipoDTE><Folio>1</Folio><FchEmis>2026-03-02</FchEmis>
</IdDoc><Emisor><RUTEmisor>76101010-7</RUTEmisor><RznSoc>A</RznSoc><GiroEmis>B</GiroEmis>
<Acteco>711002</Acteco></Emisor><Receptor><RUTRecep>76202020-3</RUTRecep>
<RznSocRecep>C</RznSocRecep></Receptor><Totales><MntTotal>100</MntTotal></Totales>
</Encabezado><Detalle><NroLinDet>1</NroLinDet><NmbItem>D</NmbItem>
<MontoItem>100</MontoItem></Detalle></Documento></DTE>"""


class SchemaError(Exception):
    """These files are not to be had, or cannot be used as the SII's schema.

    :param str code: `unreachable`, `no_archive`, `incomplete`, `invalid` (no schema) or
        `not_of_sii` (a schema that says something else than the SII's)
    :param str detail: for the log
    """

    def __init__(self, code, detail=""):
        super().__init__(f"{code}: {detail}")
        self.code = code


class Schema:
    """A schema that threads may share.

    A validator of lxml keeps its errors in itself: of two threads that use one, one may
    find the list of the other, or none at all. So they take turns (0.1 ms each).
    """

    def __init__(self, files, name=SCHEMA_FILE, signed=False):
        """Compile one of the SII's schemas.

        :param dict files: the bytes of the SII's files by name
        :param bool signed: require what only a signer can add, as the SII does
        :raise SchemaError: where a file is missing, or they make no schema
        """
        self._lock = threading.Lock()
        self._compiled = _compile(files, name, signed)

    def errors(self, content):
        """Return what the schema says against a file, as texts; empty if it is valid.

        :param bytes content: of an XML file
        :rtype: list[str]
        """
        try:
            return self._errors_of(etree.fromstring(content, _parser()))
        except etree.LxmlError as error:  # no XML, or none that can be validated
            return [str(error)]

    def _errors_of(self, tree):
        with self._lock:
            if self._compiled.validate(tree):
                return []
            texts = [error.message for error in self._compiled.error_log]
        # Refused is refused, also where libxml2 does not say why.
        texts = texts or ["The schema refuses the file."]
        return [text.replace(f"{{{NAMESPACE}}}", "") for text in texts]


def _parser():
    return etree.XMLParser(resolve_entities=False, no_network=True)


def _compile(files, name, signed):
    def in_ascii(name):
        # lxml 5 reads what a resolver returns as UTF-8, whatever it says of itself.
        if name not in files:
            raise SchemaError("incomplete", name)
        return etree.tostring(etree.fromstring(files[name], _parser()))

    class Resolver(etree.Resolver):
        def resolve(self, url, _id, context):
            return self.resolve_string(in_ascii(url.rpartition("/")[2]), context)

    parser = _parser()
    parser.resolvers.add(Resolver())
    try:
        root = etree.fromstring(in_ascii(name), parser)
        if not signed:
            for element in root.iter(f"{_XS}element"):
                if (element.get("name") or element.get("ref")) in _SIGNER_ADDS:
                    element.set("minOccurs", "0")
        return etree.XMLSchema(root)
    except (etree.LxmlError, ValueError) as error:
        raise SchemaError("invalid", str(error)) from error


def verify(files):
    """Make sure that files are the SII's schema of a DTE, or as strict as it is.

    It must accept the smallest document, and refuse it without any of its elements,
    with one that does not exist, and with any text too long for its place.

    :param dict files: bytes by name
    :raise SchemaError: where they are not
    """
    schema = Schema(files)
    specimen = etree.fromstring(_SPECIMEN, etree.XMLParser(remove_blank_text=True))
    if errors := schema._errors_of(specimen):
        raise SchemaError("not_of_sii", f"refuses a document: {errors[0]}")
    for what, wrong in _mutilated(specimen):
        if not schema._errors_of(wrong):
            raise SchemaError("not_of_sii", f"accepts a document {what}")


def _mutilated(specimen):
    """Yield what is wrong with it and the document, once for each element."""
    text = etree.tostring(specimen)
    for position, element in enumerate(specimen.iter()):
        name = etree.QName(element).localname
        if position:
            tree = etree.fromstring(text)
            victim = list(tree.iter())[position]
            victim.getparent().remove(victim)
            yield f"without {name}", tree
        tree = etree.fromstring(text)
        victim = list(tree.iter())[position]
        if len(element):
            etree.SubElement(victim, f"{{{NAMESPACE}}}Inventado")
            yield f"with an invention in {name}", tree
        else:
            victim.text = "x" * 1000
            yield f"with a long {name}", tree
