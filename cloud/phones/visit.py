"""A telephone that opens one of its pages: whose it is, and how it is answered."""

import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.people.store import PersonView, find_person
from cloud.phones.rule import LOGIN_LASTS_MS
from cloud.phones.service import PhoneService
from cloud.phones.store import Phone
from cloud.store.database import Store
from cloud.web.context import N_, Context, RequestContext, Said, or_404
from cloud.web.login_pages import set_cookie
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected

T = TypeVar("T")

COOKIE = "hg_phone"
PATH = "/me"
NOT_REGISTERED = N_("This phone is not registered")
REGISTER = N_("Ask the office, or an adult of your household, for a link, and open it on this phone. Your card works.")
FORM_OLD = N_("The page was open for too long: load it again and retry. Nothing was changed.")


class PhoneNeeded(Exception):
    """Whoever asks is logged in with no telephone."""


class FormTooOld(Exception):
    """A form that is not one of this login's."""


class PhoneVisit:
    """The context of one request of a telephone."""

    def __init__(self, context: RequestContext, phone: Phone, secret: str) -> None:
        """``secret`` is the login that it showed."""
        self.context, self.phone, self.secret = context, phone, secret
        self.request, self.language = context.request, context.language
        self.now_ms = context.clock()
        self.store = context.service(Store)

    @cached_property
    def person(self) -> PersonView:
        with self.store.reading() as connection:
            return or_404(find_person(connection, self.phone.person))

    @cached_property
    def site(self) -> str:
        with self.store.reading() as connection:
            return site_of(connection).name

    def service(self, kind: type[T]) -> T:
        """The application's one service of this type."""
        return self.context.service(kind)

    def say(self, tone: Literal["good", "bad"], text: str) -> Said:
        return self.context.say(tone, text)

    def confirm(self, sentences: Mapping[str, str], code: str) -> Said | None:
        return self.context.confirm(sentences, code)

    def render(self, template: str, *, said: Said | None = None, status: int = 0, **values: Any) -> HTMLResponse:
        """A whole page. Its status is 422 where what is said above its form is bad, unless given."""
        is_bad = said is not None and said.tone == "bad"
        around = {"phone": self.phone, "person": self.person, "said": said, **values}
        return self.context.pages.page(self.request, template, None, status or (422 if is_bad else 200), **around)

    def attempt(
        self,
        act: Callable[[], object],
        then: str,
        again: Callable[[Said], Response],
        wrong: tuple[type[Exception], ...] = (Rejected,),
    ) -> Response:
        """Does what a form asks for, and leads on; what is rejected is said above the form, which ``again`` makes."""
        try:
            act()
        except wrong as error:
            return again(self.say("bad", error.sentence if isinstance(error, Rejected) else str(error)))
        return see_other(then)


def visiting(context: Context) -> PhoneVisit:
    """Raises ``PhoneNeeded``."""
    secret = context.request.cookies.get(COOKIE, "")
    phone = context.service(PhoneService).phone_of(secret) if secret else None
    if phone is None:
        raise PhoneNeeded
    return PhoneVisit(context, phone, secret)


def form_of_phone(visit: "Visiting", csrf: Annotated[str, Form()] = "") -> PhoneVisit:
    """Raises ``PhoneNeeded`` or ``FormTooOld``."""
    if not secrets.compare_digest(csrf.encode(), visit.phone.token.encode()):
        raise FormTooOld
    return visit


Visiting = Annotated[PhoneVisit, Depends(visiting)]
PhoneForm = Annotated[PhoneVisit, Depends(form_of_phone)]


def log_in(request: Request, answer: Response, secret: str) -> None:
    """The telephone keeps its login under the pages of its person, apart from any operator's."""
    set_cookie(request, answer, COOKIE, secret, LOGIN_LASTS_MS // 1000, path=PATH)


def log_out(answer: Response) -> None:
    """The browser forgets the login and its key, and what it kept for flight mode."""
    answer.delete_cookie(COOKIE, path=PATH)
    answer.headers["Clear-Site-Data"] = '"storage"'


async def phone_needed(request: Request, _error: Exception) -> Response:
    answer = _trouble(request, 401, NOT_REGISTERED, REGISTER)
    if request.cookies.get(COOKIE):
        log_out(answer)
    return answer


async def form_too_old(request: Request, _error: Exception) -> Response:
    return _trouble(request, 403, N_("Nothing was done"), FORM_OLD)


def _trouble(request: Request, status: int, heading: str, cure: str) -> Response:
    context = RequestContext(request)
    say = context.language.say
    return context.pages.page(
        request, "phone_trouble.html", None, status, heading=say(heading), cure=say(cure), phone=None
    )
