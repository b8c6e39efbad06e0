"""The grammar of keepalived.conf, judged by keepalived: both find the same statements in the same file.

keepalived names every keyword it does not know with file and line, so files of unknown keywords show what it
made of definitions, conditions, repetition, quotes, braces and include. What it made of the words after a
keyword is in the data it writes on SIGUSR1.
"""

import random
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from vrrpd_fast.config.conf.reader import read
from vrrpd_fast.config.conf.statement import Statement

pytestmark = pytest.mark.peer("keepalived")

KEYWORD = re.compile(r"\((?:(.+): )?Line (\d+)\) Unknown keyword '(.*)'")
DEFINITIONS = "$A=3\n$B=${A}x\n$E=\n$LATE=${SUB}z\n$M= \\\n m1 \\\n m2 ${A} \\\n m3\n"

# Each a file of keywords that keepalived does not know; DEFINITIONS stand before it.
GRAMMAR = {
    "braces": "a {\n b\n}\nc\n{\nd\n}\ne{ f\n g } h { i } j\nk\n\n# x\n{ l { m } }\nn {} o",
    "comments": 'a # b\n! c\n# d {\ne! f }\n"g # h"\n "i"! j\n"k # l ! m" # "',
    "quotes": '"a b" c\n""\n "d { e" { f }\n"g\\" h\n"i}"\nj"k l"m',
    "blanks": "\ta\r\n  b \x0b c\n\x0cd\r\n\r\n   \r\ne",
    "definitions": 'i${A}\n$A\n${A}${B}\nx$A y\nx$A\n$E\n$E z\n${E}y\n"${A} b"\n$A$A\n$U u\nx$U.\n$A.1',
    "lazy": '$SUB=1\n${LATE}\n$SUB=2\n${LATE}\n$A="a b"\n$A\n$A=c d e\nx${A}\n$A=f # g\n${A}h',
    "overwritten": "$A=4\n${B}\n  $A= 5 \n${B}\n$A=\n${B}",
    "lines": "$M\npre$M\npre $M\nx { y $M\n}\n$N= \\\n n1 { \\\n $A=9 \\\n n${A} \\\n }\n\n$N",
    "lines in lines": "$I= \\\n i${A} { \\\n $M \\\n }\n$A=7\n$I\n$A=8\n$I",
    "lines with conditions": "$N= \\\n @main a \\\n @other b \\\n @^main c \\\n @^other d\n$N",
    "lines with comments": "$N= \\\n a # b \\\n c\n$N\n$O=a \\\n b\n$O",
    "conditions": "@main a\n@other b\n@^main c\n@^other d\n@main\n @main e\n@main f {\ng\n@main }\nh @main",
    "conditional definitions": "@main $P=1\n@other $P=2\n$P x\n$C=@main\n$C y\n$D=@other\n$D z",
    "sequence": "~SEQ(x,1,3) i${x}\n~SEQ(x,3) j$x\n~SEQ(x,-2) k${x}\n~SEQ(x,3,1) l${x}\n~SEQ(x,1,2,6) m${x}",
    "sequence down": "~SEQ(x,6,-2,1) i${x}\n~SEQ(x,0) j${x}\n~SEQ(x,5,5) k${x}\n~SEQ(x,-1,1) l${x}",
    "hexadecimal": "~SEQx(x,8,11) i${x}\n~SEQx(x,0x90,0x10,0xc0) j${x}\n~SEQ(x,0x8,0xB) k${x}",
    "sequence in sequence": "~SEQ(x,1,2) ~SEQ(y,${x},3) i${x}${y}\n~SEQ( x , 1 , 2 )~SEQ (y,1,$A) j${x}${y}",
    "sequence of lines": "~SEQ(A,1,2) $M\n~SEQ(x,1,2) @main i${x}\n@main ~SEQ(x,1,2) j${x}",
    "list": "~LST(x,a,b) i${x}\n~LST( x , c , d ) j$x\n~LST(x,,e) k${x}|\n~LST({x},{1},3) l${x}",
    "list of groups": "~LST({x, y}, {1,2} , {3,4}) i${x}${y}\n~LST(x,1,2) ~LST(y,3,4) j${x}${y}",
    "list and sequence": "~LST({IP, IP1}, {10,1},{20,4}) ~SEQ(IP2,168,2,172) 192.${IP2}.${IP}.${IP1}",
    "predefined": 'i${_INSTANCE}\n$_INSTANCE x\n${_RANDOM 5 5}\n"a${_HASH}b${_BANG}"',
    "include": "a\ninclude one\nb { include two\n}\ninclude w*\nc",
    "include in braces": "include {one,two}\ninclude deep/{a,b}\ninclude deep/nothing*\nd",
    "include twice": "include one\ninclude one",
    "include relative": "include deep/c\ne",
    "include conditional": "@main include one\n@other include two\n$F=two\ninclude ${F}",
    "include definitions": "include defines\n${FROM}",
    "include half a block": "include opens\nb\n}\nc",
}
INCLUDED = {
    "one": "one1\none2 # x\n",
    "two": "two1\n",
    "w1": "w1\n",
    "w2": "w2 {\n}\n",
    "defines": "$FROM=far\n",
    "opens": "o1 {\n o2\n",
    "deep/a": "deepa\n",
    "deep/b": "deepb\n",
    "deep/c": "include a\ndeepc\n",
}


