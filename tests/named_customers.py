"""Customers whose names are hard to look for, and one of them who reads."""

from __future__ import annotations

from collections.abc import Iterable

from breachdesk.gdpr.personal_data.foreign_data import TextReader
from breachdesk.testing import make_binding, make_customer
from schemas.customer import AssetKind, Customer, Person, PersonKind


def firm(
    customer_id: str,
    name: str,
    email: str = "",
    people: Iterable[tuple[str, str]] = (),
    phone: str = "",
) -> Customer:
    return Customer(
        id=customer_id,
        name=name,
        default_email=email,
        phone=phone,
        people=tuple(
            Person(
                id=f"{customer_id}-{n}",
                customer_id=customer_id,
                kind=PersonKind.USER,
                name=person,
                email=address,
            )
            for n, (person, address) in enumerate(people)
        ),
    )


CUSTOMERS = (
    make_customer("contoso"),
    firm(
        "fabrikam",
        "Fabrikam Ltd",
        "accounts@fabrikam.example",
        [("Kit Quarrington", "kq71@gmail.com"), ("Siân O’Brien-Jones", ""), ("Mark Hall", "")],
        "01632 960002",
    ),
    firm("hartwell-dental", "Hartwell Dental Practice", "office@hartwelldental.example"),
    firm("c-0412", "Bridge Ltd", "hello@bridge.co.uk"),
    firm("c-0413", "Beacon Tutors Ltd"),
    firm("c-0414", "Apple & Sons"),
    firm("c-0415", "Müller Bäckerei GmbH", "info@xn--mller-kva.example"),
    firm("c-0416", "Cambridge Windows Ltd"),
    firm("c-0417", "O'Neill's Bar", people=[("Anna van der Berg", "")]),
    firm("c-0418", "Article Ltd"),
    firm("c-0419", "Tailspin Ltd t/a Blue Yonder Cycles"),
    firm("c-0420", "Home Care Services Ltd"),
    firm("c-0421", "The Copper Kettle Tearoom", "kettle@btinternet.com"),
)
BINDINGS = (
    make_binding("203.0.113.0/28", "fabrikam", kind=AssetKind.IP),
    make_binding("2001:db8:7::/48", "fabrikam", kind=AssetKind.IP),
    make_binding("10.0.0.0/8", "fabrikam", kind=AssetKind.IP),
    make_binding("shop.fabrikam-parts.co.uk", "fabrikam", kind=AssetKind.SITE),
    make_binding("dc01.hartwell.local", "hartwell-dental", kind=AssetKind.HOST),
    make_binding("8f1d3c62-6f0e-4a0c", "hartwell-dental", kind=AssetKind.TENANT),
    make_binding("198.51.100.7", "contoso", kind=AssetKind.IP),
)
READER = TextReader("contoso", names=("Contoso Ltd", "Jo Mason", "accounts@contoso.example"))
