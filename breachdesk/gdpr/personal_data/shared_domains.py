"""Mail domains that belong to no single customer."""

from __future__ import annotations

from breachdesk.gdpr.personal_data.ordinary_words import load_words

PUBLIC_MAIL = load_words("shared_domains")
"""Free mail, providers of access, and hosts under which many have a name of their own."""
_PUBLIC_SUFFIXES = load_words("public_suffixes")


def is_shared(domain: str) -> bool:
    """Whether the domain does not identify the owner of an address in it."""
    return domain in PUBLIC_MAIL or domain in _PUBLIC_SUFFIXES or "." not in domain


def list_own_domains(host: str) -> list[str]:
    """List the name and each parent domain that still belongs to one customer: for `mail.oak.co.uk`
    that is `mail.oak.co.uk` and `oak.co.uk`; nothing for a public provider."""
    labels = host.casefold().strip(".").split(".")
    names = [".".join(labels[at:]) for at in range(len(labels) - 1)]
    if names and names[0] in PUBLIC_MAIL:
        return []
    return [name for name in names if not is_shared(name)]
