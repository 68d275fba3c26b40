"""What pages call what a case is made of."""

from collections.abc import Mapping

from cloud.cases.rule import Grade, Team
from cloud.web.sentence import N_

GRADE_WORDS: Mapping[Grade, str] = {
    Grade.LIFE_SAFETY: N_("Life safety"),
    Grade.SECURITY: N_("Security"),
    Grade.SERVICE: N_("Service"),
}
TEAM_WORDS: Mapping[Team, str] = {Team.GUARDS: N_("Guards"), Team.REPAIRS: N_("Repairs")}
