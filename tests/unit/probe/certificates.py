"""Certificates made by openssl, of an authority of their own."""

import ssl
import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs in a directory; `file` is its own certificate."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)
        self.file = str(directory / "ca.pem")
        _openssl(
            "req", "-x509", *_KEY, "-days", "30", "-subj", "/CN=probes", "-keyout", self._path("ca.key"),
            "-out", self.file,
        )  # fmt: skip

    def server(self, names: str, days: int = 30) -> ssl.SSLContext:
        """How a server shows a certificate for names (DNS:a,IP:1.2.3.4) that expires in so many days."""
        certificate, key = self.certificate(names, days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def certificate(self, names: str, days: int = 30) -> tuple[str, str]:
        """Files of the certificate and its key."""
        key, request, made = (self._path(f"server.{end}") for end in ("key", "csr", "pem"))
        _openssl("req", *_KEY, "-subj", "/CN=server", "-addext", f"subjectAltName={names}", "-keyout", key,
                 "-out", request)  # fmt: skip
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._path("ca.key"),
                 "-CAcreateserial", "-days", str(days), "-copy_extensions", "copy", "-out", made)  # fmt: skip
        return made, key

    def _path(self, name: str) -> str:
        return str(self._directory / name)


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
