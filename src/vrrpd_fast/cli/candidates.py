"""What can stand at the end of a vrrpctl command line. Shells ask through cli/commands/completion.py.

Nothing is the answer where a file can stand: shells know files themselves.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vrrpd_fast.cli.selection import STATES

# What an argument's value is one of, by where argparse puts it.
NAMES = {"name", "names"}
TRAITS = {"interface": "interface", "group": "group"}
WORDS = {"state": STATES, "expect": STATES}


class Candidate(NamedTuple):
    """A whole word, and what it is."""

    word: str
    text: str = ""


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[Candidate]:
    """For the last of the words, which may be empty; those before it are complete."""
    *before, prefix = words
    place = _Place(parser, before)
    found = place.values() if place.option is not None else [*place.options(prefix), *place.positional()]
    return [each for each in found if each.word.startswith(prefix)]


class _Place:
    """Where the complete words lead: into which command, behind which option, after how many arguments."""

    def __init__(self, parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
        self._socket: str = parser.get_default("socket")
        self._parser: Any = parser
        self._given: list[str] = []  # positional ones
        self._used: set[str] = set()  # options
        self.option: argparse.Action | None = None  # its value comes next
        for word in words:
            self._pass(word)

    def _pass(self, word: str) -> None:
        if self.option is not None:
            if self.option.dest == "socket":
                self._socket = word
            self.option = None
            return
        action = self._parser._option_string_actions.get(word)
        if action is not None:
            self._used.add(action.dest)
            self.option = action if action.nargs != 0 else None
            return
        commands = self._commands()
        if word in commands:
            self._parser = commands[word]
            self._parser.load()
            self._given = []
        else:
            self._given.append(word)

    def _commands(self) -> dict[str, Any]:
        for action in self._parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def options(self, prefix: str) -> Iterator[Candidate]:
        """Those that may still come, once a hyphen is there."""
        if not prefix.startswith("-"):
            return
        for action in self._parser._actions:
            repeats = isinstance(action, argparse._AppendAction)
            if action.option_strings and (repeats or action.dest not in self._used):
                yield Candidate(action.option_strings[-1], _help(action))

    def values(self) -> Iterator[Candidate]:
        assert self.option is not None
        yield from self._of(self.option)

    def positional(self) -> Iterator[Candidate]:
        """The argument that comes next, of which the last may be repeated."""
        actions = [action for action in self._parser._actions if not action.option_strings]
        if not actions:
            return
        action = actions[min(len(self._given), len(actions) - 1)]
        if len(self._given) < len(actions) or action.nargs in ("*", "+"):
            yield from self._of(action)

    def _of(self, action: argparse.Action) -> Iterator[Candidate]:
        if isinstance(action, argparse._SubParsersAction):
            yield from (Candidate(each.dest, _help(each)) for each in action._choices_actions)
        elif action.choices is not None:
            yield from (Candidate(str(choice)) for choice in action.choices)
        elif action.dest in WORDS:
            yield from map(Candidate, WORDS[action.dest])
        elif action.dest in NAMES:
            for each in self._instances():
                if each["name"] not in self._given:
                    yield Candidate(each["name"], f"{each['state']} on {each['interface']}")
        elif action.dest in TRAITS:
            trait = TRAITS[action.dest]
            found = (each.get(trait) for each in self._instances())
            yield from map(Candidate, dict.fromkeys(filter(None, found)))

    def _instances(self) -> list[dict[str, str]]:
        from vrrpd_fast.observe.segment import SegmentError, read

        try:
            return read(self._socket).instances
        except SegmentError:
            return []


def _help(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default}
