"""Makes the pages: the templates in both languages, and the answer around them."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from msgspec import structs

from cloud.devices.registry import Site
from cloud.store.labels import Label
from cloud.store.scope import Scope
from cloud.web import words
from cloud.web.domain import Nav, NavGroup, in_order
from cloud.web.i18n import Language, choose, languages
from cloud.web.operators import Login
from cloud.web.refill import refilled
from cloud.web.roles import Assignment, Part, Right

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
ASSETS_OF_DOMAINS = {file.parent.name: file for file in sorted(HERE.parent.glob("*/assets")) if file != ASSETS}
"""The folders of domains that have styles or scripts of their own, served under their names."""
TEMPLATES = sorted(HERE.parent.glob("*/templates"))
"""Every domain's own. A name stands in one of them only."""
LANGUAGE_LASTS_S = 365 * 24 * 3600
FEW_PAGES = 3
"""So many names have room in the bar of a narrow telephone."""


@lru_cache
def asset_version() -> str:
    """Changes whenever a style or a script does, so that browsers may keep them for ever."""
    folders = (ASSETS, *ASSETS_OF_DOMAINS.values())
    content = b"".join(file.read_bytes() for folder in folders for file in sorted(folder.iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


class SharedBytecode(BytecodeCache):
    """Templates compiled once in this process: every language runs the same code."""

    def __init__(self) -> None:
        self._by_key: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._by_key:
            bucket.bytecode_from_string(self._by_key[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._by_key[bucket.key] = bucket.bytecode_to_string()


BYTECODE = SharedBytecode()


class SiteNow(Protocol):
    """What pages ask about the site as it is at this moment."""

    def label(self) -> Label:
        """What the site is called."""
        ...

    def banner(self, scope: Scope) -> object:
        """What is in force on the part of the site that somebody sees."""
        ...

    def units(self, cell: str) -> tuple[str, ...]:
        """The units of a cell that is named, or those that are listed in place of a name."""
        ...


class Pages:
    """The console's templates, for one site."""

    def __init__(
        self,
        site: Site,
        *,
        demo: bool,
        clock: Callable[[], int],
        now: SiteNow,
        nav: Sequence[Nav],
    ) -> None:
        """``clock`` gives UTC milliseconds, ``nav`` are the pages to go to for those who are logged in."""
        self._nav = in_order(nav)
        self.zone = ZoneInfo(site.zone)
        self.languages = languages(self.zone)
        self._clock = clock
        self._now = now
        self.banner = now.banner
        self._environments = {code: _environment(language, site, demo) for code, language in self.languages.items()}

    def scope(self, assignment: Assignment, looked_at: frozenset[bytes] = frozenset()) -> Scope:
        """What somebody with this role sees now."""
        now = datetime.fromtimestamp(self._clock() / 1000, self.zone)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        units = self._now.units(assignment.of) if assignment.rule.part is Part.CELL else ()
        return assignment.scope(units, int(midnight.timestamp() * 1000), looked_at)

    def nav(self, assignment: Assignment) -> list[Nav]:
        """The pages that somebody with this role may go to. Of so few that all have room none stands under More."""
        mine = [one for one in self._nav if assignment.may(one.right, one.parts)]
        return mine if len(mine) > FEW_PAGES else [structs.replace(one, group=NavGroup.DAILY) for one in mine]

    def language(self, request: Request) -> Language:
        accepted = request.headers.get("accept-language", "")
        return self.languages[choose(request.query_params, request.cookies, accepted)]

    def fragment(self, code: str, template: str, **context: Any) -> str:
        """A piece of a page in the language of that code."""
        return self._environments[code].get_template(template).render(context).strip()

    def page(
        self, request: Request, template: str, login: Login | None = None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A whole page, which remembers the language it was asked in."""
        language = self.language(request)
        assignment = login.operator.assignment if login else None
        around: dict[str, Any] = {
            "path": request.url.path,
            "query": request.query_params,
            "login": login,
            "site_label": self._now.label() if login else None,
            "rights": assignment.rule.rights if assignment else frozenset(),
            "whole_site": assignment is not None and assignment.rule.part is None,
            "nav": self.nav(assignment) if assignment else [],
            "section": next((one.path for one in self._nav if _belongs(request.url.path, one)), ""),
            "now_ms": self._clock(),
            "banner": self.banner(self.scope(assignment))
            if assignment and assignment.may(Right.READ, (Part.ZONE,))
            else None,
            "sirens_below": False,
            "reloads": request.method == "GET",
        }
        around |= context
        shown = around.get("shown")
        if shown is not None:
            around["panels"] = [
                self.fragment(language.code, panel.template, **around | values) for panel, values in shown.panels
            ]
        body = self.fragment(language.code, template, **around)
        if request.method == "POST" and status >= 400:
            body = refilled(body, request.url.path, getattr(request.state, "sent", ()))
        response = HTMLResponse(body, status)
        if request.query_params.get("lang") == language.code:
            response.set_cookie(
                "hg_lang", language.code, max_age=LANGUAGE_LASTS_S, samesite="lax", secure=request.url.scheme == "https"
            )
        return response


def _belongs(path: str, nav: Nav) -> bool:
    """Whether a page stands under an entry of the navigation."""
    return re.fullmatch(f"{nav.path}(/.*)?|{nav.also}", path) is not None


def _environment(language: Language, site: Site, demo: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=BYTECODE,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        language=language,
        site=site,
        demo=demo,
        words=words,
        version=asset_version(),
        Right=Right,
        with_query=with_query,
    )
    return made


def with_query(path: str, query: Mapping[str, str], **changes: str) -> str:
    """The same page with some of its query changed; an empty value leaves that one out."""
    path, _, before = path.partition("?")
    changed = {key: value for key, value in {**dict(parse_qsl(before)), **query, **changes}.items() if value}
    return f"{path}?{urlencode(changed)}" if changed else path


def shape_of(*what: object) -> str:
    """A short name for everything that a page's forms depend on."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def local_path(path: str) -> str:
    """Where to go next: only ever a page of ours."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


def see_other(path: str) -> RedirectResponse:
    """Where a form leads after its deed: a reload then repeats nothing."""
    return RedirectResponse(path, status_code=303)
