# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The elements of a file, read one by one, so that none is passed over in silence."""

import datetime
import re
from decimal import Decimal
from typing import NamedTuple

from lxml import etree

from .xml import NAMESPACE, decimal

PREFIX = f"{{{NAMESPACE}}}"


class ReadError(ValueError):
    """A file that is no DTE, and where it is not.

    :param int line: of the file, where it is known
    """

    def __init__(self, message, line=None):
        super().__init__(message)
        self.line = line


class LeftOut(NamedTuple):
    """An element of the file that the document does not hold."""

    path: str
    line: int


def name_of(element):
    """Return an element's name if it is one of the SII's."""
    name = etree.QName(element)
    return name.localname if name.namespace == NAMESPACE else None


class Part:
    """An element with elements of its own; those that nobody took are left out."""

    def __init__(self, element, path, left_out, lines, item=None):
        self.element, self.path, self.item = element, path, item
        self.left_out, self.lines = left_out, lines
        self.children = {}
        for child in element:
            # One of another namespace, as the signature, has its name in braces.
            name = name_of(child) or child.tag
            self.children.setdefault(name, []).append(child)
            lines.setdefault((name, item), child.sourceline)
        self.lines.setdefault((path.rpartition("/")[2], item), element.sourceline)

    def close(self, value):
        """Name what was not taken, and return `value`."""
        for name in list(self.children):
            self.leave_out(name)
        return value

    def leave_out(self, name):
        for child in self.children.pop(name, ()):
            path = f"{self.path}/{etree.QName(child).localname}"
            self.left_out.append(LeftOut(path, child.sourceline))

    def take(self, name):
        return self.children.pop(name, [])

    def part(self, name):
        parts = self.parts(name)
        if len(parts) != 1:
            raise self._error(name, f"stands there {len(parts)} times, and not once")
        return parts[0]

    def parts(self, name, number=None):
        """Return each of the elements of a name, under the number that it gives."""
        found = []
        for child in self.take(name):
            text = child.findtext(f"{PREFIX}{number}", "") if number else ""
            found.append(
                Part(
                    child,
                    f"{self.path}/{name}",
                    self.left_out,
                    self.lines,
                    int(text) if text.isdecimal() else self.item,
                )
            )
        return found

    def text(self, name, required=False):
        found = self.take(name)
        if len(found) > 1:
            raise self._error(name, "stands there more than once", found[1])
        if not found:
            if required:
                raise self._error(name, "is missing")
            return ""
        return self._text_of(found[0])

    def _text_of(self, element):
        if len(element):
            raise self._error(name_of(element), "has elements in its text", element)
        return element.text or ""

    def texts(self, *names):
        return {name: self.text(name) for name in names}

    def all(self, name):
        return [self._text_of(each) for each in self.take(name)]

    def one_of(self, name, allowed):
        text = self.text(name, required=True)
        if text not in allowed:
            raise self._error(name, f"is “{text}”, and not {' or '.join(allowed)}")
        return text

    def whole(self, name, required=False):
        found = self.children.get(name, ())
        text = self.text(name, required)
        return self._whole(name, text, found[0]) if found else 0

    def whole_of(self, element):
        return self._whole(name_of(element), self._text_of(element), element)

    def _whole(self, name, text, element):
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
            raise self._error(name, f"is “{text}”, and no whole number", element)
        return int(text)

    def wholes(self, *names):
        return {name: self.whole(name) for name in names}

    def number(self, name, digits):
        found = self.children.get(name, ())
        text = self.text(name).strip()
        if not found:
            return 0.0
        if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text):
            raise self._error(name, f"is “{text}”, and no number", found[0])
        value = float(text)
        if Decimal(decimal(value, digits) or 0) != Decimal(text):
            path = f"{self.path}/{name}: digits of {text}"
            self.left_out.append(LeftOut(path, found[0].sourceline))
        return value

    def date(self, name, required=False):
        found = self.children.get(name, ())
        text = self.text(name, required).strip()
        if not found:
            return None
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                raise ValueError(text)
            return datetime.date.fromisoformat(text)
        except ValueError as error:
            message = f"is “{text}”, and no date as 2026-03-02"
            raise self._error(name, message, found[0]) from error

    def _error(self, name, message, element=None):
        where = self.element if element is None else element
        return ReadError(f"{self.path}/{name} {message}.", where.sourceline)
