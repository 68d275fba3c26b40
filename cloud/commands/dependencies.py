"""The services of commands and modes, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.commands.desired import Steering
from cloud.commands.service import Commander
from cloud.web.desk import service

Commands = Annotated[Commander, Depends(service(Commander))]
Modes = Annotated[Steering, Depends(service(Steering))]
