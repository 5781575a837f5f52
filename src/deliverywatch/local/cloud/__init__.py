"""The local cloud: MiniStack with what it lacks, in simulated time.

In: a built template. Out: a stack that lives minute by minute on 127.0.0.1.
Read `cloud` first; `emulator` holds its foundation, the other sub-rooms are named for the services of AWS.
"""
