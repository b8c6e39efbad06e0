"""Probes `http` and `https`: a request, and what its answer has to be. Redirects are not followed.

Answers are anybody's: nothing of them is kept beyond BODY_LIMIT, and h11 bounds the head.
"""

import os
import re
import socket
import ssl
import time

import h11

from vrrpd_fast.model import HttpProbe, HttpsProbe
from vrrpd_fast.probe.check import Check, Context, Outcome, failure
from vrrpd_fast.probe.kinds.certificate import expiry_of
from vrrpd_fast.probe.kinds.connecting import ConnectingCheck
from vrrpd_fast.probe.kinds.shown import shown

BODY_LIMIT = 64 * 1024  # bytes that are searched
_ANSWER_LIMIT = BODY_LIMIT + 32 * 1024  # bytes that are read, whatever they are
_READ = 16 * 1024
_SECONDS_PER_DAY = 86400


def make(settings: HttpProbe | HttpsProbe, context: Context) -> Check:
    """The check of an http or https block."""
    return HttpCheck(settings, context)


class HttpCheck(ConnectingCheck):
    """Connects, with TLS if that is wanted, asks and judges the answer."""

    def __init__(self, settings: HttpProbe | HttpsProbe, context: Context) -> None:
        super().__init__(context.loop, (settings.address, settings.port), settings.source)
        self._settings = settings
        self._contexts = context.shared(TlsContexts)
        self._expect = (settings.expect or "").encode()
        self._pattern = None if settings.matches is None else re.compile(settings.matches.encode())
        self._request = _request(settings)
        self._is_secured = True
        self._is_writing = False
        self._answer = Answer(self._request)
        self._unsent = b""

    def connected(self, sock: socket.socket) -> None:
        self._answer = Answer(self._request)
        self._unsent = self._answer.request
        self._is_secured = True
        settings = self._settings
        if isinstance(settings, HttpsProbe):
            self._is_secured = False
            self.socket = self._contexts.of(settings).wrap_socket(
                sock,
                server_hostname=settings.host or settings.address.partition("%")[0],
                do_handshake_on_connect=False,
            )
        self._is_writing = False
        self.loop.add_reader(self.socket.fileno(), self._go_on)  # type: ignore[union-attr]
        self._go_on()

    def abandon(self) -> None:
        super().abandon()
        self._answer.forget()

    def _go_on(self) -> None:
        """Do what is possible now: end the run, or wait for the socket."""
        try:
            self._advance()
        except ssl.SSLWantReadError:
            self._wait(is_writing=False)
        except ssl.SSLWantWriteError:
            self._wait(is_writing=True)
        except BlockingIOError:
            self._wait(is_writing=bool(self._unsent))
        except ssl.SSLCertVerificationError as error:
            self.end(Outcome(False, f"certificate: {shown(error.verify_message, 120)}"))
        except ssl.SSLError as error:
            self.end(Outcome(False, f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}"))
        except OSError as error:
            self.end(failure(error))
        except h11.RemoteProtocolError as error:
            self.end(Outcome(False, f"no proper answer: {shown(str(error))}"))
        except ValueError as error:
            self.end(Outcome(False, str(error)))

    def _wait(self, is_writing: bool) -> None:
        assert self.socket is not None
        if is_writing is self._is_writing:
            return
        self._is_writing = is_writing
        if is_writing:
            self.loop.remove_reader(self.socket.fileno())
            self.loop.add_writer(self.socket.fileno(), self._go_on)
        else:
            self.loop.remove_writer(self.socket.fileno())
            self.loop.add_reader(self.socket.fileno(), self._go_on)

    def _advance(self) -> None:
        """Handshake, request, answer; returns when the run is over, raises when it has to wait or fails."""
        sock = self.socket
        assert sock is not None
        if not self._is_secured:
            assert isinstance(sock, ssl.SSLSocket)
            sock.do_handshake()
            self._is_secured = True
            if (outcome := self._certificate(sock)) is not None:
                self.end(outcome)
                return
        while self._unsent:
            self._unsent = self._unsent[sock.send(self._unsent) :]
        while True:
            data = sock.recv(_READ)
            outcome = self._judge(self._answer.take(data))
            if outcome is not None:
                self.end(outcome)
                return
            if not data:
                raise h11.RemoteProtocolError("it ends too soon")

    def _certificate(self, sock: ssl.SSLSocket) -> Outcome | None:
        """Failure if it expires too soon; ValueError if that cannot be read from it."""
        settings = self._settings
        assert isinstance(settings, HttpsProbe)
        if not settings.certificate_days:
            return None
        expiry = expiry_of(sock.getpeercert(True) or b"")
        days = (expiry.timestamp() - time.time()) / _SECONDS_PER_DAY
        if days >= settings.certificate_days:
            return None
        return Outcome(False, f"the certificate expires on {expiry:%Y-%m-%d}, in {days:.1f} days")

    def _judge(self, answer: "Answer") -> Outcome | None:
        """What the answer comes to, None as long as that is open."""
        if not answer.status:
            return None
        said = f"HTTP {answer.status}"
        if not any(low <= answer.status <= high for low, high in self._settings.status):
            return Outcome(False, said)
        is_found = self._expect in answer.body
        if is_found and self._pattern is None:
            return Outcome(True, said)
        if not answer.is_complete:
            return None
        if is_found and self._pattern is not None and self._pattern.search(answer.body):
            return Outcome(True, said)
        return Outcome(False, f"{said}, but the body is not as expected")


class Answer:
    """The answer to one request, as far as it has come."""

    def __init__(self, request: h11.Request) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self.request = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        self.status = 0
        self.body = b""
        self.is_complete = False
        self._received = 0

    def forget(self) -> None:
        """Let go of what was kept."""
        self.body = b""

    def take(self, data: bytes) -> "Answer":
        """Go on with what was received, nothing at the end. h11.RemoteProtocolError if it is no HTTP."""
        self._received += len(data)
        self._http.receive_data(data)
        while not self.is_complete:
            match self._http.next_event():
                case h11.Response(status_code=status):
                    self.status = status
                case h11.Data(data=piece):
                    self.body += bytes(piece[: BODY_LIMIT - len(self.body)])
                    self.is_complete = len(self.body) == BODY_LIMIT
                case h11.EndOfMessage():
                    self.is_complete = True
                case h11.InformationalResponse():
                    pass
                case _:  # more is needed
                    break
        if self._received > _ANSWER_LIMIT and not self.is_complete:
            if not self.status:
                raise h11.RemoteProtocolError("the head does not end")
            self.is_complete = True
        return self


class TlsContexts:
    """How TLS is spoken: one context for all that trust the same; loading the system's takes 20 ms."""

    def __init__(self, context: Context) -> None:
        self._contexts: dict[tuple[bool, str | None], tuple[float, ssl.SSLContext]] = {}

    def of(self, settings: HttpsProbe) -> ssl.SSLContext:
        """The context for these settings; OSError when ca_file cannot be used. A new file is read again."""
        key = settings.verify, settings.ca_file
        changed = 0.0 if settings.ca_file is None else os.stat(settings.ca_file).st_mtime
        known = self._contexts.get(key)
        if known is None or known[0] != changed:
            try:
                made = ssl.create_default_context(cafile=settings.ca_file)
            except ssl.SSLError as error:
                raise OSError(0, f"{settings.ca_file}: {error.reason or error}") from error
            if not settings.verify:
                made.check_hostname = False
                made.verify_mode = ssl.CERT_NONE
            known = self._contexts[key] = changed, made
        return known[1]

    def close(self) -> None:
        self._contexts.clear()


def _request(settings: HttpProbe | HttpsProbe) -> h11.Request:
    usual = 443 if isinstance(settings, HttpsProbe) else 80
    host = settings.host or settings.address.partition("%")[0]
    if ":" in host:
        host = f"[{host}]"
    if settings.port != usual:
        host += f":{settings.port}"
    headers = {
        "Host": host,
        "User-Agent": "vrrpd-fast",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return h11.Request(method=settings.method, target=settings.path, headers=list(headers.items()))
