"""``hearthgate-cloud``, from its first line on: its packages come with an extra, and may be missing."""

import sys

from service.extras import needs
from service.loading import loading


@needs("hearthgate-cloud", "cloud")
def main() -> None:
    """The entry point of the script."""
    with loading():
        from cloud import cli

        if sys.argv[1:2] == ["serve"]:
            import cloud.serve  # noqa: F401 - the command itself would load it later, and slower

    cli.main()


if __name__ == "__main__":
    main()
