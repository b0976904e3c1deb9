# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A CAF is taken as it is, or refused in one sentence that says what is wrong."""

import datetime
from dataclasses import replace

import pytest
from sii_demo.authority import TestAuthority, small_key
from sii_tools import caf as cafs
from sii_tools import errors

TODAY = datetime.date(2026, 3, 2)
RUT = "76101010-7"

# Two that the SII gave: the first is in the test data of `cl-sii`, in a public
# university's DTE; the second in the SII's own manual of the stamp.
PRODUCTION = (
    """<CAF version="1.0">
<DA>
<RE>60910000-1</RE>
<RS>UNIVERSIDAD DE CHILE</RS>
<TD>33</TD>
<RNG>
<D>2332141</D>
<H>2342140</H>
</RNG>
<FA>2019-07-26</FA>
<RSAPK>
<M>x72ZshWkkg+YP+uhApMtGPaFPr7DKS3aK7LXTKvVBpCwWJmuvaQvTBnvxnBJVSnU0IVZUYPayO3NTLrLOFwxWw==</M>
<E>Aw==</E>
</RSAPK>
<IDK>300</IDK>
</DA>
<FRMA algoritmo="SHA1withRSA">"""
    "RJh0IgoGPl5SJrrRz/pZPt4i/3EweSAsnUFKo56OP0vwplcqNaaHmUT4IA21kJ7UJkt1KYKiDXco6P61sjLmFg==</FRMA>\n</CAF>\n"
)
CERTIFICATION = (
    '<CAF version="1.0"><DA><RE>97975000-5</RE><RS>RUT DE PRUEBA</RS><TD>33</TD>'
    "<RNG><D>1</D><H>200</H></RNG><FA>2003-09-04</FA><RSAPK>"
    "<M>0a4O6Kbx8Qj3K4iWSP4w7KneZYeJ+g/prihYtIEolKt3cykSxl1zO8vSXu397QhTmsX7SBEudTUx+"
    "+2zDXBhZw==</M><E>Aw==</E></RSAPK><IDK>100</IDK></DA>"
    '<FRMA algoritmo="SHA1withRSA">g1AQX0sy8NJugX52k2hTJEZAE9Cuul6pqYBdFxj1N17umW7zG/hA'
    "avCALKByHzdYAfZ3LhGTXCai5zNxOo4lDQ==</FRMA></CAF>"
)
OFFICIAL = {"production": PRODUCTION, "certification": CERTIFICATION}


def authorisation(caf):
    """The file around a CAF whose private key is nobody's business."""
    return (
        f'<?xml version="1.0"?>\n<AUTORIZACION>{caf}<RSASK>-</RSASK>'
        "<RSAPUBK>-</RSAPUBK></AUTORIZACION>"
    ).encode("latin-1")


@pytest.mark.parametrize("environment", OFFICIAL)
def test_the_siis_keys_verify_what_the_sii_signed(environment):
    caf = cafs.parse(authorisation(OFFICIAL[environment]))
    assert cafs.check_authority(caf, environment)


@pytest.mark.parametrize("environment", OFFICIAL)
def test_one_folio_more_than_the_sii_gave_is_noticed(environment):
    text = OFFICIAL[environment].replace("0</H>", "1</H>")
    with pytest.raises(errors.CafForged):
        cafs.check_authority(cafs.parse(authorisation(text)), environment)


@pytest.mark.parametrize("environment", OFFICIAL)
def test_it_is_good_in_its_environment_only(environment):
    caf = cafs.parse(authorisation(OFFICIAL[environment]))
    for other in {errors.SIMULATOR, *OFFICIAL} - {environment}:
        with pytest.raises(errors.CafOfAnotherEnvironment):
            cafs.check_authority(caf, other)


def test_nobody_takes_the_place_of_the_sii(authority):
    """Not even who may register authorities."""
    mine = {
        300: cafs.Authority(authority.public_key, errors.PRODUCTION),
        100: cafs.Authority(authority.public_key, errors.CERTIFICATION),
    }
    for number, theirs in mine.items():
        content = authority.caf(RUT, "33", 1, 50, TODAY, IDK=number)
        with pytest.raises(errors.CafForged):
            cafs.check_authority(cafs.parse(content), theirs.environment, mine)


def load(content, authorities, today=TODAY, taken=(), environment=errors.SIMULATOR):
    caf = cafs.parse(content)
    vouched = cafs.check(caf, RUT, environment, today, taken, authorities)
    return caf, vouched


