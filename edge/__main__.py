"""The entry point of ``hearthgate-edge``.

An agent lives for months on a small machine, and nobody passes its door until it is up. So what a unit starts gets by
without typer, which brings pydantic and rich: 14 MiB for life, and 0.14 s at every start.
"""

import sys
from pathlib import Path

from service.extras import needs
from service.loading import loading


@needs("hearthgate-edge", "edge")
def main() -> None:
    """The entry point of the script. The words of a unit are known here; all others are the command line's."""
    with loading():
        from edge.device import start

    match sys.argv[1:]:
        case ["run", "--config", config]:
            start.agent(Path(config))
        case ["keeper", "--config", config]:
            start.keeper(Path(config))
        case _:
            with loading():
                from edge.cli import app

            app()


if __name__ == "__main__":
    main()
