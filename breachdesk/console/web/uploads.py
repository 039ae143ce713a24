"""Store uploaded files under a name of ours, and show them under theirs after sanitising it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.datastructures import UploadFile

from schemas.errors import BadInput

OUR_NAME = "upload.csv"
LONGEST_NAME = 80


@contextmanager
def store_upload(upload: UploadFile | None) -> Iterator[tuple[Path, str]]:
    """Store the file while it is read; yields it and the name to show. Raises BadInput when none
    was chosen.

    A BadInput that names the file as the place is raised with the name to show."""
    if upload is None or not upload.filename:
        raise BadInput("no file is chosen", place="File", remedy="Choose a CSV file.")
    name = sanitise_name(upload.filename)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / OUR_NAME
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file)
        try:
            yield path, name
        except BadInput as problem:
            problem.place = problem.place.replace(OUR_NAME, name, 1)
            raise


def sanitise_name(sent: str) -> str:
    """Return the last part of what a browser sent, without invisible characters."""
    last = re.split(r"[/\\]", sent)[-1]
    plain = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    if not plain:
        return OUR_NAME
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
