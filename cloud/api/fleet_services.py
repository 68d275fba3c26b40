"""The services that let devices in and put them out, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.adoption import Adoptions
from cloud.api.desk import service
from cloud.registrar import Registrar

Devices = Annotated[Registrar, Depends(service(Registrar))]
Waiting = Annotated[Adoptions, Depends(service(Adoptions))]
