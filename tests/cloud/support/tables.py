"""All tables of the cloud, those of every domain among them."""

import importlib

from sqlalchemy import MetaData

from cloud.store.schema import metadata
from dev import ROOT


def all_tables() -> MetaData:
    for file in (ROOT / "cloud").glob("*/tables.py"):
        importlib.import_module(f"cloud.{file.parent.name}.tables")
    return metadata
