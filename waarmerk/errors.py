"""Every error that waarmerk raises on purpose.

::

    WaarmerkError
    ├── KeyFileError       a key file is missing, corrupt, or readable by others
    ├── InputError         the input cannot be used: missing, empty, cut off, mislabelled, too large
    │   └── UnsupportedInputError   understood, but not supported: animated, 16 bit, video, unknown
    ├── CannotMarkError    the content cannot hold a mark: too small, too plain, too short, silent
    ├── SigningError       no signer, a certificate outside the profile, or signing failed
    └── OutputError        the result cannot be written

A message names the input, the cause, and what to do about it, in one line.
"""

__all__ = [
    "CannotMarkError",
    "InputError",
    "KeyFileError",
    "OutputError",
    "SigningError",
    "UnsupportedInputError",
    "WaarmerkError",
]


class WaarmerkError(Exception):
    """Base of every error that waarmerk raises on purpose."""


class KeyFileError(WaarmerkError):
    """A key file is missing, corrupt, or readable by others."""


class InputError(WaarmerkError):
    """The input cannot be used: missing, empty, cut off, mislabelled, too large."""


class UnsupportedInputError(InputError):
    """The input was understood but is of a kind that is not supported."""


class CannotMarkError(WaarmerkError):
    """The content cannot hold a mark, for instance because it is too small, plain or short."""


class SigningError(WaarmerkError):
    """No signer, a certificate outside the profile, or a signature that failed."""


class OutputError(WaarmerkError):
    """The result cannot be written."""
