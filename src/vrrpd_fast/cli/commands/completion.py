"""Completion for a shell: the script that it reads, which asks this command what can come next.

Names of virtual routers, interfaces and sync groups are those of the stats segment.
"""

import argparse
import re

from vrrpd_fast.cli.exits import DONE
from vrrpd_fast.cli.output import write, write_fields

BASH = """\
# bash completion of vrrpctl: eval "$(vrrpctl completion bash)"
_vrrpctl() {
    mapfile -t COMPREPLY < <("$1" completion bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
}
complete -o default -F _vrrpctl vrrpctl
"""
ZSH = """\
#compdef vrrpctl
# zsh completion of vrrpctl: as _vrrpctl in a directory of $fpath, or eval "$(vrrpctl completion zsh)"
_vrrpctl() {
    local line
    local -a found shown
    for line in "${(@f)$("${(Q)words[1]}" completion zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        found+=("${line%%$'\\t'*}")
        shown+=("${line/$'\\t'/ -- }")
    done
    if (( $#found )); then
        compadd -l -d shown -- "${found[@]}"
    else
        _files
    fi
}
if [[ ${funcstack[1]-} == _vrrpctl ]]; then
    _vrrpctl "$@"
else
    compdef _vrrpctl vrrpctl
fi
"""
FISH = """\
# fish completion of vrrpctl: vrrpctl completion fish | source
function __vrrpctl
    set -l before (commandline -opc)
    set -l found ($before[1] completion fish $before[2..-1] (commandline -ct) 2>/dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c vrrpctl -f -a '(__vrrpctl)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="print the script for this shell")
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs=argparse.REMAINDER,
        help="print what can stand in place of the last of these words (how the scripts ask)",
    )


def run(arguments: argparse.Namespace) -> int:
    if not arguments.words:
        write(SCRIPTS[arguments.shell])
        return DONE
    from vrrpd_fast.cli.candidates import candidates
    from vrrpd_fast.cli.ctl import parser

    if arguments.shell != "bash":
        *before, last = arguments.words
        if last[:1] in ("'", '"') and last.count(last[0]) == 1:  # these shells leave an open quote in place
            last = last[1:]
        found = candidates(parser(), [*before, last])
        write_fields(each for each in found if each.word.isprintable())
        return DONE
    line, current = (*arguments.words, "")[:2]
    words, last = _of_line(line)
    is_quoted = last[:1] in ("'", '"')
    # Bash ends words at colons and the like, and replaces what follows the last of them.
    kept = 0 if is_quoted or not last.endswith(current) else len(last) - len(current)
    for each in candidates(parser(), words):
        if each.word.isprintable():
            write((each.word if is_quoted else _escaped(each.word))[kept:] + "\n")
    return DONE


def _escaped(word: str) -> str:
    """As it has to be typed into bash."""
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", word)


_PIECE = re.compile(r"\\(.)|'([^']*)'?|\"((?:[^\"\\]|\\.)*)\"?|([^\\'\"\s])|\\$", re.DOTALL)


def _of_line(line: str) -> tuple[list[str], str]:
    """The words behind the program in what was typed so far, and the last one as it was typed."""
    words: list[str] = []
    start = at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        start, word = at, ""
        while piece := _PIECE.match(line, at):
            at = piece.end()
            escaped, single, double, plain = piece.groups()
            word += next(filter(None, (escaped, single, plain)), re.sub(r"\\(.)", r"\1", double or ""))
        if words or not re.match(r"\w+=", word):  # not an assignment before the program
            words.append(word)
        if at >= len(line):
            return words[1:] or [""], line[start:]
