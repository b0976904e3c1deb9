# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's schemas, fetched from its site."""

import io
import time
import zipfile
from urllib.parse import urlsplit

import requests

from .schema import SCHEMA_FILE, SchemaError

# Of the archive, and of all that is in it; the SII's has 70 kB, and 300 kB in it.
MAX_BYTES = 5_000_000
SECONDS = 20


def download(url):
    """Return the schemas of the SII's archive.

    :param str url: of a ZIP archive
    :return: the bytes of each `.xsd` in it, by name without folder
    :rtype: dict[str, bytes]
    :raise SchemaError: where it is not to be had, or no such archive
    """
    try:
        content = _get(url)
    except requests.RequestException as error:
        raise SchemaError("unreachable", str(error)) from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [each for each in archive.infolist() if _is_schema(each)]
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise SchemaError("no_archive", "too large")
            # `read` gives no more than `file_size`, or fails.
            files = {_base_name(entry): archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise SchemaError("no_archive", str(error)) from error
    if SCHEMA_FILE not in files:
        raise SchemaError("incomplete", SCHEMA_FILE)
    return files


def _is_schema(entry):
    return entry.filename.lower().endswith(".xsd")


def _base_name(entry):
    return entry.filename.rpartition("/")[2]


def _get(url):
    end = time.monotonic() + SECONDS
    with requests.get(url, timeout=SECONDS, stream=True) as response:
        response.raise_for_status()
        for hop in (*response.history, response):
            if urlsplit(hop.url).scheme != urlsplit(url).scheme:
                raise SchemaError("unreachable", "it points to an unencrypted address")
        content = b""
        for chunk in response.iter_content(65536):
            content += chunk
            if len(content) > MAX_BYTES:
                raise SchemaError("no_archive", "too large")
            if time.monotonic() > end:
                raise SchemaError("unreachable", "too slow")
    return content
