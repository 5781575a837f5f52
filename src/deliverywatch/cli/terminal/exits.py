"""The exit codes of every verb, in one place."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script learns from the code alone."""

    DONE = 0
    # AWS, ClickSend or a file refused; the sentence on stderr says why and what to do.
    FAILED = 1
    # A wrong option, or input that cannot be used: running it again gives the same.
    USAGE = 2
    # `doctor`, `alarms check` and the like did their work and found something wrong.
    CHECK_FAILED = 3
    # `status` found an alarm that is active.
    ALARM_ACTIVE = 4
    # `status` knows of no open incident, or `doctor` of nothing that fails, and cannot see everything: silence proves
    # nothing.
    UNSEEN = 5


WORDS = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 a check failed, 4 an alarm is active, 5 not everything "
    "can be seen, 130 stopped with Ctrl-C."
)
