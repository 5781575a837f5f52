"""`python cfn/build.py`: bundling/build.py, by a Python that has the locked packages, whichever one this is.

Any Python from 2.7 on reads this file, so that an old one says what it lacks.
"""

import os
import sys

CFN = os.path.dirname(os.path.abspath(__file__))
LOCKED_PYTHON = os.path.join(os.path.dirname(CFN), ".venv", "bin", "python")


def main():  # type: () -> None
    """Build, or hand over to the Python of scripts/setup, or say that it is missing."""
    if sys.version_info >= (3, 11):
        try:
            from bundling.build import main as build
        except ImportError as missing:
            reason = str(missing)
        else:
            sys.exit(build())
    else:
        reason = "DeliveryWatch needs Python 3.11 or newer; this is %d.%d" % sys.version_info[:2]
    if os.path.dirname(os.path.dirname(LOCKED_PYTHON)) == sys.prefix or not os.path.exists(LOCKED_PYTHON):
        sys.exit("%s. Run scripts/setup, which makes .venv with the locked packages, and build again." % reason)
    os.execv(LOCKED_PYTHON, [LOCKED_PYTHON] + sys.argv)


if __name__ == "__main__":
    main()