def write(directory: Path, text: str) -> Path:
    for name, content in INCLUDED.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    conf = directory / "keepalived.conf"
    conf.write_text(text)
    return conf


def keywords_of_keepalived(conf: Path) -> list[tuple[str, int, str]]:
    """File name, line and keyword of all that keepalived finds; braces on their own are left out."""
    run = subprocess.run(
        ["unshare", "--net", "keepalived", "-t", "-n", "-l", "-G", "-P", "-i", "main", "-f", str(conf)],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=conf.parent,
    )
    found = []
    for file, line, keyword in KEYWORD.findall(run.stdout + run.stderr):
        if keyword == "the_end":  # the file is read several times; once is enough
            return found
        if keyword != "}":
            found.append((Path(file).name or conf.name, int(line), keyword))
    raise AssertionError(f"keepalived did not come to the end:\n{run.stdout}{run.stderr}")


def keywords_of_ours(conf: Path) -> list[tuple[str, int, str]]:
    found = []

    def walk(statements: list[Statement]) -> None:
        for statement in statements:
            place = statement.place
            found.append((Path(place.file).name, place.line, statement.keyword))
            walk(statement.block or [])

    walk(read(str(conf), "main")[0])
    assert found.pop()[2] == "the_end"
    return found


@pytest.mark.parametrize("name", GRAMMAR)
def test_both_find_the_same_keywords(tmp_path: Path, name: str) -> None:
    conf = write(tmp_path, f"{DEFINITIONS}{GRAMMAR[name]}\nthe_end\n")
    ours = keywords_of_ours(conf)
    assert ours
    assert ours == keywords_of_keepalived(conf)


class Chance:
    """Files of statements put together by chance."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def word(self) -> str:
        return self.pick(
            "k", "x${A}", "${B}y", '"q 1"', '"a{b"', '"c # d"', "$A", "$B", "z${E}", "${_INSTANCE}"
        )

    def line(self) -> str:
        words = [self.word() for _ in range(self.random.randrange(3))]
        return " ".join([self.pick("key", "a1", "b2", self.word()), *words])

    def statement(self, depth: int = 0) -> str:
        """A statement with whatever may stand before, behind and in it."""
        line = self.line()
        inside = ""
        if depth < 3:
            inside = "".join(self.statement(depth + 1) for _ in range(self.random.randrange(4)))
        start, count = self.random.randrange(-2, 3), self.random.randrange(1, 4)
        return self.pick(
            f"{line}\n",
            f"{line}\n",
            f"{line} # {{ c\n",
            f"{line}! c\n\n",
            f"{line} {{\n{inside}}}\n",
            f"{line}\n{{ # c\n{inside} }} # c\n",
            f"{line} {{ {self.line()} }}\n",
            f"@main {line}\n",
            f"@other {line}\n",
            f"@^other {line}\n",
            self.pick("$A=", "$B=") + self.pick("1", "v", "p q", '"r s"', "a${E}") + "\n",
            f"~SEQ(N,{start},{start + count}) n${{N}} {line}\n",
            f"~LST(L,v,w) l${{L}} {line}\n",
            f"$O= \\\n o {self.word()} \\\n {self.line()}\n$O\n",
            f"include {self.pick('one', 'two', 'w*', 'deep/c', '{one,two}')}\n",
        )


@pytest.mark.parametrize("seed", range(40))
def test_both_find_the_same_keywords_in_files_of_chance(tmp_path: Path, seed: int) -> None:
    chance = Chance(seed)
    text = "".join(chance.statement() for _ in range(12))
    conf = write(tmp_path, f"{DEFINITIONS}{text}\nthe_end\n")
    ours = keywords_of_ours(conf)
    assert ours == keywords_of_keepalived(conf), text


# One file with all of the grammar, as instances keepalived really runs.
INSTANCES = r"""
global_defs { script_user root
}
$IF=veth0
$NET=10.${THIRD}
$THIRD=7
$VI= \
vrrp_instance V${ID} { \
    interface $IF  \
    virtual_router_id ${ID} \
    @main priority 13${ID} # comment \
    @other priority 12${ID} \
    virtual_ipaddress { \
        ${NET}.0.${ID}/24 dev ${IF} \
    } \
    notify_master "/bin/ls \"a # b\" ${ID} '$HOME' ${_HASH}${_BANG} c" \
}
~SEQ(ID,1,3) $VI
$THIRD=8
$ID=4
$VI

