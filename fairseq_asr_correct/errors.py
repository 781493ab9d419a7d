"""The one exception that this project raises for mistakes a user can mend, and what it says of others'."""


class UserError(SystemExit, ValueError):
    """Something the user can put right; the message says what and how.

    Uncaught, it ends a command with that one sentence on stderr and exit status 1, without a
    traceback. To Python callers it is an ordinary :class:`ValueError`. (``SystemExit`` comes first:
    its ``__init__`` is what stores the message as the exit code.)
    """


def reason(error: BaseException) -> str:
    """The beginning of what an exception says, as one line."""
    return f"{' '.join(str(error).split()) or type(error).__name__:.300}"
