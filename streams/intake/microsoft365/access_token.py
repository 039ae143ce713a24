"""Get access tokens of an app registration from Microsoft's sign-in service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msal
from msal.exceptions import MsalError

from schemas.polled_tenant import Microsoft365Settings
from streams.intake.microsoft365.request_failures import (
    RefusedSignIn,
    RequestFailure,
    ThrottledRequest,
    UnreachableService,
)

_CODE = re.compile(r"AADSTS\d{4,8}")
_REMEDIES = {
    "AADSTS700016": "The app is not known in this tenant: check client, and grant admin consent.",
    "AADSTS90002": "There is no such tenant: check tenant.",
    "AADSTS7000215": "The client secret is wrong: write its value, not its id, into secret_file.",
    "AADSTS7000222": "The client secret has expired: make a new one and write it into secret_file.",
    "AADSTS700027": "The certificate is not the one that the app registration has: upload it.",
}
_REMEDY = "Look up the code in Microsoft's list of sign-in errors."


def check_address(url: str, allowed: str, place: str) -> None:
    """Raise RequestFailure unless the address lies on that host: a token must not go elsewhere."""
    if _find_origin(url) != _find_origin(allowed):
        raise RequestFailure(
            "an answer names an address on another host, which is not asked",
            place=place,
            remedy="Check the settings login and api of this tenant.",
        )


def _find_origin(url: str) -> tuple[str, str | None, int] | None:
    """Find scheme, host and port; None for an address that is not valid, or names a user."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return None
    return None if parts.username is not None else (parts.scheme, parts.hostname, port)


class AccessTokens:
    """The tokens of one tenant. The credential is read again after each failure, so that a new file
    is used without a restart."""

    def __init__(self, tenant: Microsoft365Settings, client: httpx.Client) -> None:
        self._tenant = tenant
        self._requests = _LoginRequests(client, tenant)
        self._application: Any = None

    def get_token(self) -> str:
        """Return a valid token. Raises RefusedSignIn, ThrottledRequest or UnreachableService."""
        try:
            answer = self._ask()
        except (httpx.HTTPError, MsalError) as error:
            self.forget()
            raise UnreachableService(
                f"the sign-in service does not answer ({type(error).__name__})",
                place=self._tenant.source_name,
            ) from None
        except (ValueError, TypeError, RuntimeError, jwt.PyJWTError):
            self.forget()
            raise RefusedSignIn(
                "no token: the credential cannot be used, or the sign-in service does not know the"
                " tenant",
                place=self._tenant.source_name,
                remedy="Check tenant, and that the file holds what the setting says.",
            ) from None
        token = answer.get("access_token")
        if not isinstance(token, str):
            self.forget()
            raise self._build_refusal(answer)
        return token

    def forget(self) -> None:
        """Drop the token and the credential, so that both are made anew."""
        self._application = None

    def _ask(self) -> dict[str, Any]:
        if self._application is None:
            self._application = msal.ConfidentialClientApplication(
                self._tenant.client,
                client_credential=self._read_credential(),
                authority=f"{self._tenant.login}/{self._tenant.tenant}",
                instance_discovery=False,
                http_client=self._requests,
            )
        answer = self._application.acquire_token_for_client([f"{self._tenant.api}/.default"])
        return answer if isinstance(answer, dict) else {}

    def _read_credential(self) -> str | dict[str, str]:
        if self._tenant.secret_file is not None:
            return self._read(self._tenant.secret_file).strip()
        assert self._tenant.certificate_file is not None
        pem = self._read(self._tenant.certificate_file)
        return {"private_key": pem, "public_certificate": pem}

    def _read(self, file: Path) -> str:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedSignIn(
                f"{file} cannot be read ({type(error).__name__})",
                place=self._tenant.source_name,
                remedy="Check the path and who may read the file.",
            ) from None
        if not text.strip():
            raise RefusedSignIn(f"{file} is empty", place=self._tenant.source_name)
        return text

    def _build_refusal(self, answer: dict[str, Any]) -> RequestFailure:
        match = _CODE.search(str(answer.get("error_description", "")))
        code = match[0] if match else "no code"
        if answer.get("error") == "temporarily_unavailable":
            return ThrottledRequest(
                f"the sign-in service is busy ({code})", place=self._tenant.source_name
            )
        return RefusedSignIn(
            f"the sign-in service gives no token ({code})",
            place=self._tenant.source_name,
            remedy=_REMEDIES.get(code, _REMEDY),
        )


class _LoginRequests:
    """What msal needs of an HTTP client."""

    def __init__(self, client: httpx.Client, tenant: Microsoft365Settings) -> None:
        self._client = client
        self._tenant = tenant

    def get(
        self, url: str, params: Any = None, headers: Any = None, **_options: Any
    ) -> httpx.Response:
        self._check(url)
        return self._client.get(url, params=params, headers=headers)

    def post(
        self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_options: Any
    ) -> httpx.Response:
        self._check(url)
        if isinstance(data, str):
            return self._client.post(url, params=params, content=data, headers=headers)
        return self._client.post(url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """Leave the client open: it belongs to the poller."""

    def _check(self, url: str) -> None:
        check_address(url, self._tenant.login, self._tenant.source_name)
