"""CloudWatch alarms, evaluated here as CloudWatch would: no account is needed, and no system is known.

Read `evaluation.evaluate` first: one alarm, one moment. Its sub-rooms, from the top down; each imports only those below
(a contract in pyproject.toml):

    cli           `cwalarm <verb>`
    conformance   what CloudWatch is known to have decided -> what an evaluator answers
    unit_tests    a file of series and expected states -> the first difference, explained
    replay        alarms over months of minutes at once, with NumPy -> changes of state and the actions that run
    lint          a template -> what is wrong with its alarms, though CloudFormation takes it
    describe      a definition -> how it behaves when data is played to it, in plain words
    evaluation    datapoints visible at a moment -> a state, CloudWatch's reason for it, the SNS message
    metric_math   an expression and the series that it names -> values per slot
    definitions   a template or DescribeAlarms -> alarms, composites, their rules
    schedules     schedule expressions of AWS -> the times at which they start

Beside them stand `aws` (a live account -> definitions and datapoints) and `pytest_plugin` (the fixture `alarm`), at the
bottom `errors` and `junit` (the file that CI systems read).
"""
