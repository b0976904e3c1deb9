# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Taking our own secrets out of what the other side says.

Proxies and frameworks like to echo a request in their error, key and all. What they say
is kept, shown and logged, so the key is taken out of it first, in any of the spellings
in which it comes back: as it is, in parts, percent-encoded, escaped for JSON or HTML,
in hexadecimal, in base64 wherever it stands in there, or broken up by spaces and lines.
"""

import base64
import html
import re
import unicodedata

MARK = "•••"

# So many characters of a secret in a row give it away; fewer are chance. They are
# looked for twice: with its signs, and as letters and digits alone, whatever separates
# them.
WINDOW = 8
SHORTEST = 5

# A token that follows one of these words is a secret, whosever it is.
NAMED = re.compile(
    r"\b((?:authorization\W{1,4}(?:(?:bearer|basic)\W{1,4})?|bearer\W{1,4})"
    r"(?!•)(?=[^\s\"'<>,;]{4})|basic\W{1,4}(?=[\w+/=-]{12}))[^\s\"'<>,;•]+",
    re.IGNORECASE,
)

# The characters of a text, in whichever way they are written. Group 1: many that are
# written as themselves; 2: the code of one in hexadecimal; 3: an HTML entity. A '%' or
# a '&' may be encoded again and again.
SPELLING = re.compile(
    r"([a-z0-9]+)"
    r"|(?:%(?:25)*|\\+x|\\+u(?:00|\{0{0,4})|\\+U000000)([0-9a-f]{2})\}?"
    r"|(&(?:amp;)*(?:\#\d{1,7}|\#x[0-9a-f]{1,6}|[a-z]{2,8});)"
    r"|.",
    re.IGNORECASE | re.DOTALL,
)
AMP = re.compile(r"&(?:amp;)+", re.IGNORECASE)


class Redactor:
    """Takes some secrets out of texts.

    :param secrets: what must not be seen; empty ones are ignored
    """

    def __init__(self, *secrets):
        self._parts, self._alnum_parts = set(), set()
        for secret in filter(None, secrets):
            self._parts |= {_plain(part) for part in _windows(secret)}
            for spelling in (secret, *_encodings(secret)):
                self._alnum_parts |= _windows(_alnum(spelling))
        # A sign or two are everywhere.
        self._parts = {part for part in self._parts if len(part) >= SHORTEST}
        self._alnum_parts = {p for p in self._alnum_parts if len(p) == WINDOW}

    def __call__(self, text):
        """Return `text` without the secrets."""
        return self.all([text])[0]

    def all(self, texts):
        """Return `texts` without the secrets, also without one that goes on from one
        text to the next.
        """
        texts = [NAMED.sub(rf"\1{MARK}", text) for text in texts]
        if not self._parts:
            return texts
        whole = "\n".join(texts)
        letters, spans = _read(whole)
        hidden = bytearray(len(whole))
        _hide(letters, spans, self._parts, hidden)
        alnum = [i for i, letter in enumerate(letters) if letter.isalnum()]
        letters = "".join(letters[i] for i in alnum)
        _hide(letters, [spans[i] for i in alnum], self._alnum_parts, hidden)
        result, start = [], 0
        for text in texts:
            end = start + len(text)
            result.append(_without(text, hidden[start:end]))
            start = end + 1
        return result


def _plain(text):
    """Return a text in the form in which it is compared: what `_read` makes of it."""
    return "".join(letter for letter in text.lower() if _is_told(letter))


def _alnum(text):
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _is_told(letter):
    """Tell whether a character tells anything, and is not put in by an encoding."""
    return not (
        letter.isspace()
        or letter in "\\\"'"
        or unicodedata.category(letter) in ("Cc", "Cf", "Mn")
    )


def _windows(text):
    return {text[i : i + WINDOW] for i in range(max(len(text) - WINDOW, 0) + 1)}


def _encodings(secret):
    """Yield what is the same of a secret in each text that encodes it."""
    data = secret.encode()
    yield data.hex()
    for before in range(3):
        # In base64 three bytes make four characters: what stands before the secret
        # shifts it, and is in the first and the last of its characters.
        encoded = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        first = (0, 2, 3)[before]
        last = len(encoded) - ((before + len(data)) % 3 > 0)
        # Urlsafe or not is a matter of two signs, and signs are not compared.
        yield encoded[first:last]


def _read(text):
    """Return the characters that `text` stands for, and where each of them is."""
    letters, spans = [], []
    for match in SPELLING.finditer(text):
        run, code, entity = match.groups()
        if run:
            start, end = match.span()
            letters.append(run.lower())
            spans += [(i, i + 1) for i in range(start, end)]
            continue
        if code:
            meant = chr(int(code, 16))
        elif entity:
            meant = html.unescape(AMP.sub("&", entity))
        else:
            meant = match.group()
        for letter in unicodedata.normalize("NFKC", meant).lower():
            if _is_told(letter):
                letters.append(letter)
                spans.append(match.span())
    return "".join(letters), spans


def _hide(letters, spans, parts, hidden):
    """Mark in `hidden` where one of `parts` stands."""
    for size in {len(part) for part in parts}:
        for begin in range(len(letters) - size + 1):
            if letters[begin : begin + size] in parts:
                start, end = spans[begin][0], spans[begin + size - 1][1]
                hidden[start:end] = b"\1" * (end - start)


def _without(text, hidden):
    if not any(hidden):
        return text
    pieces, position = [], 0
    for match in re.finditer(rb"\x01+", bytes(hidden)):
        pieces += [text[position : match.start()], MARK]
        position = match.end()
    return "".join([*pieces, text[position:]])
