"""Take out of a text what gives access: errors of storage and of drivers quote URLs and settings.

A net under what is refused earlier (a spec takes no URL with a password in it). It knows the
usual forms and no others.
"""

from __future__ import annotations

import re

HIDDEN = "***"
KEY_MARK = "sparkdrift-key:"
"""What keys of ours begin with where they stand in SQL, so that they are known in any text."""
OWN_KEY = KEY_MARK + "[0-9a-f]{64}"
_FORMS = (
    # user:password@host, of any scheme.
    (
        re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]{0,31}://)[^/\s@:'\"]{0,256}:[^/\s@'\"]{1,1024}@"),
        r"\1***@",
    ),
    # A setting or a part of a query: fs.s3a.secret.key=.., ?sig=.., password=..
    (
        re.compile(
            r"(?i)(?<![\w.-])([\w.-]{0,128}(?:secret|passw(?:or)?d|passwd|token|credential|"
            r"access[._-]?key|account[._-]?key|api[._-]?key)[\w.-]{0,128}|sig|x-amz-signature)"
            r"=(?!=)(\"[^\"]*\"|'[^']*'|[^\s&;,'\")]+)"
        ),
        r"\1=***",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(OWN_KEY), HIDDEN),
    (re.compile(r"\bdapi[0-9a-f]{32}(-[0-9]+)?\b"), HIDDEN),
)


def without_secrets(text: str) -> str:
    """`text` with `***` in place of passwords, tokens and keys of the usual forms."""
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text


def names_a_password(url: str) -> bool:
    """Whether a URL carries a user's password or a signature; such a path is to be refused."""
    return without_secrets(url) != url
