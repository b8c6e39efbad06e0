"""The keepalived.conf form of a configuration file."""

import msgspec

from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.interpret import Document, Interpreter
from vrrpd_fast.config.conf.places import Places
from vrrpd_fast.config.conf.rewrite import rewrite
from vrrpd_fast.config.conf.statement import Place, Statement
from vrrpd_fast.config.form import structs
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.validate import to_file
from vrrpd_fast.model import Finding


class ConfForm:
    """Statements of a file; `name` is the file that was named, which may include others."""

    def __init__(
        self, statements: list[Statement], findings: list[Finding], name: str, *, strict: bool
    ) -> None:
        self._statements = statements
        self.findings = findings
        self._places = Places(name)
        self._strict = strict
        self.document: Document = {}  # the native document that says the same; file() makes it

    def file(self, problems: Problems) -> schema.File:
        """What the file says; what is wrong with it is noted in `problems`."""
        interpreter = Interpreter(self._places, problems, strict=self._strict)
        interpreter.read(self._statements)
        self.document = interpreter.document
        rewrite(self.document, self._places, problems)
        try:
            return structs(self.document)
        except msgspec.ValidationError:
            return to_file(self.document, problems)

    def origin(self, path: Path) -> Path:
        """The path itself: what the file repeats, it says as often."""
        return path

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where a value or its keyword stands, or the nearest block around it."""
        return self._places.find(path, key=key)
