"""What telephones bring to the web."""

from cloud.phones import desk_pages, me_pages, start_pages, visit
from cloud.web.domain import Domain

PHONES = Domain(
    routers=(start_pages.router, me_pages.router, desk_pages.router),
    panels=desk_pages.PANELS,
    answers={visit.PhoneNeeded: visit.phone_needed, visit.FormTooOld: visit.form_too_old},
)
