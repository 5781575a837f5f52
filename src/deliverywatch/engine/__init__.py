"""The engine: evaluates CloudWatch alarms from their definition, as CloudWatch would. It knows no system.

Read `evaluate` first: one alarm, one moment. Around it, in the order in which data flows:

    documents, template, alarm   a template or DescribeAlarms -> definitions (`members`: of the right type?; `explain`)
    lint, kinds, signatures      is a definition sound, and does each expression fit together, whatever the data?
    history, notation, aws       files, test notation or a live account -> datapoints in a `series`
    windows, fetch, statistic    which periods an evaluation looks at, and what a period is worth
    expression                   metric math: tokens, syntax, operators, functions (gaps, arrays, clock_functions)
    verdict, reason, message     the rule for missing data and M of N; CloudWatch's words for it; the SNS message
    rule, composite, cron, mute  composite alarms, suppression, mute rules -> `actions`: what really runs
    minutes, vector, replay      the same over months of minutes at once, with NumPy -> `backtest`, `sweep`; the sums of
                                 their windows are `exact`
    cases, trial                 a file of series and expected states -> the first difference, explained
"""
