"""A year in figures: page, CSV, and the picture as SVG and PNG."""

from __future__ import annotations

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from breachdesk.casework import figures
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.notice import saved
from breachdesk.gdpr.causes import cause_list
from breachdesk.gdpr.figures_picture import picture
from schemas.figures import YearFigures

router = APIRouter()


@router.get("/figures")
def show(desk: Signed, year: int | None = None, drills: bool = False) -> Response:
    """Of the running year unless another is asked for."""
    made = _figures(desk, year, drills=drills)
    return desk.page(
        "figures.html",
        figures=made,
        # Made by us of numbers and escaped words.
        picture=Markup(picture(made)),  # noqa: S704
        causes=cause_list(),
        query_of=f"?year={made.year}{'&drills=true' if drills else ''}",
    )


@router.get("/figures.csv")
def as_csv(desk: Signed, year: int | None = None, drills: bool = False) -> Response:
    """For a spreadsheet."""
    made = _figures(desk, year, drills=drills)
    return saved(figures.export_csv(made).encode(), "text/csv; charset=utf-8", _name(made, "csv"))


@router.get("/figures.svg")
def as_svg(desk: Signed, year: int | None = None, drills: bool = False) -> Response:
    """For a slide or a report."""
    made = _figures(desk, year, drills=drills)
    return saved(picture(made).encode(), "image/svg+xml", _name(made, "svg"))


@router.get("/figures.png")
def as_png(desk: Signed, year: int | None = None, drills: bool = False) -> Response:
    """The same where no SVG is taken."""
    made = _figures(desk, year, drills=drills)
    content = desk.house.renderer.picture_png(picture(made))
    return saved(content, "image/png", _name(made, "png"))


def _figures(desk: Desk, year: int | None, *, drills: bool) -> YearFigures:
    zone = desk.house.settings.profile.zone
    wanted = year if year is not None else desk.now.astimezone(desk.hall.pages.times.zone).year
    return desk.look(lambda uow: figures.of_year(uow, wanted, zone, desk.now, drills=drills))


def _name(made: YearFigures, form: str) -> str:
    return f"figures-{made.year}{'-drills' if made.drills else ''}.{form}"