def test_all_that_it_says_is_read(authority, authorities):
    content = authority.caf(
        *(RUT, "61", 11, 60, datetime.date(2026, 2, 1)), name="Ñandú & Compañía"
    ).replace(b"&", b"&amp;")
    # The signature is over the text as it stands, with its entities.
    with pytest.raises(errors.CafForged):
        load(content, authorities)
    content = authority.caf(
        *(RUT, "61", 11, 60, datetime.date(2026, 2, 1)), name="Ñandú &amp; Compañía"
    )
    caf, vouched = load(content, authorities)
    assert vouched
    assert caf.name == "Ñandú & Compañía"
    assert (caf.issuer, caf.code, caf.first, caf.last) == (RUT, "61", 11, 60)
    assert caf.date == datetime.date(2026, 2, 1)
    assert caf.node.startswith(b'<CAF version="1.0"><DA><RE>76101010-7</RE><RS>\xd1and')
    assert b"\n" not in caf.node


@pytest.mark.parametrize(
    "declaration",
    [
        b"",
        b'<?xml version="1.0"?>',
        b'<?xml version="1.0" encoding="UTF-8"?>\n',
        b'<?xml version="1.0" encoding="ISO-8859-1"?>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\r\n',
    ],
)
def test_the_bytes_are_latin_1_whatever_is_declared(
    declaration, authority, authorities
):
    content = authority.caf(RUT, "33", 1, 50, TODAY, name="Ñandú Compañía")
    _old, _end, rest = content.partition(b"?>\n")
    caf, _vouched = load(declaration + rest, authorities)
    assert caf.name == "Ñandú Compañía"


def test_a_file_that_an_editor_saved_in_utf_8_says_so(authority, authorities):
    content = authority.caf(RUT, "33", 1, 50, TODAY, name="Ñandú")
    with pytest.raises(errors.CafForged) as caught:
        load(content.decode("latin-1").encode(), authorities)
    assert "saved it anew" in str(caught.value)


def test_tabs_and_line_ends_of_windows_do_no_harm(authority, authorities):
    content = authority.caf(RUT, "33", 1, 50, TODAY)
    for changed in (
        content.replace(b"\n", b"\r\n"),
        content.replace(b"\n", b"\n\t"),
    ):
        caf, _vouched = load(changed, authorities)
        assert caf.load_key()


