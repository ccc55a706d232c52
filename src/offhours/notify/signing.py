"""Signatures of webhooks, as the Standard Webhooks specification has them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def sign(secret: str, key: str, seconds: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over id, time and body.

    A secret that begins with `whsec_` is base64 after that; any other is taken as it is.

    >>> sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
    ...      1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{key}.{seconds}.".encode() + body
    digest = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def verify(secret: str, key: str, seconds: int, body: bytes, signature: str) -> bool:
    """Whether one of the signatures in a `webhook-signature` header is ours.

    The receiver should also refuse a time that is more than some minutes from its own.
    """
    wanted = sign(secret, key, seconds, body)
    return any(hmac.compare_digest(wanted, given) for given in signature.split(" "))


def _secret_bytes(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
