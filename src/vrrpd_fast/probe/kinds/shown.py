"""Texts from outside, made fit for one line of a log or a terminal."""


def shown(text: str, most: int = 60) -> str:
    """At most so many characters, none of which ends the line or steers the terminal."""
    if len(text) > most:
        text = text[: most - 1] + "…"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
