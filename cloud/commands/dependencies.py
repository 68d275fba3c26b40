"""The services of commands and modes, as calls and pages ask for them."""

from typing import Annotated

from fastapi import Depends

from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.web.context import service

Commands = Annotated[CommandService, Depends(service(CommandService))]
Modes = Annotated[DesiredStateService, Depends(service(DesiredStateService))]
