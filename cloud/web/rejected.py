"""How a use case says that it changed nothing, and why."""


class Rejected(Exception):
    """The change cannot be made, and nothing was changed. ``text`` is for the person who asked."""

    def __init__(self, text: str, where: str = "", status: int = 422) -> None:
        super().__init__(text)
        self.text = text
        self.where = where
        self.status = status
