# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The admin calls: JSON under /admin/, to look at everything and to change the
rules.
"""

import dataclasses
import datetime
import json

from . import certificates, mails, modes, progress
from .findings import ACCEPTED, OBJECTED, REJECTED, Finding
from .store import Company
from .wire import Answer, as_json

STATES = (ACCEPTED, OBJECTED, REJECTED)


class BadCall(ValueError):
    """What was asked makes no sense; the text says why."""


class Admin:
    def __init__(self, simulator):
        self.simulator = simulator
        self.store = simulator.store

    def answer(self, request):
        """The `Answer` to a call of /admin/WHAT or /admin/WHAT/MORE."""
        self.simulator.uploads.settle()
        _empty, _admin, what, *more = request.path.split("/")
        call = getattr(self, f"_{request.method.lower()}_{what}", None)
        if call is None:
            return as_json({"error": f"no {request.method} {request.path}"}, 404)
        try:
            given = json.loads(request.body) if request.body else {}
            answered = call(more, given | request.parameters())
        except KeyError as error:
            return as_json({"error": f"there is no {error}"}, 404)
        except (BadCall, ValueError, TypeError) as error:
            return as_json({"error": str(error)}, 400)
        return answered if isinstance(answered, Answer) else as_json(answered)

    # === What there is ===

    def _get_state(self, _more, _given):
        with self.store.lock:
            return {
                "now": self.store.clock.local().isoformat(),
                "settings": dataclasses.asdict(self.store.settings),
                "modes": self.simulator.modes.as_list(),
                "counters": dict(sorted(self.store.counters.items())),
                "sendings": len(self.store.sendings),
                "folios": len(self.store.documents),
                "companies": len(self.store.companies),
            }

    def _delete_state(self, _more, _given):
        """Forget everything but the settings, and behave."""
        self.store.clear()
        self.simulator.modes.clear()
        return {}

    def _get_documents(self, more, given):
        with self.store.lock:
            if more:
                rut, code, folio = more
                return _file(self._held((rut, code, int(folio))).content)
            return [
                self._document(document)
                for versions in self.store.documents.values()
                for document in versions
                if given.get("rut") in (None, document.issuer)
            ]

    def _held(self, key):
        """The document that holds a folio."""
        found = self.store.current(key)
        if not found:
            raise KeyError(f"document {key}")
        return found

    def _document(self, document):
        return {
            "rut": document.issuer,
            "type": document.code,
            "folio": document.folio,
            "state": document.state,
            "findings": [str(finding) for finding in document.findings],
            "track": document.track,
            "received": self.store.clock.local_of(document.received).isoformat(),
            "sha256": document.sha256,
            "times": self.store.arrivals[document.signature],
            "amount": document.amount,
            "receiver": document.receiver,
        }

    def _get_sendings(self, more, _given):
        with self.store.lock:
            if more:
                return _file(self.store.sendings[int(more[0])].content)
            return [
                {
                    "track": sending.track,
                    "rut": sending.company,
                    "sender": sending.sender,
                    "state": progress.state(self.store, sending),
                    "errors": sending.errors,
                    "documents": [[d.code, d.folio] for d in sending.documents],
                    "received": self.store.clock.local_of(sending.received).isoformat(),
                    "bytes": len(sending.content),
                }
                for sending in self.store.sendings.values()
            ]

    def _get_mails(self, more, given):
        mails.deliver(self.store)
        with self.store.lock:
            if more:
                if not 0 <= int(more[0]) < len(self.store.mails):
                    raise KeyError(f"mail {more[0]}")
                return _file(self.store.mails[int(more[0])].content)
            return [
                {"id": number, "track": mail.track, "rut": mail.to}
                | {"subject": mail.subject}
                for number, mail in enumerate(self.store.mails)
                if given.get("rut") in (None, mail.to)
                and given.get("track") in (None, str(mail.track))
            ]

    # === Rules ===

    def _post_settings(self, _more, given):
        known = {field.name for field in dataclasses.fields(self.store.settings)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise BadCall(f"no setting {unknown[0]!r}; there are {sorted(known)}")
        with self.store.lock:
            for name, value in given.items():
                before = getattr(self.store.settings, name)
                if not isinstance(value, (int, float) if before == 0 else type(before)):
                    value = type(before)(value)
                setattr(self.store.settings, name, value)
        return self._get_state([], {})["settings"]

    def _get_modes(self, _more, _given):
        return {
            "on": self.simulator.modes.as_list(),
            "targets": modes.TARGETS,
            "connection": modes.CONNECTION,
            "answer": modes.ANSWER,
            "content": {name: text for name, (_t, text) in modes.CONTENT.items()},
        }

    def _post_modes(self, _more, given):
        options = dict(given)
        name = options.pop("mode", "")
        target, times = options.pop("target", None), options.pop("times", None)
        mode = modes.parse(name, target, int(times) if times else None, options)
        self.simulator.modes.add(mode)
        return mode.as_dict()

    def _delete_modes(self, _more, _given):
        self.simulator.modes.clear()
        return {}

    def _post_rates(self, _more, given):
        rates, seed = given.get("rates", {}), given.get("seed", 0)
        target = given.get("target", "upload")
        self.simulator.modes.set_rates(list(rates.items()), seed, target)
        return self.simulator.modes.as_list()

    def _get_clock(self, _more, _given):
        return {"now": self.store.clock.local().isoformat()}

    def _post_clock(self, _more, given):
        clock = self.store.clock
        if given.get("reset"):
            clock.reset()
        if "now" in given:
            clock.move_to(datetime.datetime.fromisoformat(given["now"]))
        if "freeze" in given:
            clock.freeze(bool(given["freeze"]))
        if "advance" in given:
            clock.advance(given["advance"])
        return self._get_clock([], {})

    def _post_decisions(self, _more, given):
        """What becomes of the next documents, or of one with a known folio."""
        one = {name: given[name] for name in ("state", "codes") if name in given}
        with self.store.lock:
            if "folio" in given:
                key = (given["rut"], str(given["type"]), int(given["folio"]))
                self.store.fixed[key] = _decision(one)
            elif "next" in given:
                self.store.decisions += [_decision(each) for each in given["next"]]
            else:
                self.store.decisions += [_decision(one)] * int(given.get("times", 1))
            return {"next": self.store.decisions, "fixed": len(self.store.fixed)}

    def _delete_decisions(self, _more, _given):
        with self.store.lock:
            self.store.decisions.clear()
            self.store.fixed.clear()
        return {}

    # === Register, folios, certificates ===

    def _post_companies(self, _more, given):
        senders = given.get("senders")
        company = Company(**{**given, "senders": senders and frozenset(senders)})
        with self.store.lock:
            self.store.companies[company.rut] = company
        return {**dataclasses.asdict(company), "senders": senders}

    def _post_caf(self, _more, given):
        first, last = int(given.get("from", 1)), int(given.get("to", 100))
        day = given.get("date")
        content = self.simulator.authority.issue(
            given["rut"],
            str(given["type"]),
            first,
            last,
            datetime.date.fromisoformat(day) if day else self.store.clock.local(),
            **{name: given[name] for name in ("name", "idk") if name in given},
        )
        with self.store.lock:
            self.store.ranges.append((given["rut"], str(given["type"]), first, last))
        return _file(content)

    def _post_certificate(self, _more, given):
        options = {
            name: kind(given[name])
            for name, kind in (("name", str), ("place", str), ("bits", int))
            if name in given
        }
        made = certificates.person(
            given["rut"], days=int(given.get("days", 365)), **options
        )
        password = given.get("password", "clave")
        content = made.pfx(password, given.get("encryption", "aes"))
        return Answer(200, content, "application/x-pkcs12")

    def _post_annulled(self, _more, given):
        first = int(given["from"])
        with self.store.lock:
            for folio in range(first, int(given.get("to", first)) + 1):
                self.store.annulled.add((given["rut"], str(given["type"]), folio))
            return {"annulled": len(self.store.annulled)}

    def _post_claims(self, _more, given):
        """An event by somebody else, e.g. the claim of a customer."""
        with self.store.lock:
            key = (given["rut"], str(given["type"]), int(given["folio"]))
            document = self._held(key)
            by = given.get("by", document.receiver)
            code = self.simulator.claims.register(document, given["event"], by)
        return {"codResp": code}

    def _delete_tokens(self, _more, _given):
        """All logins are over."""
        self.store.drop_tokens()
        return {}


def _decision(given):
    state = given.get("state", REJECTED)
    if state not in STATES:
        raise BadCall(f"no state {state!r}: {', '.join(STATES)}")
    return {"state": state, "codes": [_code(each) for each in given.get("codes", ())]}


def _code(text):
    if len(str(text).split("-")) < 3:
        raise BadCall(f"{text!r} is no code like {Finding('HED-2-260').code}")
    return str(text)


def _file(content):
    return Answer(200, content, "application/xml")
