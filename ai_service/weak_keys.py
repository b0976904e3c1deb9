# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Keys that somebody could guess: too short, a placeholder, or of little variety."""

import math
import re
from collections import Counter
from itertools import pairwise

MIN_LENGTH = 32
# 32 random digits have more than 90, 32 random hexadecimal ones about 115.
MIN_BITS = 80
# Parts of keys in examples, tutorials and .env files. None is shorter than six letters:
# those stand in random keys, too, and are telling only where they stand alone.
_WORDS = [
    "default",
    "secret",
    "changeme",
    "changeit",
    "changethis",
    "change",
    "replace",
    "placeholder",
    "example",
    "sample",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "yourkey",
    "testkey",
    "insecure",
    "letmein",
    "qwerty",
    "asdfgh",
    "insert",
    "demokey",
    "devkey",
    "ejemplo",
    "cambiame",
    "cambiar",
    "contrasena",
    "reemplazar",
    "prueba",
    "secreto",
    "aiservice",
    "microservice",
]
_SHORT_WORDS = frozenset(
    [
        "test",
        "demo",
        "your",
        "local",
        "todo",
        "none",
        "null",
        "dummy",
        "admin",
        "token",
        "clave",
    ]
)
_LOOKALIKES = str.maketrans("013457@$", "oieastas")


def weakness(key: str) -> str | None:
    """Why a key could be guessed, in words that do not repeat it; None if it is fine.

    :param key: printable ASCII
    """
    if len(key) < MIN_LENGTH:
        return f"it has {len(key)} characters, {MIN_LENGTH} are needed"
    small = key.lower()
    parts = set(re.split(r"[^a-z0-9]+", small))
    letters = {re.sub(r"[^a-z]", "", text) for text in _spellings(small)}
    if parts & _SHORT_WORDS or any(word in text for text in letters for word in _WORDS):
        return "it is made of words, as examples are"
    if _bits(key) < MIN_BITS or _repeats(small) or _runs(small):
        return "it has little variety"
    return None


def _spellings(text: str) -> tuple[str, str]:
    return text, text.translate(_LOOKALIKES)


def _bits(key: str) -> float:
    """Its length times the entropy of its characters."""
    counts = Counter(key).values()
    return -sum(n * math.log2(n / len(key)) for n in counts)


def _repeats(key: str) -> bool:
    """Whether a first part of it is said again and again, whole or cut off."""
    half = len(key) // 2
    return any(
        key == (key[:size] * (len(key) // size + 1))[: len(key)]
        for size in range(1, half + 1)
    )


def _runs(key: str) -> bool:
    """Whether most characters follow the one before them: abcd, 4321, aaaa."""
    steps = [ord(after) - ord(before) for before, after in pairwise(key)]
    same = sum(one == two and abs(one) <= 1 for one, two in pairwise(steps))
    return same > len(key) / 3