WRONG = {
    "cut off": (errors.CafUnreadable, lambda a: a.caf(RUT, "33", 1, 50, TODAY)[:700]),
    "empty": (errors.CafUnreadable, lambda a: b""),
    "a picture": (errors.CafUnreadable, lambda a: b"\x89PNG\r\n\x1a\n" * 9),
    "huge": (errors.CafUnreadable, lambda a: b"<AUTORIZACION/>" + b" " * 2**17),
    "a DTE": (errors.CafUnreadable, lambda a: b"<DTE><Documento/></DTE>"),
    "two in one": (
        errors.CafUnreadable,
        lambda a: a.caf(RUT, "33", 1, 50, TODAY).replace(
            b"<RSASK>", b"<CAF/><RSASK>", 1
        ),
    ),
    "with a DTD": (
        errors.CafUnreadable,
        lambda a: (
            b'<!DOCTYPE A [<!ENTITY x "y">]>'
            + a.caf(RUT, "33", 1, 50, TODAY).partition(b"?>")[2]
        ),
    ),
    "another company": (
        errors.CafOfAnotherCompany,
        lambda a: a.caf("76202020-3", "33", 1, 50, TODAY),
    ),
    "another company's, renamed": (
        errors.CafForged,
        lambda a: a.caf("76202020-3", "33", 1, 50, TODAY).replace(
            b"76202020-3", RUT.encode()
        ),
    ),
    "unknown type": (
        errors.CafOfUnknownType,
        lambda a: a.caf(RUT, "35", 1, 50, TODAY),
    ),
    "range upside down": (
        errors.CafBadRange,
        lambda a: a.caf(RUT, "33", 50, 1, TODAY),
    ),
    "from zero": (errors.CafBadRange, lambda a: a.caf(RUT, "33", 0, 50, TODAY)),
    "from the future": (
        errors.CafFromTheFuture,
        lambda a: a.caf(RUT, "33", 1, 50, TODAY + datetime.timedelta(days=1)),
    ),
    "too old": (
        errors.CafExpired,
        lambda a: a.caf(RUT, "33", 1, 50, TODAY - datetime.timedelta(days=181)),
    ),
    "another's private key": (
        errors.CafKeyMismatch,
        lambda a: a.caf(
            *(RUT, "33", 1, 50, TODAY),
            RSASK=TestAuthority()
            .caf(RUT, "33", 1, 9)
            .decode("latin-1")
            .split("RSASK")[1][1:-2],
        ),
    ),
    "no private key": (
        errors.CafKeyMismatch,
        lambda a: a.caf(RUT, "33", 1, 50, TODAY, RSASK="-"),
    ),
    "another's public key": (
        errors.CafKeyMismatch,
        lambda a: a.caf(
            *(RUT, "33", 1, 50, TODAY),
            RSAPUBK=TestAuthority()
            .caf(RUT, "33", 1, 9)
            .decode("latin-1")
            .split("RSAPUBK")[1][1:-2],
        ),
    ),
    "signed by nobody": (
        errors.CafForged,
        lambda a: a.caf(RUT, "33", 1, 50, TODAY, FRMA="AAAA"),
    ),
    "an unknown authority": (
        errors.CafOfUnknownAuthority,
        lambda a: TestAuthority(key_id=901).caf(RUT, "33", 1, 50, TODAY),
    ),
    "another key under the number": (
        errors.CafForged,
        lambda a: TestAuthority().caf(RUT, "33", 1, 50, TODAY),
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_said(kind, authority, authorities):
    error, make = WRONG[kind]
    with pytest.raises(error) as caught:
        load(make(authority), authorities)
    said = str(caught.value)
    assert said.endswith((".", ")."))
    assert "PRIVATE" not in said


def test_an_overlap_names_both_ranges(authority, authorities):
    content = authority.caf(RUT, "33", 40, 90, TODAY)
    load(content, authorities, taken=[(1, 39), (91, 100)])
    for taken in ([(1, 40)], [(90, 95)], [(1, 100)], [(50, 51)]):
        with pytest.raises(errors.CafOverlaps) as caught:
            load(content, authorities, taken=taken)
        assert "40 to 90" in str(caught.value)


def test_the_simulators_folios_are_good_nowhere_else(authority, authorities):
    content = authority.caf(RUT, "33", 1, 50, TODAY)
    for environment in (errors.CERTIFICATION, errors.PRODUCTION):
        with pytest.raises(errors.CafOfAnotherEnvironment):
            load(content, authorities, environment=environment)
    # A database that was told nothing of the simulator.
    for environment in (errors.SIMULATOR, errors.PRODUCTION):
        with pytest.raises(errors.CafOfUnknownAuthority):
            load(content, {}, environment=environment)


def test_certification_takes_a_key_that_is_not_known_and_says_so(authority):
    """The SII may change it; production is another matter."""
    content = authority.caf(RUT, "33", 1, 50, TODAY, IDK=101)
    _caf, vouched = load(content, {}, environment=errors.CERTIFICATION)
    assert not vouched


@pytest.mark.parametrize("code", sorted(cafs.KNOWN_TYPES))
def test_some_types_expire_after_180_days(code, authority, authorities):
    day = datetime.date(2026, 1, 1)
    caf, _vouched = load(authority.caf(RUT, code, 1, 5, day), authorities)
    last = day + datetime.timedelta(days=180)
    assert not caf.is_expired(last)
    expires = code in ("33", "43", "46", "56", "61")
    assert caf.is_expired(last + datetime.timedelta(days=1)) == expires
    assert caf.expires_on == (last if expires else None)


def test_it_stamps_its_own_folios_only(authority, authorities):
    caf, _vouched = load(authority.caf(RUT, "33", 11, 20, TODAY), authorities)
    cafs.check_use(caf, RUT, "33", 11, TODAY)
    cafs.check_use(caf, RUT, "33", 20, TODAY)
    for error, company, code, folio, day in (
        (errors.FolioOutOfRange, RUT, "33", 10, TODAY),
        (errors.FolioOutOfRange, RUT, "33", 21, TODAY),
        (errors.CafOfAnotherType, RUT, "34", 11, TODAY),
        (errors.CafOfAnotherCompany, "76202020-3", "33", 11, TODAY),
        (errors.CafExpired, RUT, "33", 11, TODAY + datetime.timedelta(days=181)),
    ):
        with pytest.raises(error):
            cafs.check_use(caf, company, code, folio, day)


def test_neither_key_nor_signature_is_in_its_text(authority):
    caf = cafs.parse(authority.caf(RUT, "33", 1, 50, TODAY))
    for text in (repr(caf), str(caf), repr(replace(caf, first=2))):
        assert "KEY" not in text
        assert "bytes" not in text
        assert len(text) < 400


def test_its_key_is_of_512_bits_as_real_ones_are():
    assert small_key().key_size == 512
