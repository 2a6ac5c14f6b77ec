"""Kinds of value that several forms share."""

from typing import Annotated

from annotated_types import Ge, Le, Len
from pydantic import Strict, StringConstraints

Count = Annotated[int, Strict(), Ge(1), Le(10**14)]
Text = Annotated[str, Len(1, 300)]
Date = Annotated[str, StringConstraints(pattern=r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")]
RepoId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[\w.-]+$", max_length=120)]
