"""The services that let devices in and put them out, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.fleet.adoption import Adoptions
from cloud.fleet.registrar import Registrar
from cloud.web.context import service

Devices = Annotated[Registrar, Depends(service(Registrar))]
Waiting = Annotated[Adoptions, Depends(service(Adoptions))]
