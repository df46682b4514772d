"""Values as the original's host writes them: trigger metadata is text that .NET rendered. Pure."""

import datetime
import json
import re

_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)"
                   r"(?:\.\d{1,7})?(Z|[+-]\d\d:?\d\d)?\Z")


compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # JSON without spaces, as text


def text_of(value):
    """A member of a JSON object that the host read and made text of; None stays None.

    The host's parser takes text that looks like an ISO date for one, whatever it is, and writes it in the invariant
    culture, without fractions of a second. One with an offset becomes local time.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _date_text(value) or value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, dict):
        return compact(value)
    return str(value)


def _date_text(text):
    found = _DATE.match(text) if len(text) >= 19 and text[10] == "T" else None
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    if zone in ("Z", None) and day < "29" and year != "0000":
        return "%s/%s/%s %s:%s:%s" % (month, day, year, hour, minute, second)
    try:
        moment = datetime.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
        if zone not in ("Z", None):
            shift = datetime.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment = moment.replace(tzinfo=datetime.timezone(-shift if zone[0] == "-" else shift)).astimezone()
    except (ValueError, OverflowError):  # no such day
        return None
    return "%02d/%02d/%04d %02d:%02d:%02d" % (moment.month, moment.day, moment.year, moment.hour, moment.minute, moment.second)


def _double_text(value):
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent and abs(value) >= 1e15:
        mantissa, _, exponent = ("%.16e" % value).partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    if not exponent:
        return mantissa
    return "%sE%s%02d" % (mantissa[:-2] if mantissa.endswith(".0") else mantissa, exponent[0] if exponent[0] in "+-" else "+",
                          abs(int(exponent)))


def timestamp_text(milliseconds):
    """A record's timestamp in UTC: `2022-04-28T11:24:28.96Z`, without the zeros at the end; None: that of 1970."""
    seconds, rest = divmod(milliseconds or 0, 1000)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    fraction = (".%03d" % rest).rstrip("0") if rest else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + fraction + "Z"
