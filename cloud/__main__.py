"""``hearthgate-cloud``, from its first line on: its packages come with an extra, and may be missing."""

from service.extras import needs


@needs("hearthgate-cloud", "cloud")
def main() -> None:
    """The entry point of the script."""
    from cloud import cli

    cli.main()


if __name__ == "__main__":
    main()
