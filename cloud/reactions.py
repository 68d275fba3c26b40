"""All that the cloud's domains do about what devices send, in the order in which it is done."""

from cloud.cards.enrolment_store import ENROLMENT_STEPS
from cloud.cases.reaction import CASES_OF_EVENTS
from cloud.cases.shown_passes import SHOWN_PASSES
from cloud.charging.session_store import SESSIONS
from cloud.commands.answers import COMMAND_OUTCOMES, REPORTS, RESULTS
from cloud.counters.fold import COUNTS, ROOMS
from cloud.devices.clock_fixes import CLOCK_FIXES
from cloud.devices.reactions import Reactions
from cloud.devices.refusals import FIXED_REFUSALS, REFUSALS
from cloud.emergencies.store import EMERGENCIES
from cloud.permits.passages import PASSAGES

REACTIONS = Reactions(
    events=(COMMAND_OUTCOMES, CLOCK_FIXES, FIXED_REFUSALS, SESSIONS, EMERGENCIES, CASES_OF_EVENTS, ENROLMENT_STEPS),
    rows=(REFUSALS, COUNTS, PASSAGES, SHOWN_PASSES),
    channels=(RESULTS, REPORTS, ROOMS),
)
