"""Read the named people of a group from a spreadsheet."""

from __future__ import annotations

from pathlib import Path

from breachdesk.casework.imports.csv_sheet import SheetRow, normalise_heading, read_sheet
from schemas.addresses import find_address_problem
from schemas.casework.affected_group import GroupPerson
from schemas.errors import BadInput
from schemas.text_signs import find_name_problem

COLUMNS = {"name": "name", "email": "email", "phone": "phone", "address": "address"}
OTHER_NAMES = {
    "fullname": "name",
    "emailaddress": "email",
    "mail": "email",
    "telephone": "phone",
    "postaladdress": "address",
}
MOST_PEOPLE = 5_000


def read_people(path: Path) -> tuple[GroupPerson, ...]:
    """Read one person a row. Raises BadInput naming the line: a sheet with a fault is refused
    whole, so that nobody is omitted unnoticed."""
    sheet = read_sheet(path)
    columns = {name: OTHER_NAMES.get(name, name) for name in sheet.header}
    if "name" not in columns.values():
        raise BadInput("there is no column `name`", place=sheet.file, remedy="Add one.")
    if len(sheet.rows) > MOST_PEOPLE:
        raise BadInput(
            f"more than {MOST_PEOPLE:,} people", place=sheet.file, remedy="Split the group."
        )
    return tuple(_parse_person(row, columns, sheet.file) for row in sheet.rows)


def _parse_person(row: SheetRow, columns: dict[str, str], file: str) -> GroupPerson:
    cells = {columns[normalise_heading(name)]: cell for name, cell in row.cells.items() if cell}
    place = f"{file}, line {row.line}"
    name = cells.get("name", "")
    why = "is empty" if not name else find_name_problem(name)
    if why:
        raise BadInput(f"the name {why}", place=place, remedy="Correct the row.")
    email = cells.get("email")
    if email and (problem := find_address_problem(email)):
        raise BadInput(f"the e-mail address {problem}", place=place, remedy="Correct the row.")
    return GroupPerson(
        name=name, email=email, phone=cells.get("phone"), address=cells.get("address")
    )
