"""What telephones bring to the web."""

from cloud.phones import data_pages, desk_pages, family_pages, me_pages, record_pages, start_pages, visit, visitor_pages
from cloud.web.domain import Domain

PHONES = Domain(
    routers=(
        *(start_pages.router, me_pages.router, family_pages.router, record_pages.router, data_pages.router),
        *(visitor_pages.router, desk_pages.router),
    ),
    nav=data_pages.NAV,
    panels=desk_pages.PANELS,
    answers={visit.PhoneNeeded: visit.phone_needed, visit.FormTooOld: visit.form_too_old},
)
