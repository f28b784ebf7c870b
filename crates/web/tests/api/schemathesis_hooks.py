"""What `schemathesis` is told beside the API's description."""

import itertools

import schemathesis

NUMBERS = itertools.count()
KEY = "idempotency-key"


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key is made up anew for each request: another request under the same one is refused, as it must be."""
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and 1 <= len(key) <= 255 and all("!" <= letter <= "~" for letter in key):
        case.headers[KEY] = f"{next(NUMBERS)}-{key}"[:255]
