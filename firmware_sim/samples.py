"""Where the sample configurations are: ``config/`` of a checkout, or its copy in an installed package."""

from pathlib import Path

_CHECKOUT, _PACKAGED = Path(__file__).parents[1] / "config", Path(__file__).parent / "config"
SAMPLES = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
