"""Read the person out of the names that Microsoft's services give one account: a claim of
SharePoint, a guest's name in the directory of the inviting tenant, a domain and a name."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.tokenizers import people

_GUEST = "urn:spo:guest#"
_ANONYMOUS = "urn:spo:anon#"
_CLAIM = re.compile(r"[ic]:0[\w!#+%)(.$&*,=~^'-]{1,8}\|(.*)", re.DOTALL)
"""`i:0#.f|membership|jo@contoso.example`: how an account was proven, by whom, and its name."""
_ISSUERS = ("live.com#", "google.com#", "facebook.com#", "mail#", "msa#")
_INVITED = "#ext#"
_COMPONENT = re.compile(r"(?:\A|,) {0,8}([A-Za-z]{1,4})=((?:[^,\\]|\\.)*+)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_person(name: str) -> str | None:
    """Return the account's own name, by which its sign-ins and its downloads meet; None: nobody
    signed in (an anonymous link)."""
    name = name.strip()
    lowered = name[:64].casefold()
    if lowered.startswith(_ANONYMOUS) or lowered in {"anonymous", "urn:spo:anon"}:
        return None
    if lowered.startswith(_GUEST):
        name = name[len(_GUEST) :]
    else:
        claim = _CLAIM.match(name)
        if claim is not None:
            name = claim[1].rpartition("|")[2]
    lowered = name.casefold()
    for issuer in _ISSUERS:
        if lowered.startswith(issuer):
            name = name[len(issuer) :]
    return _read_invited(name)


def _read_invited(name: str) -> str:
    """Return `jo@fabrikam.example` of `jo_fabrikam.example#EXT#@contoso.onmicrosoft.com`."""
    at = name.casefold().find(_INVITED)
    if at <= 0:
        return name
    local, underscore, domain = name[:at].rpartition("_")
    return f"{local}@{domain}" if underscore and local and "." in domain else name[:at]


def put_person(fields: dict[str, Value], name: str) -> None:
    """Set `user.name` and what follows from it; of a domain, a backslash and a name both parts."""
    person = read_person(name)
    if person is None:
        return
    domain, backslash, account = person.partition("\\")
    if backslash and domain and account and "\\" not in account:
        people.put_user(fields, account)
        if "user.name" in fields:
            fields["user.domain"] = domain.casefold()
        return
    people.put_user(fields, person)


def read_distinguished(name: str) -> tuple[str, str]:
    """Return the first common name of `CN=Jo Day,OU=Staff,DC=contoso,DC=example`, and the domain; of
    another name itself, and nothing."""
    components = [(key.upper(), text) for key, text in _COMPONENT.findall(name[:2048])]
    common = next((text for key, text in components if key == "CN"), name)
    domain = ".".join(text for key, text in components if key == "DC")
    return _ESCAPED.sub(r"\1", common), domain
