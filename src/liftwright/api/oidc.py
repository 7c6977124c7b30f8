"""OpenID Connect, authorization code with PKCE: what is asked of a provider, and what of its answer is believed.

Needs the extra `liftwright[oidc]`. Nothing is remembered between the two steps but one random cookie: state, nonce and verifier are
derived from it and from the visit's cookie, so an answer counts in the browser that asked and nowhere else, and once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from liftwright.domain.errors import ApprovalError, ConfigError, LiftwrightError, ProviderError
from liftwright.settings.serving import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256")
"""How an ID token may be signed: by a key of the provider, never with a secret that is shared and never not at all."""
SECONDS, LEEWAY = 10.0, 60
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Asked:
    """What belongs to one attempt: only who has both cookies can make it."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, secret: str, visit: str) -> Asked:
        """From the attempt's random cookie and the visit's."""
        return cls(
            *(_text(hashlib.sha256(f"{what} {secret} {visit}".encode()).digest()) for what in ("state", "nonce", "verifier"))
        )

    def is_answered_by(self, state: str) -> bool:
        """Whether an answer belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))


class Provider:
    """The provider of the settings. Raises ConfigError where the extra is not installed or the issuer is no https address."""

    def __init__(self, settings: OidcSettings, *, redirect_uri: str) -> None:
        try:
            import httpx
            import joserfc
        except ImportError as error:
            raise ConfigError(
                "OIDC-EXTRA", "Signing in elsewhere is not installed.", next_step="Install: pip install 'liftwright[oidc]'."
            ) from error
        assert joserfc
        _must_be_safe(settings.issuer)
        self._httpx, self._settings, self._redirect_uri = httpx, settings, redirect_uri

    def authorize(self, asked: Asked) -> str:
        """The address at the provider to send the browser to. Raises ProviderError when the provider does not say where."""
        challenge = _text(hashlib.sha256(asked.verifier.encode()).digest())
        query = {
            **{"response_type": "code", "client_id": self._settings.client_id, "redirect_uri": self._redirect_uri},
            **{"scope": "openid email profile", "state": asked.state, "nonce": asked.nonce},
            **{"code_challenge": challenge, "code_challenge_method": "S256"},
        }
        to = self._metadata()["authorization_endpoint"]
        return f"{to}{'&' if urlsplit(to).query else '?'}{urlencode(query)}"

    def name(self, code: str, asked: Asked) -> str:
        """Whom the provider vouches for: the settings' claim of an ID token that is signed, for us, of this attempt and not over.

        Raises ProviderError when the provider cannot be reached, ApprovalError for a code or a token that does not hold.
        """
        metadata = self._metadata()
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri}
        fields |= {"code_verifier": asked.verifier, "client_id": self._settings.client_id}
        secret = os.environ.get(self._settings.secret_env, "") if self._settings.secret_env else ""
        auth = (self._settings.client_id, secret) if secret else None
        answer = self._asked("POST", metadata["token_endpoint"], data=fields, auth=auth)
        if answer.status_code != 200:
            raise _refused("The provider did not take its own code back; it may be used or too old.")
        token = _json(answer).get("id_token")
        keys = _json(self._asked("GET", metadata["jwks_uri"]))
        claims = self._verified(token if isinstance(token, str) else "", keys, asked)
        name = claims.get(self._settings.user_claim)
        if (
            not isinstance(name, str)
            or not name
            or (self._settings.user_claim == "email" and claims.get("email_verified") is False)
        ):
            raise _refused(f"The provider says no {self._settings.user_claim} that it has checked.")
        return name

    def _verified(self, token: str, keys: Mapping[str, Any], asked: Asked) -> Mapping[str, Any]:
        from joserfc import errors, jwk, jwt

        expected = {"iss": self._settings.issuer, "aud": self._settings.client_id, "nonce": asked.nonce}
        wanted: dict[str, Any] = {name: {"essential": True, "value": value} for name, value in expected.items()}
        try:
            found = jwt.decode(token, jwk.KeySet.import_key_set({"keys": keys.get("keys", [])}), algorithms=list(ALGORITHMS))
            registry = jwt.JWTClaimsRegistry(leeway=LEEWAY, exp={"essential": True}, iat={"essential": True}, **wanted)
            registry.validate(found.claims)
        except (errors.JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused(f"The provider's word does not hold ({type(error).__name__}).") from error
        azp = found.claims.get("azp", self._settings.client_id)
        if azp != self._settings.client_id:
            raise _refused("The provider's word is for another program.")
        return dict(found.claims)

    def _metadata(self) -> dict[str, str]:
        """What the provider says about itself; it must be who it was asked to be."""
        found = _json(self._asked("GET", f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"))
        if found.get("issuer") != self._settings.issuer:
            raise ProviderError("OIDC-DOWN", "The provider says it is another one.", next_step="Check `[oidc] issuer`.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _must_be_safe(str(found.get(name, "")))
        return {name: str(value) for name, value in found.items()}

    def _asked(self, method: str, address: str, **more: Any) -> Any:
        try:
            with self._httpx.Client(timeout=SECONDS, follow_redirects=False) as client:
                answer = client.request(method, address, **more)
        except self._httpx.HTTPError as error:
            raise _down(type(error).__name__) from error
        if answer.status_code >= 500:
            raise _down(f"status {answer.status_code}")
        return answer


def _json(answer: Any) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        raise _down(f"status {answer.status_code}")
    return found


def _must_be_safe(address: str) -> None:
    parts = urlsplit(address)
    if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)) or not parts.netloc:
        raise ConfigError("OIDC-ADDRESS", "An address of the provider is not https.", next_step="Check `[oidc] issuer`.")


def _down(why: str) -> LiftwrightError:
    says = f"The provider you sign in at does not answer ({why})."
    return ProviderError("OIDC-DOWN", says, next_step="Try again later, or sign in with a key.")


def _refused(says: str) -> ApprovalError:
    return ApprovalError("SIGN-IN-OTHER", says, next_step="Begin again on the sign-in page.")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
