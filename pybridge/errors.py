# SPDX-License-Identifier: MIT
"""The root of every error that this package raises on purpose."""


class SliceBridgeError(Exception):
    """Something that the user can understand and mend; its text is complete without a traceback.

    The command line prints the text of such an error and exits with `exit_code`.
    """

    exit_code: int = 1
