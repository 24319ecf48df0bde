"""The development key pair and the session tokens signed with it. Run by the tools' Python, which has `cryptography`.

    keys.py generate DIRECTORY
    keys.py sign DIRECTORY CLAIMS-AS-JSON
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "dev"


def generate(directory: Path) -> None:
    """Writes `dev.pem` (PKCS#8) and `dev.pub.pem`, readable by their owner only."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    directory.mkdir(parents=True, exist_ok=True)
    # The private key last: where it stands, its public key stands too.
    for name, content in (("dev.pub.pem", public), ("dev.pem", private)):
        new = directory / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(new, directory / name)


def sign(directory: Path, claims: dict[str, Any]) -> str:
    """A JSON Web Token, RS256."""
    key = serialization.load_pem_private_key((directory / "dev.pem").read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SystemExit("error: dev.pem is not an RSA key")
    header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    signed = b".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return b".".join((signed, _encode(signature))).decode()


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def main() -> None:
    """See the top of the file."""
    command, directory = sys.argv[1], Path(sys.argv[2])
    if command == "generate":
        generate(directory)
    else:
        print(sign(directory, json.loads(sys.argv[3])))


if __name__ == "__main__":
    main()
