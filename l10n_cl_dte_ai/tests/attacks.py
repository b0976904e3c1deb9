# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What an attacker with a login can try, found by introspection.

Whatever our addons define, today and tomorrow, is found in the registry: models, public
methods, fields. `Watch` says what an attempt did: whether it was refused, whether a
fact changed, whether somebody was asked over the network, and whether the answer holds
what the user may not know.
"""

import copy
import inspect
import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from odoo import Command, modules, sql_db
from odoo.service.model import call_kw

FAMILY = "l10n_cl_dte_"  # our addons' technical names begin with it
NOWHERE = 2**31 - 1  # the id of no record
# Of these Odoo's caches hold something, which outlives an attempt that is undone.
CACHED = {"ir_model_data", "ir_rule", "ir_default", "res_users", "res_company"}
HOSTILE = (
    None,
    True,
    -1,
    "../../etc/passwd",
    "'; DROP TABLE res_users; --",
    [[["id", "!=", 0]]],
    {"__class__": "x"},
    ["{0.__class__}", NOWHERE],
)
CONTEXT_KEY = re.compile(r"(?:context\.get\(|with_context\()\s*[\"']?(\w+)")
WRITES = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)


class Attempt(NamedTuple):
    """A call over RPC: `model` and `method`, and what `call_kw` gets."""

    model: str
    method: str
    args: list
    kwargs: dict


class Outcome(NamedTuple):
    """What came of an attempt.

    :param str error: the class of what was raised, None where it went through
    :param list effects: what it changed or asked that is not the user's to change
    :param list leaks: what the answer, or the error, holds of a stranger's
    """

    error: str | None
    effects: list
    leaks: list


# === What there is === #


def our_addons(env):
    return {name for name in env.registry._init_modules if name.startswith(FAMILY)}


def _addon(cls):
    parts = cls.__module__.split(".")
    return parts[2] if parts[:2] == ["odoo", "addons"] else None


def our_models(env):
    """Return the names of the models that our addons make, abstract ones too."""
    ours = our_addons(env)
    return sorted(
        name for name, cls in env.registry.items() if cls._original_module in ours
    )


def our_methods(env):
    """Return (model, method) of each public method that a class of ours defines."""
    ours = our_addons(env)
    return sorted(
        {
            (name, method)
            for name, cls in env.registry.items()
            for base in cls.mro()
            if _addon(base) in ours
            for method, value in vars(base).items()
            if not method.startswith("_") and is_method(value)
        }
    )


def orm_methods(env, model):
    """Return the public methods that any model has, of base and web client."""
    return sorted(
        name
        for name in dir(env.registry[model])
        if not name.startswith("_") and is_method(getattr(env.registry[model], name))
    )


def is_method(value):
    return inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod))


def our_fields(env, model):
    """Return the fields that our addons give to a model, or to one of theirs."""
    ours = our_addons(env)
    return sorted(
        name
        for name, field in env[model]._fields.items()
        if ours.intersection(field._modules)
    )


def extended_models(env):
    """Return the models of others that have fields of ours."""
    ours = our_models(env)
    return sorted(
        name
        for name in env.registry
        if name not in ours
        and not env[name]._abstract
        and any(env[name]._fields[f].inherited is False for f in our_fields(env, name))
    )


def context_keys(env):
    """Return the context's keys that our code looks at: the caller sets them all."""
    keys = set()
    for addon in our_addons(env):
        for path in Path(modules.get_module_path(addon)).rglob("*.py"):
            if "tests" not in path.parts:
                keys.update(CONTEXT_KEY.findall(path.read_text()))
    return sorted(keys - {"self", "lang", "env", "dict"})


# === What can be tried === #


