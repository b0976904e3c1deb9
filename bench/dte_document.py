# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Rules and XML of a document, against lxml building the same tree by hand.

Run by `python3 -m dev bench`, in the environment of the oracles. Prints JSON.
"""

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "l10n_cl_dte_ai"), str(ROOT / "oracle")]

import documents  # noqa: E402
from lxml import etree  # noqa: E402
from tools.dte import rules, xml  # noqa: E402

DOCUMENTS, LINES, ROUNDS = 200, 6, 35


def by_hand(tree):
    """Build the tree of `(tag, text, children)` as one would with lxml alone."""
    tag, attributes, text, children = tree
    root = etree.Element(tag, attributes, nsmap={None: xml.NAMESPACE})
    root.text = text
    stack = [(root, children)]
    while stack:
        parent, nodes = stack.pop()
        for tag, attributes, text, children in nodes:
            element = etree.SubElement(parent, tag, attributes)
            element.text = text
            if children:
                stack.append((element, children))
    return etree.tostring(root, encoding=xml.ENCODING, xml_declaration=True)


def as_tuples(element):
    return (
        element.tag,
        dict(element.attrib),
        element.text,
        [as_tuples(child) for child in element],
    )


def seconds(*functions):
    """Return what each takes for a document: its best round, of rounds in turns.

    A machine that does other things makes any round longer and none shorter.
    """
    best = [float("inf")] * len(functions)
    for _round in range(ROUNDS):
        for index, function in enumerate(functions):
            start = time.process_time()
            for _document in range(DOCUMENTS):
                function()
            took = (time.process_time() - start) / DOCUMENTS
            best[index] = min(best[index], took)
    return best


def main():
    document = documents.document(
        lines=[
            documents.line(
                number,
                12_345 * number,
                NmbItem=f"Servicio de bodegaje número {number}",
                DscItem="Bodega 7, posición A",
                UnmdItem="Unid",
            )
            for number in range(1, LINES + 1)
        ]
    )
    tree = as_tuples(etree.fromstring(xml.as_xml(document)))

    def ours():
        rules.check(document, documents.TODAY, lambda text, /, **values: text)
        xml.as_xml(document)

    ours, hand = seconds(ours, lambda: by_hand(tree))
    json.dump({"ours": ours, "by_hand": hand}, sys.stdout)


main()
