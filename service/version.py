"""The answer of every program to ``--version``."""

from collections.abc import Callable


def version_of(program: str) -> Callable[[bool], None]:
    """What such an option calls: it prints the program's name with the version installed, and ends."""

    def show_version(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version  # slow to import, and wanted by few

            print(f"{program} {version('hearthgate')}")
            raise SystemExit(0)

    return show_version