def argument_sets(env, model, method):
    """Yield hostile arguments for a method, as many as it takes, beside none at all."""
    yield []
    signature = inspect.signature(getattr(env.registry[model], method))
    parameters = [
        each
        for each in list(signature.parameters.values())[1:]
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if not parameters:
        return
    for value in HOSTILE:
        yield [value] * len(parameters)


def forged(field, strangers):
    """Return values for a field that somebody would like to see in it.

    :param list strangers: ids of records that are none of the user's
    """
    one = (strangers or [1])[0]
    match field.type:
        case "selection":
            return ["approved", "done", "generated", "broken"]
        case "boolean":
            return [True]
        case "integer" | "float" | "monetary":
            return [1]
        case "date":
            return ["2020-01-01"]
        case "datetime":
            return ["2020-01-01 00:00:00"]
        case "many2one" | "many2one_reference":
            return [one]
        case "one2many" | "many2many":
            return [
                [Command.create({})],
                [Command.set([one])],
                [Command.link(one)],
                [Command.update(one, {"create_uid": 1})],
                [Command.unlink(one)],
                [Command.delete(one)],
                [Command.clear()],
            ]
        case "json" | "properties":
            return [[{"severity": "info", "message": "Forged"}]]
        case "binary":
            return ["Rm9yZ2Vk"]
    return ["Forged"]


def minimal(env, name):
    """Return a record of a model with no more than it needs, made as the superuser."""
    model = env[name].sudo()
    values = {}
    for field in model._fields.values():
        if not field.required or not field.store or field.compute:
            continue
        if field.name in model.default_get([field.name]):
            continue
        values[field.name] = _any_value(env, model, field)
    return model.create(values)


def _any_value(env, model, field):
    match field.type:
        case "many2one" if field.comodel_name == "res.company":
            return env.company.id
        case "many2one":
            found = env[field.comodel_name].sudo().search([], limit=1)
            return (found or minimal(env, field.comodel_name)).id
        case "many2many":
            found = env[field.comodel_name].sudo().search([], limit=1)
            return [Command.set(found.ids)]
        case "selection":
            return field.get_values(env)[0]
        case "date" | "datetime":
            return "2026-01-01"
        case "integer" | "float" | "monetary":
            return 1
        case "binary":
            return b"QQ=="
    return "x"


# === What came of it === #


class Watch:
    """Tries attempts as one user, each in a savepoint of its own.

    :param case: the test, whose `server` is the only network there is
    :param user: who tries
    :param canaries: texts that this user must not get to know
    :param bool stranger: whether the documents that there are, are none of the user's
    """

    def __init__(self, case, user, canaries, stranger):
        self.case, self.user, self.canaries = case, user, canaries
        self.written = set()
        # What of a table the user may not change: SQL that returns it, by table.
        self.protected = {
            **self._rows_of_ours(case.admin_env, stranger),
            **self._facts_of_others(case.admin_env, stranger),
        }
        self.before = {table: self._state(table) for table in self.protected}

    def _rows_of_ours(self, env, stranger):
        protected = {}
        for name in our_models(env):
            model = env[name]
            if model._abstract or model._transient or not model._auto:
                continue
            if not self._may_write(name):
                protected[model._table] = f"SELECT * FROM {model._table}"
            elif stranger:
                protected[model._table] = self._existing(model, ["*"])
        return protected

    def _facts_of_others(self, env, stranger):
        """What fields of ours say in other addons' models."""
        protected = {}
        for name in extended_models(env):
            model = env[name]
            facts_only = self._may_write(name) and not stranger
            columns = [
                f'"{field}"'
                for field in our_fields(env, name)
                if model._fields[field].store
                and model._fields[field].column_type
                and (model._fields[field].readonly or not facts_only)
            ]
            if columns and not model._transient:
                protected[model._table] = self._existing(model, columns)
                facts = [f'"{f}"' for f in our_fields(env, name) if _is_fact(model, f)]
                if facts:
                    some = " OR ".join(f"{fact} IS NOT NULL" for fact in facts)
                    protected[model._table] = (
                        f"SELECT id, {', '.join(columns)} FROM {model._table} "
                        f"WHERE id <= {self._last(model)} OR {some} ORDER BY id"
                    )
        return protected

    def _may_write(self, name):
        model = self.case.admin_env[name].with_user(self.user)
        return any(model.has_access(each) for each in ("create", "write", "unlink"))

    def _last(self, model):
        self.case.cr.execute(f"SELECT COALESCE(MAX(id), 0) FROM {model._table}")
        return self.case.cr.fetchone()[0]

    def _existing(self, model, columns):
        return (
            f"SELECT id, {', '.join(columns)} FROM {model._table} "
            f"WHERE id <= {self._last(model)} ORDER BY id"
        )

    def _state(self, table):
        self.case.cr.execute(self.protected[table])
        return self.case.cr.fetchall()

    def try_(self, attempt):
        """Make an attempt, undo it, and say what came of it.

        :rtype: Outcome
        """
        case = self.case
        env = case.admin_env(user=self.user, su=False, context={})
        requests = len(case.server.requests)
        self.written.clear()
        error, effects = None, []
        with self._undone():
            try:
                with patch.object(sql_db.Cursor, "execute", self._execute()):
                    result = call_kw(
                        env[attempt.model],
                        attempt.method,
                        copy.deepcopy(attempt.args),
                        copy.deepcopy(attempt.kwargs),
                    )
                    answer = json.dumps(result, default=str)
                    env.flush_all()
            except Exception as exception:  # noqa: BLE001 - hostile arguments
                error, answer = type(exception).__name__, repr(exception)
            else:
                effects = [
                    f"writes {table}"
                    for table in sorted(self.written & set(self.protected))
                    if self._state(table) != self.before[table]
                ]
        if len(case.server.requests) > requests:
            effects.append("asks a service")
        leaks = [text for text in self.canaries if text in answer]
        return Outcome(error, effects, leaks)

    def _execute(self):
        original, written = sql_db.Cursor.execute, self.written

        def execute(cursor, query, *args, **kwargs):
            code = query if isinstance(query, str) else getattr(query, "code", "")
            written.update(WRITES.findall(code))
            return original(cursor, query, *args, **kwargs)

        return execute

    @contextmanager
    def _undone(self):
        case = self.case
        case.cr.execute("SAVEPOINT attempt")
        try:
            yield
        finally:
            case.admin_env.transaction.clear()
            case.cr.execute("ROLLBACK TO SAVEPOINT attempt")
            case.cr.execute("RELEASE SAVEPOINT attempt")
            if self.written & CACHED:
                case.registry.clear_all_caches()


def _is_fact(model, name):
    field = model._fields[name]
    return field.readonly and field.store and bool(field.column_type)
