"""The exception for mistakes that a user can fix, and other exceptions as one line."""


class UserError(SystemExit, ValueError):
    """A mistake that the user can fix; the message says what is wrong and what to do.

    Uncaught, it ends a command with that one sentence on stderr and exit status 1, without a
    traceback. To Python callers it is an ordinary :class:`ValueError`. (``SystemExit`` comes first:
    its ``__init__`` is what stores the message as the exit code.)
    """


def reason(error: BaseException) -> str:
    """An exception's message as one line of at most 300 characters, or its type if it has no message."""
    return f"{' '.join(str(error).split()) or type(error).__name__:.300}"
