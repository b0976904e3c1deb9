# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How a defect is put into a document.

A kind takes a document in which nothing is found, and yields it with the defect, once
for each place where it can be; nothing where the document can't have it. It counts as
caught when the rules find something in all of them.
"""

from dataclasses import replace

KINDS = {}
INVOICES, NOTES = ("33", "34"), ("56", "61")
WITH_DESTINATION = ("33", "34", "46", "52")
LONG = "palabra " * 200


def kind(function):
    KINDS[function.__name__.replace("_", " ")] = function
    return function


def changes(name, types=None, when=None, **values):
    """A kind that gives fields of the document other values."""

    def apply(document):
        if (not types or document.TipoDTE in types) and (not when or when(document)):
            yield replace(document, **values)

    KINDS[name] = apply


def of_part(part, name, types=None, when=None, **values):
    """A kind that gives fields of a part other values: of each, if there are many."""

    def apply(document):
        if types and document.TipoDTE not in types:
            return
        found = getattr(document, part)
        many = isinstance(found, tuple)
        for index, each in enumerate(found if many else [found]):
            if when and not when(each):
                continue
            new = replace(
                each, **{k: v(each) if callable(v) else v for k, v in values.items()}
            )
            if many:
                new = (*found[:index], new, *found[index + 1 :])
            yield replace(document, **{part: new})

    KINDS[name] = apply
