"""The services of commands and modes, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.api.desk import service
from cloud.commands import Commander
from cloud.desired import Steering

Commands = Annotated[Commander, Depends(service(Commander))]
Modes = Annotated[Steering, Depends(service(Steering))]
