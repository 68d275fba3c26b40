"""The services of the fleet, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.fleet.adoption import Adoptions
from cloud.fleet.service import Registrar, RolloutService
from cloud.web.context import service

Devices = Annotated[Registrar, Depends(service(Registrar))]
Rollouts = Annotated[RolloutService, Depends(service(RolloutService))]
Waiting = Annotated[Adoptions, Depends(service(Adoptions))]
