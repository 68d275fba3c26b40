"""What calls and pages take from a request, each with its limits."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from cloud.store.schema import MAX_INTEGER
from cloud.web.context import RequestContext, call_for, own_call
from cloud.web.operators import MAX_REASON, MIN_REASON
from cloud.web.roles import Part, Right

Reader = Annotated[RequestContext, Depends(call_for(Right.READ))]
ConfigReader = Annotated[RequestContext, Depends(call_for(Right.CONFIG))]
ZoneReader = Annotated[RequestContext, Depends(call_for(Right.READ, Part.ZONE))]
DirectoryReader = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY, Part.CELL))]
AuditReader = Annotated[RequestContext, Depends(call_for(Right.AUDIT))]
OwnCall = Annotated[RequestContext, Depends(own_call)]
Guard = Annotated[RequestContext, Depends(call_for(Right.DOORS))]
Clerk = Annotated[RequestContext, Depends(call_for(Right.PEOPLE))]
Mechanic = Annotated[RequestContext, Depends(call_for(Right.DEVICES))]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[int | None, Query(ge=0, le=MAX_INTEGER)]
Id = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Text = Annotated[str, Query(max_length=80)]
Reason = Annotated[str, Field(min_length=MIN_REASON, max_length=MAX_REASON, pattern=r"\S")]
"""Why an operator does it: it stands in the device's journal and in the audit."""
ACCEPTED = 202
