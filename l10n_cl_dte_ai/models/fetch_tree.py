# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Records and all that they point to, read in one statement."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import NamedTuple

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL


def _datetime(text):
    # PostgreSQL leaves zeros at the end out, and Python 3.10 reads no such fraction.
    seconds, _point, fraction = text.partition(".")
    microseconds = int(fraction.ljust(6, "0"))
    return datetime.fromisoformat(seconds) + timedelta(microseconds=microseconds)


# What JSON has no type for, or writes like an integer.
FROM_JSON = {
    "date": date.fromisoformat,
    "datetime": _datetime,
    "float": float,
    "monetary": float,
}


class Branch(NamedTuple):
    """The records of one model that a field of another branch points to.

    :param model: no record of it, in the environment to read in
    :param list columns: the fields that are read of each
    :param SQL alias: of the query's result, which the branches that grow here refer to
    :param tuple owner: for an x2many field, it and the number of its branch
    """

    model: models.BaseModel
    columns: list
    alias: SQL
    query: SQL
    owner: tuple | None


def fetch_tree(records, tree):
    """Put fields of records, and of those that they point to, into the ORM's cache.

    `fetch` reads one table at a time, and the ids that a field points to apart from the
    records: 13 statements for an invoice, while a person waits. This makes one, of the
    ORM's own parts, so that record rules, access to fields and translations are as with
    `fetch`. What may not be read is not put into the cache, and the ORM says so where
    it is needed. Nothing is read where all of it is in the cache. Values that are not
    written yet stay as they are.

    :param records: of any model; new ones are left out
    :param dict tree: fields, each with those of its comodel, as in
        ``{"name": {}, "line_ids": {"tax_ids": {"amount": {}}}}``. Of a computed field
        that is not stored, those that it depends on are read.
    :return: those of the records that are there, and may be read
    :raise AccessError: where the user may not read a model, or a field
    """
    records = records._origin
    if not records or _is_in_cache(records, tree):
        return records
    branches = []
    query = records._search(Domain("id", "in", records.ids), active_test=False)
    _grow(branches, records.browse(), tree, query)
    (results,) = records.env.execute_query(
        SQL(
            "WITH %s SELECT %s",
            SQL(", ").join(SQL("%s AS (%s)", b.alias, b.query) for b in branches),
            SQL(", ").join(
                SQL("(SELECT json_agg(%(alias)s) FROM %(alias)s)", alias=branch.alias)
                for branch in branches
            ),
        )
    )
    fetched = []
    for branch, rows in zip(branches, results, strict=True):
        rows = rows or []
        fetched.append(branch.model.browse([row["id"] for row in rows]))
        for field in branch.columns:
            field._insert_cache(fetched[-1], _values(field, rows))
        if branch.owner:
            field, number = branch.owner
            ids = defaultdict(list)
            for row in rows:
                ids[row["_owner_id"]].append(row["id"])
            owners = fetched[number]
            field._insert_cache(owners, [tuple(ids[owner]) for owner in owners._ids])
    return records & fetched[0]


def _is_in_cache(records, tree):
    """Tell whether nothing is to be read; asking the cache reads nothing."""
    for name, subtree in tree.items():
        field = records._fields[name]
        if field.store and any(field._cache_missing_ids(records)):
            return False
        if subtree and not _is_in_cache(records[name], subtree):
            return False
    return True


def _grow(branches, model, tree, query, owner=None, owner_id=None):
    """Add a branch, and those that grow out of it, after it."""
    number, alias = len(branches), SQL.identifier(f"branch_{len(branches)}")
    names = list(tree)
    if owner and model._active_name:
        names.append(model._active_name)  # the ORM leaves archived ones out by it
    stored = model._determine_fields_to_fetch(names)
    columns = [field for field in stored if field.column_type]
    terms = [
        SQL(
            "%s AS %s",
            model._field_to_sql(model._table, field.name, query),
            SQL.identifier(field.name),
        )
        for field in columns
    ]
    terms.append(SQL.identifier(model._table, "id"))
    if owner:
        terms.append(SQL("%s AS _owner_id", owner_id))
    branches.append(Branch(model, columns, alias, query.select(*terms), owner))
    many2ones = defaultdict(list)
    for name, subtree in tree.items():
        field = model._fields[name]
        if field.type == "many2one" and subtree:
            many2ones[field.comodel_name, id(subtree)].append(name)
        elif field.type in ("one2many", "many2many"):
            _grow_x2many(branches, field, number, subtree)
    for (comodel_name, _subtree), names in many2ones.items():
        # Fields of which the same is read make one branch: a partner is often its own
        # commercial partner.
        comodel = model.env[comodel_name]
        query = comodel._search(Domain.TRUE, active_test=False)
        ids = SQL("unnest(ARRAY[%s])", SQL(", ").join(map(SQL.identifier, names)))
        query.add_where(_is_among(SQL.identifier(comodel._table, "id"), ids, alias))
        _grow(branches, comodel, tree[names[0]], query)


def _grow_x2many(branches, field, number, tree):
    owner = branches[number]
    context = {"active_test": False, **field.context}
    comodel = owner.model.env[field.comodel_name].with_context(**context)
    domain = field.get_comodel_domain(owner.model)
    query = comodel._search(domain, order=comodel._order)
    if field.type == "one2many":
        owner_id = comodel._field_to_sql(comodel._table, field.inverse_name, query)
    else:
        owner_id = SQL.identifier(field.relation, field.column1)
        other_id = SQL.identifier(field.relation, field.column2)
        own_id = SQL.identifier(comodel._table, "id")
        query.add_join("JOIN", field.relation, None, SQL("%s = %s", other_id, own_id))
    query.add_where(_is_among(owner_id, SQL("id"), owner.alias))
    _grow(branches, comodel, tree, query, (field, number), owner_id)


def _is_among(column, expression, alias):
    # By the index, whatever PostgreSQL expects of the branch's size.
    return SQL("%s = ANY(ARRAY(SELECT %s FROM %s))", column, expression, alias)


def _values(field, rows):
    values = [row[field.name] for row in rows]
    if convert := FROM_JSON.get(field.type):
        return [value if value is None else convert(value) for value in values]
    return values
