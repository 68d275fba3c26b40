"""``hearthgate-sim``, from its first line on: its packages come with an extra, and may be missing."""

from service.extras import needs
from service.loading import loading


@needs("hearthgate-sim", "sim")
def main() -> None:
    """The entry point of the script."""
    with loading():
        from firmware_sim import cli

    cli.main()


if __name__ == "__main__":
    main()
