"""Settings of the shared home: one PostgreSQL database, and perhaps an object store, for several hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import SetupError

_OBJECTS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s?#]*)?")  # names of buckets: Amazon S3, User Guide


@dataclass(frozen=True)
class SharedSettings:
    """Place of records, images and results where several hosts share them."""

    database_url: str = field(
        default="", repr=False
    )  # empty: everything is in state_dir, as one host needs it; a PostgreSQL URL may hold a password
    objects_url: str = ""  # empty: images are in the database, one thing to back up
    objects_endpoint: str = ""  # empty: Amazon's
    objects_region: str = "us-east-1"  # what stores that know no regions expect
    objects_key_file: Path | None = None  # none: the environment's, or the machine's role

    def __post_init__(self) -> None:
        if self.database_url and not self.database_url.startswith("postgresql://"):
            raise SetupError(
                "database_url is not a PostgreSQL URL (it is not shown, since it may hold a password); expected "
                'postgresql://user@host:5432/database, or "" for a state folder'
            )
        if self.objects_url and not self.database_url:
            raise SetupError("objects_url is set and database_url is not; expected both, or neither")
        if self.objects_url and _OBJECTS.fullmatch(self.objects_url) is None:
            raise SetupError(f"objects_url is {self.objects_url!r}; expected s3://bucket or s3://bucket/prefix")
        if self.objects_endpoint and not self.objects_endpoint.startswith(("https://", "http://")):
            raise SetupError(f"objects_endpoint is {self.objects_endpoint!r}; expected https://… or http://…")
        if not self.objects_region:
            raise SetupError('objects_region is empty; expected a region, "us-east-1" where the store knows none')

    @property
    def is_used(self) -> bool:
        """Returns whether several hosts may share this home."""
        return bool(self.database_url)
