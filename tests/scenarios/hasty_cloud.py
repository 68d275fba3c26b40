"""A cloud that breaks its one promise: it acknowledges first and commits afterwards. Run it as ``hearthgate-cloud``."""

import time
from collections.abc import Sequence

from cloud.cli import main
from cloud.ingest import ingest
from cloud.line.broker import Arrived

COMMIT_S = 0.05
"""A slow disk: without it a fast one often wins the race against the killer."""


class HastyIngest(ingest.Ingest):
    def commit(self, arrived: Sequence[Arrived]) -> None:
        with self._transaction() as intake:
            for one in arrived:
                intake.receive(one)
            intake.finish()
            self._acknowledge(intake)
            time.sleep(COMMIT_S)
        self._counted(intake.counts)
        self._on_commit()


if __name__ == "__main__":
    ingest.Ingest = HastyIngest  # type: ignore[misc]
    main()
