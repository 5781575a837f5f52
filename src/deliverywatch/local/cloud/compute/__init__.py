"""What runs and what starts it: functions, state machines, queues and schedules in simulated time.

In: deployed resources and the clock. Out: invocations with their logs and metrics.
Read `lambdas` first.
"""
