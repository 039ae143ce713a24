"""Accounts that earlier versions stored are read."""

from __future__ import annotations

from schemas.user import Permission, User


def test_an_account_of_an_earlier_version_keeps_its_permissions() -> None:
    document = {"id": "asha", "name": "Asha", "duties": ["analyst"], "password_hash": "x"}

    user = User.model_validate(document)

    assert user.permissions == {Permission.ANALYST}
    assert User.model_validate(user.model_dump()) == user
    assert "duties" not in user.model_dump()
