"""keepalived as a peer."""

from lab.kit.daemons import Daemon, Settings


class Keepalived(Daemon):
    """keepalived in a node, VRRP only, with files of its own and no syslog."""

    kind = "keepalived"

    def configure(self) -> None:
        for left in self.directory.glob("*.pid"):  # of a killed run; its process may still be a zombie
            left.unlink()
        text = f"global_defs {{\n  router_id {self.node}\n}}\n"
        text += "".join(_block(name, settings) for name, settings in self.instances.items())
        self.write(self.directory / "keepalived.conf", text)

    def argv(self) -> list[str]:
        where = self.directory
        return [
            "keepalived",
            *("-n", "-l", "-D", "-G", "-P"),
            *("-f", str(where / "keepalived.conf")),
            *("-p", str(where / "main.pid")),
            *("-r", str(where / "vrrp.pid")),
        ]


def _block(name: str, settings: Settings) -> str:
    lines = [f"vrrp_instance {name} {{"]
    for key, value in settings.items():
        if isinstance(value, list):
            lines.append(f"  {key} {{")
            lines += [f"    {item}" for item in value]
            lines.append("  }")
        elif value is True:
            lines.append(f"  {key}")
        elif value is not False:
            lines.append(f"  {key} {value}")
    return "\n".join([*lines, "}"]) + "\n"