vrrp_instance "V 5"
{
    interface "veth0" ! comment
    virtual_router_id 5
    @^other priority 150
    virtual_ipaddress { 10.0.5.1/32 dev "veth0"
      ~LST({A, B}, {1,2}, {3,4}) 10.0.5.${A}${B}/24
      ~SEQ(x,20,10,40) 10.0.6.$x
      include addresses
    } notify_backup '/bin/ls "x y" z' root
    notify_fault "/bin/ls a\ b \x41\101\\ c"" d"
    notify_stop /bin/l\x73" " root
    notify "/bin/ls 'it is' {} "
}
vrrp_instance V6{interface veth0
virtual_router_id 6
virtual_ipaddress{10.0.7.1}}
vrrp_instance LAST {
    interface veth0
    virtual_router_id 7
    virtual_ipaddress { 10.0.7.2 }
}
"""
ADDRESSES = "10.0.8.1/24 # one\n@other 10.0.8.2\n@main 10.0.8.3/32"
DUMP = """
ip link add veth0 type veth peer veth1
ip address add 10.9.9.9/24 dev veth0
ip link set veth0 up; ip link set veth1 up
mount --bind . /tmp
keepalived -n -l -G -P -i main -f /tmp/keepalived.conf -p /tmp/main.pid -r /tmp/vrrp.pid >/tmp/log 2>&1 &
for i in $(seq 200); do grep -q 'Startup complete' /tmp/log && break; sleep 0.05; done
kill -USR1 $(cat /tmp/vrrp.pid)
for i in $(seq 200); do grep -q 'VRRP Instance = LAST' /tmp/keepalived.data && break; sleep 0.05; done
kill $!; wait
"""
SCRIPTS = {
    "Master state transition": "notify_master",
    "Backup state transition": "notify_backup",
    "Fault state transition": "notify_fault",
    "Stop state transition": "notify_stop",
    "Generic state transition": "notify",
}


def instances_of_keepalived(directory: Path) -> dict[str, dict[str, object]]:
    subprocess.run(["unshare", "--net", "--mount", "sh", "-c", DUMP], cwd=directory, check=True, timeout=40)
    found: dict[str, dict[str, object]] = {}
    data = (directory / "keepalived.data").read_text()
    for block in data.partition("VRRP Topology")[2].split(" VRRP Instance = ")[1:]:
        name, _, text = block.partition("\n")
        facts: dict[str, object] = {
            key: re.search(rf"^   {shown} = (.*)$", text, re.MULTILINE)[1]  # type: ignore[index]
            for key, shown in (
                ("interface", "Interface"),
                ("virtual_router_id", "Virtual Router ID"),
                ("priority", "Priority"),
            )
        }
        facts["addresses"] = re.findall(r"^     ([\d.]+(?:/\d+)?) dev ", text, re.MULTILINE)
        for shown, command in re.findall(
            r"^   ([^\n]*) script = (.*?), uid:gid", text, re.MULTILINE | re.DOTALL
        ):
            facts[SCRIPTS[shown]] = command
        found[name] = facts
    return found


def instances_of_ours(conf: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    statements, findings = read(str(conf), "main")
    assert not findings
    for statement in statements:
        if statement.keyword != "vrrp_instance":
            continue
        facts: dict[str, object] = {"priority": "100"}
        for setting in statement.block or []:
            if setting.keyword == "virtual_ipaddress":
                words = [address.words[0].text.removesuffix("/32") for address in setting.block or []]
                facts["addresses"] = words
            elif setting.keyword.startswith("notify"):
                command = shlex.split(setting.words[1].text)
                command[0] = "/usr/bin/ls"
                facts[setting.keyword] = " ".join(f"'{part}'" for part in command)
            else:
                facts[setting.keyword] = setting.words[1].text
        found[statement.words[1].text] = facts
    return found


PIECES = [
    "a",
    "b c",
    " ",
    "'x y'",
    r"\"p q\"",
    r"\x41",
    r"\101",
    r"\\\\",
    r"\\n",
    r"\\x42",
    "$H",
    "#",
    "!",
    "{}",
    "-z",
    "é",
    r"\q",
]


def test_both_split_the_same_commands(tmp_path: Path) -> None:
    chance = random.Random(1)
    commands = ["/bin/ls " + "".join(chance.choices(PIECES, k=chance.randrange(6))) for _ in range(100)]
    blocks = [
        f"vrrp_instance {name} {{\n interface veth0\n virtual_router_id {number}\n"
        f' virtual_ipaddress {{ 10.0.1.{number}\n }}\n notify "{command}"\n}}\n'
        for number, (command, name) in enumerate(
            zip(commands, [*(f"C{index}" for index in range(99)), "LAST"], strict=True), 1
        )
    ]
    conf = tmp_path / "keepalived.conf"
    conf.write_text("global_defs {\n script_user root\n}\n" + "".join(blocks))
    theirs = instances_of_keepalived(tmp_path)
    ours = instances_of_ours(conf)
    assert {name: facts["notify"] for name, facts in ours.items()} == {
        name: facts["notify"] for name, facts in theirs.items()
    }


def test_both_find_the_same_instances(tmp_path: Path) -> None:
    (tmp_path / "addresses").write_text(ADDRESSES)
    conf = tmp_path / "keepalived.conf"
    conf.write_text(INSTANCES)
    ours = instances_of_ours(conf)
    assert list(ours) == ["V1", "V2", "V3", "V4", "V 5", "V6", "LAST"]
    assert ours == instances_of_keepalived(tmp_path)
