"""The base of all sections, and the small values: names, durations, times, tables, paths.

Each is a pydantic type whose validator says what is accepted. The YAML reader
hands over every scalar as text (see `documents.py`), so numbers and dates are
read here and by pydantic, never guessed by YAML.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from sparkdrift.redacting import names_a_password
from sparkdrift.spec.names import parse_table, refused_characters, refused_name

_DURATION = re.compile(r"([0-9]{1,6}) *(minute|hour|day)s?")
_KEEP = re.compile(r"([1-9][0-9]{0,3}) *(day|week|month|year)s?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:/")

ACCEPTED_DURATION = "a whole number of minutes, hours or days, such as '2 hours'"
ACCEPTED_KEEP = "'forever', or a whole number of days, weeks, months or years, such as '2 years'"
ACCEPTED_INTERVAL = "a whole number of days, weeks, months or years, such as '6 months'"
ACCEPTED_FILE = "a file such as /conf/models.yml, or one relative to this file"
ACCEPTED_DATE = "a date such as 2024-01-31, in the monitor's zone"
ACCEPTED_TIME = "2024-01-31 or 2024-01-31 06:00, local time in the monitor's zone, without offset"
ACCEPTED_ID = "a lower-case letter, then up to 62 lower-case letters, digits or underscores"
ACCEPTED_TABLE = "a table name of 1 to 3 parts, such as main.risk.inference_log"
ACCEPTED_PATH = "a folder such as /data/log, s3://bucket/log, or one relative to this file"
_PATH_ALONE = "the path alone; access belongs into the settings of the cluster or the catalog"
ACCEPTED_COLUMN = "the name of a column"
ACCEPTED_NAME = "a name such as basket_size"


def refusal(
    message: str, accepted: str, nearest: str | None = None, *, hidden: bool = False
) -> PydanticCustomError:
    """The error that a validator raises; `validating.py` turns it into a Problem.

    hidden: what was given is a secret, and is not shown.
    """
    context = {"message": message, "accepted": accepted, "nearest": nearest, "hidden": hidden}
    return PydanticCustomError("refused", "{message}", context)


def _column(name: str) -> str:
    reason = refused_name(name)
    if reason is not None:
        raise refusal(f"this can't be the name of a column: {reason}", ACCEPTED_COLUMN)
    return name


def _feature_name(name: str) -> str:
    reason = "it begins with ':'" if name.startswith(":") else refused_name(name)
    if reason is not None:
        raise refusal(f"this can't be the name of a feature: {reason}", ACCEPTED_NAME)
    return name


def is_identifier(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise refusal("this can't be an id", ACCEPTED_ID)
    return text


def _visible(text: str) -> str:
    if not text.strip():
        raise refusal("this is empty", "some text")
    reason = refused_characters(text)
    if reason is not None:
        raise refusal(f"this text can't be used: {reason}", "one line of text")
    return text.strip()


def _table(text: str) -> str:
    try:
        parse_table(text)
    except ValueError as error:
        raise refusal(f"this is no table name: {error}", ACCEPTED_TABLE) from None
    return text


def _path(text: str) -> str:
    reason = "it is empty" if not text.strip() else refused_characters(text)
    if reason is None and text.startswith("~"):
        reason = "'~' is not replaced by a home folder"
    if names_a_password(text):
        # Without what was given: it would be shown, and stored with each run.
        raise refusal(
            "a path with a password, key or signature in it is refused", _PATH_ALONE, hidden=True
        )
    if reason is not None:
        raise refusal(f"this path can't be used: {reason}", ACCEPTED_PATH)
    return text


def is_relative(path: str) -> bool:
    """Whether `path` depends on where the spec lies (no leading slash, no scheme)."""
    return not path.startswith("/") and not _SCHEME.match(path)


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        if isinstance(value, timedelta) and value >= timedelta(0):
            return value
        raise refusal("this is no duration", ACCEPTED_DURATION)
    if value.strip() == "0":
        return timedelta(0)
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise refusal("this is no duration", ACCEPTED_DURATION)
    return timedelta(**{f"{match[2]}s": int(match[1])})


# No shorter than any month or year is, so that nothing goes before its time.
_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}


def _keep(value: Any) -> Any:
    """Days as a timedelta; None: for ever."""
    if isinstance(value, timedelta) or value is None:
        return value
    text = value.strip() if isinstance(value, str) else ""
    if text == "forever":
        return None
    match = _KEEP.fullmatch(text)
    if match is None:
        raise refusal("this is no time to keep windows", ACCEPTED_KEEP)
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def _interval(value: Any) -> Any:
    """As long as `_keep` has it: nothing falls due early."""
    if isinstance(value, timedelta) and value > timedelta(0):
        return value
    text = value.strip() if isinstance(value, str) else ""
    match = _KEEP.fullmatch(text)
    if match is None:
        raise refusal("this is no interval", ACCEPTED_INTERVAL)
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def _plausible(day: date, accepted: str) -> None:
    # Far ends of the calendar overflow as soon as a zone is applied.
    if not 1900 <= day.year <= 2999:
        raise refusal("this year is out of range", f"{accepted}, from 1900 to 2999")


def _local_date(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            day = date.fromisoformat(value.strip())
        except ValueError as error:
            raise refusal(f"this date does not exist: {error}", ACCEPTED_DATE) from None
        _plausible(day, ACCEPTED_DATE)
        return day
    raise refusal("this is no date", ACCEPTED_DATE)


def _local_time(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise refusal("this time carries an offset", ACCEPTED_TIME)
        return value
    if isinstance(value, date):
        return datetime.fromisoformat(value.isoformat())
    text = value.strip() if isinstance(value, str) else ""
    if _DATE.fullmatch(text) or _TIME.fullmatch(text):
        try:
            time = datetime.fromisoformat(text)
        except ValueError as error:
            raise refusal(f"this time does not exist: {error}", ACCEPTED_TIME) from None
        _plausible(time, ACCEPTED_TIME)
        return time
    raise refusal("this is no local date or time", ACCEPTED_TIME)


class Section(BaseModel):
    """A mapping of the spec: unknown keys refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def by_key(cls) -> dict[str, FieldInfo]:
        """The fields by the keys that stand for them in YAML: not every key is a Python name."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


ColumnName = Annotated[str, AfterValidator(_column), Field(description=ACCEPTED_COLUMN)]
FeatureName = Annotated[str, AfterValidator(_feature_name), Field(description=ACCEPTED_NAME)]
Identifier = Annotated[str, AfterValidator(_identifier), Field(description=ACCEPTED_ID)]
Text = Annotated[str, AfterValidator(_visible), Field(description="some text")]
TableName = Annotated[str, AfterValidator(_table), Field(description=ACCEPTED_TABLE)]
SourcePath = Annotated[str, AfterValidator(_path), Field(description=ACCEPTED_PATH)]
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(description=ACCEPTED_DURATION)]
Keep = Annotated[timedelta | None, BeforeValidator(_keep), Field(description=ACCEPTED_KEEP)]
Interval = Annotated[timedelta, BeforeValidator(_interval), Field(description=ACCEPTED_INTERVAL)]
FilePath = Annotated[str, AfterValidator(_path), Field(description=ACCEPTED_FILE)]
LocalDate = Annotated[date, BeforeValidator(_local_date), Field(description=ACCEPTED_DATE)]
LocalTime = Annotated[datetime, BeforeValidator(_local_time), Field(description=ACCEPTED_TIME)]


def _keys(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


SliceKeys = Annotated[
    tuple[ColumnName, ...],
    BeforeValidator(_keys),
    Field(min_length=1, max_length=3, description="a column, or a list of 1 to 3 columns"),
]
