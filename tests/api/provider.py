"""A small OpenID provider on this machine: real HTTP, a real RS256 key, codes that count once, PKCE; and every lie a test asks of it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwk, jwt

CLIENT, SECRET = "liftwright", "s3cret-of-the-client"


class OpenIdProvider:
    """Vouches for `email` without asking anybody. `lies`: claims to say instead; None leaves one out."""

    def __init__(self) -> None:
        self.key, self.other = (jwk.RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}) for kid in ("k1", "k2"))
        self.email: str = "mia@shop.test"
        self.lies: dict[str, Any] = {}
        self.signer, self.algorithm = self.key, "RS256"
        self.codes: dict[str, dict[str, str]] = {}
        self.is_broken = False
        self.server = uvicorn.Server(uvicorn.Config(self._app(), host="127.0.0.1", port=0, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.issuer = f"http://127.0.0.1:{port}"

    def end(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def about() -> Response:
            here = self.issuer
            told = {"issuer": self.lies.get("issuer", here), "authorization_endpoint": f"{here}/authorize"}
            told |= {"token_endpoint": f"{here}/token", "jwks_uri": f"{here}/keys"}
            return JSONResponse(told, status_code=500 if self.is_broken else 200)

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", status_code=302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            fields = await request.form()
            asked = self.codes.pop(str(fields["code"]), None)
            basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            digest = hashlib.sha256(str(fields.get("code_verifier", "")).encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != fields["redirect_uri"]:
                return JSONResponse({"error": "invalid_grant"}, status_code=400)
            if request.headers.get("authorization") != basic:
                return JSONResponse({"error": "invalid_client"}, status_code=401)
            return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self.id_token(asked)})

        return app

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= {"email": self.email, "email_verified": True} | self.lies
        said = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            parts = (b'{"alg":"none"}', str(said).replace("'", '"').replace("True", "true").encode(), b"")
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        return jwt.encode({"alg": self.algorithm, "kid": "k1"}, said, self.signer, algorithms=[self.algorithm])
